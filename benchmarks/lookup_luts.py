"""LUTs of a product-quantized layer as look-up tables, beside its 4-bit twin of the same shape.

Usage::

    python benchmarks/lookup_luts.py [--epochs N] [--codewords 4] [--rows 16] [--board NAME]
        [--write docs/lookup-luts.md]

The digits network (hwcompress.models.digits) is trained with 4-bit weights and activations; then
its second convolution is put together from codewords, without further training. Both forms of
the layer are one position of it, unrolled, every weight a constant, as in scheme_luts.py. On one
position the grouped convolution of the tables is a dense layer with blocks on its diagonal; what
lies outside is zero, and Yosys leaves nothing of it. The two graphs are compared in the
simulator first.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hwcompress.boards import load
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, parse_recipe, run_recipe
from hwcompress.compress.train import accuracy, logits
from hwcompress.data.digits import digits
from hwcompress.flow.compressing.lookup import Lookup, find_lookup
from hwcompress.frontend import import_model
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.rtl import generate
from hwcompress.hls.synth.cells import Resources
from hwcompress.hls.synth.hierarchy import read_hierarchy
from hwcompress.hls.synth.yosys import prepare, short_version
from hwcompress.ir import Conv, Dense, Graph, Input, IntType, Output, int_range
from hwcompress.models.digits import digits_cnn
from hwcompress.sim import Simulator
from hwcompress.tools import need, run

KERNEL = 9
SAMPLES = 200

_TRAIN = """
[[step]]
name = "quantize"
weight_bits = 4
act_bits = 4

[[step]]
name = "train"
epochs = {epochs}
"""
_CODE = """
[[step]]
name = "product-quantize"
codewords = {codewords}
min_weights = 1000
layers = [{{ match = "@last", min_weights = 1000000 }}]
"""
# Constants before Yosys's own script, which takes memories of one word for memories.
_CONSTANTS = "proc\nflatten\nopt_expr\nopt_clean\nmemory_dff\nopt_mem\nopt -full\n"
_COUNT = "tee -q -o {path} stat -json\n"


@dataclass(frozen=True)
class Counted:
    """A form of the layer: its resources, and multiplications left before mapping."""

    resources: Resources
    multiplications: int
    tool: str


def trained(text: str) -> tuple[Graph, float]:
    """The digits network after a recipe, and its accuracy in percent."""
    data = digits()
    x, test = data.real_train(), data.real_test()
    assert isinstance(x, np.ndarray) and isinstance(test, np.ndarray)
    assert data.y_train is not None and data.y_test is not None
    torch.manual_seed(0)
    done = run_recipe(digits_cnn(), Data(x, data.y_train), parse_recipe(text, "lookups"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_qonnx(done.module, x.shape[1:], path)
        graph = import_model(path, samples=test[:1]).graph
    return graph, 100 * accuracy(logits(done.module, test), data.y_test)


def second(graph: Graph) -> Conv:
    """The second convolution."""
    return [op for op in graph.ops if isinstance(op, Conv)][1]


def plain_graph(weight: np.ndarray, dtype: IntType) -> Graph:
    """One position of the layer: weights ``(rows, columns)``."""
    ops = [
        _entry(weight.shape[1], dtype),
        Dense("layer", ("x",), ("y",), weight, int_range(weight)),
        Output("output", ("y",), ()),
    ]
    return Graph.build("layer", ops)


def table_graph(lookup: Lookup, rows: int, dtype: IntType) -> Graph:
    """The same with tables."""
    parts, most, length = lookup.codewords.shape
    blocks = np.zeros((parts * most, parts * length), np.int64)
    ones = np.zeros((rows, parts * most), np.int64)
    for part in range(parts):
        words = slice(part * most, (part + 1) * most)
        blocks[words, part * length : (part + 1) * length] = lookup.codewords[part]
        for row in range(rows):
            if lookup.index[row, part] >= 0:
                ones[row, part * most + lookup.index[row, part]] = 1
    ops = [
        _entry(parts * length, dtype),
        Dense("tables", ("x",), ("t",), blocks, int_range(blocks)),
        Dense("sums", ("t",), ("y",), ones, int_range(ones)),
        Output("output", ("y",), ()),
    ]
    return Graph.build("tables", ops)


def _entry(columns: int, dtype: IntType) -> Input:
    return Input("input", (), ("x",), (columns,), (0,), (columns,), dtype, 1.0)


def count(graph: Graph, folder: Path, board: str) -> Counted:
    """Yosys's counts of a graph of dense layers, unrolled, hierarchy dissolved."""
    layers = [op for op in graph.layers if isinstance(op, Dense)]
    lanes = {op.name: Lanes(*op.weight.shape) for op in layers}
    styles = {op.name: Style(multiplier="auto", memory="logic") for op in layers}
    design = generate(graph, Folding(lanes, styles), folder / "rtl")
    work = folder / "synth"
    plan = prepare(design, work, load(board), flatten=True)
    before = work / "constants.json"
    at = plan.text.index("synth_")
    tee = _COUNT.format(path=os.path.relpath(before, plan.cwd))
    text = plan.text[:at] + _CONSTANTS + tee + plan.text[at:]
    plan.script.write_text(text, encoding="utf-8")
    yosys = need("yosys", purpose="counting LUTs")
    run(yosys, ["-s", os.path.relpath(plan.script, plan.cwd)], cwd=plan.cwd, log=work / "yosys.log")
    found = read_hierarchy(work / "flat_stat.json", work / "flat_instances.il", design.top)
    cells = json.loads(before.read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    left = int(cells.get("$mul", 0))
    return Counted(found.resources(design.top), left, short_version(found.creator))


def page(wanted: argparse.Namespace, work: Path) -> str:
    """Measure, and say it as Markdown."""
    twin, plain_score = trained(_TRAIN.format(epochs=wanted.epochs))
    code = _CODE.format(codewords=wanted.codewords)
    coded, coded_score = trained(_TRAIN.format(epochs=wanted.epochs) + code)
    layer = second(coded)
    lookup = find_lookup(coded, layer.name, KERNEL)
    dtype = coded.tensors[layer.inputs[0]].dtype
    weight = layer.weight.reshape(layer.weight.shape[0], -1)[: wanted.rows][:, lookup.order]
    own = second(twin).weight.reshape(layer.weight.shape[0], -1)[: wanted.rows]
    forms = {
        "4-bit twin, dense": (plain_graph(own, dtype), plain_score),
        "codewords, dense": (plain_graph(weight, dtype), coded_score),
        "codewords, as tables": (table_graph(lookup, wanted.rows, dtype), coded_score),
    }
    values = np.random.default_rng(0).integers(dtype.lo, dtype.hi + 1, (SAMPLES, weight.shape[1]))
    one, other = (Simulator(forms[name][0])(values) for name in list(forms)[1:])
    assert np.array_equal(one, other), "the tables give other integers than the layer"
    lines, first, tool = [], None, ""
    for number, (name, (graph, score)) in enumerate(forms.items()):
        found = count(graph, work / str(number), wanted.board)
        tool, lut = found.tool, found.resources.lut
        first = first or lut
        products = sum(int(np.count_nonzero(np.abs(op.weight) > 1)) for op in graph.layers)
        print(f"{name}: {lut:g} LUT", flush=True)
        lines.append(
            f"| {name} | {score:.1f} % | {products} | {found.multiplications} | {lut:,.0f}"
            f" | {lut / first:.2f} | {found.resources.ff:,.0f} | {found.resources.dsp:g} |"
        )
    return "\n".join(
        [
            "# LUTs of look-up tables",
            "",
            f"{wanted.rows} x {weight.shape[1]} weights of the second convolution of the digits"
            f" network, 4-bit weights and activations, trained for {wanted.epochs} epochs;"
            f" {wanted.codewords} codewords of {KERNEL} columns in each of"
            f" {lookup.codewords.shape[0]} parts, chosen for the responses, without further"
            " training. One position, unrolled, every weight a constant. Counts of"
            f" {tool} for {load(wanted.board).title}, out of context. Printed by `python"
            f" benchmarks/lookup_luts.py --rows {wanted.rows} --write docs/lookup-luts.md`.",
            "",
            "| form | accuracy | weights beyond 0 and 1 | `*` left | LUT | of twin | FF | DSP |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
            *lines,
            "",
            "*codewords, dense* is the same layer without tables: what Yosys shares by itself.",
            "",
        ]
    )


def main() -> None:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--codewords", type=int, default=4)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--board", default="pynq-z2")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        text = page(wanted, Path(work))
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
