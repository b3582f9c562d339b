"""LUTs of one layer in each weight scheme, beside its 4-bit twin of the same shape.

Usage::

    python benchmarks/scheme_luts.py [--epochs N] [--board NAME] [--write docs/scheme-luts.md]

The digits network (hwcompress.models.digits) is trained once for each scheme; some rows of
its second convolution become one matrix-vector engine, in two forms: unrolled, every weight
a constant (the hierarchy is dissolved, and constants are spread before Yosys's own script
starts, which takes memories of one word for memories until it is too late), and folded,
with the weights in a memory. Then single products by powers of two are counted, as
multiplications and as shifts. Counts are Yosys's, out of context.
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
from hwcompress.compress.schemes import (
    BinaryNetwork,
    BinaryWeights,
    FixedPoint,
    LogarithmicWeights,
    Scheme,
    Ternary,
    apply_scheme,
    settle,
)
from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data.digits import digits
from hwcompress.frontend import import_model
from hwcompress.hls.catalogue.measure import measure as measure_settings
from hwcompress.hls.catalogue.setting import Setting, Value
from hwcompress.hls.folding import Folding, Lanes
from hwcompress.hls.folding.powers import PowerCode
from hwcompress.hls.folding.style import Style
from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.builder import kind_code
from hwcompress.hls.rtl.memory import signed_bits
from hwcompress.hls.synth.cells import Resources
from hwcompress.hls.synth.hierarchy import read_hierarchy
from hwcompress.hls.synth.yosys import prepare, short_version
from hwcompress.ir import BIPOLAR, TERNARY, Conv, Dense, Graph, Input, IntType, Output
from hwcompress.models.digits import digits_cnn
from hwcompress.tools import need, run

_SCHEMES: dict[str, Scheme] = {
    "4-bit weights, 4-bit activations": FixedPoint(weight_bits=4, act_bits=4),
    "shift-only (log2, 4-bit codes), 4-bit activations": LogarithmicWeights(act_bits=4),
    "shift-only (log2, 3-bit codes), 4-bit activations": LogarithmicWeights(
        weight_bits=3, act_bits=4
    ),
    "ternary weights, 4-bit activations": Ternary(act_bits=4),
    "binary weights, 4-bit activations": BinaryWeights(act_bits=4),
    "binary weights, binary activations": BinaryNetwork(),
}
_ROWS = 2
_FOLDED_LANES = Lanes(2, 8)
_CONSTANTS = """proc
flatten
opt_expr
opt_clean
memory_dff
opt_mem
opt -full
"""
_COUNT = "tee -q -o {path} stat -json\n"
_HEAD = """# LUTs of a layer by its weight scheme

One matrix-vector engine, {rows} x {columns} weights of the second convolution of the digits
network, trained in each scheme for {epochs} epochs. *Unrolled*: all products in a cycle,
every weight a constant. *Folded*: {pe} x {simd} products a cycle, weights in a memory of
logic, multiplications in logic. Counts of {tool} for {board}, out of context. Printed by
`python benchmarks/scheme_luts.py --write docs/scheme-luts.md`.

| scheme | accuracy | zeros | `*` left | unrolled LUT | ratio | stored | folded LUT | ratio | DSP |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
{lines}

*`*` left*: multiplications in the unrolled netlist once its constants are known. *Stored*: bits
of a weight in the memory of the folded engine. *Ratio*: to the 4-bit twin.

What the generated Verilog makes of a scheme (`hwc_mul`): bipolar and ternary weights are
selected and not multiplied, or counted if the activations are bipolar too (`hwc_signs`). A
shift-only weight is a sign and an exponent, and zero: with codes of 4 bits it stands for an
integer of {log_bits} bits with a single one in its magnitude, but the memory holds the
{code_bits} bits. Unrolled, every product becomes wires and a sign; folded, it is a shift of the
activation and an exclusive or in front of a carry chain. Products and sums are as wide as the
largest power makes them, wider than the 4-bit twin's: that is what remains of its cost.

## One product

A weight of n consecutive powers of two and zero, as an integer that is multiplied in logic
(MULT = 1), and as a code that shifts:

| activation | n | integer's bits | LUT, multiplied | code's bits | LUT, shifted |
|---|--:|--:|--:|--:|--:|
{products}

The generator shifts where the code is no wider than the integer, unless the layer's multipliers
shall be DSP blocks or its weights can be reloaded. A bipolar or ternary activation selects the
integer or its negative, which takes as little or less; there a shift saves memory only.

Layers of codewords, as look-up tables: [lookup-luts.md](lookup-luts.md).
"""


@dataclass(frozen=True)
class Row:
    """A scheme's layer, measured."""

    name: str
    accuracy: float
    zeros: float
    bits: int
    stored: int
    multiplications: int
    unrolled: Resources
    folded: Resources
    tool: str


def layer_of(scheme: Scheme, epochs: int, folder: Path) -> tuple[Conv, Graph, float]:
    """The second convolution of the digits network trained in a scheme; accuracy in 0..1."""
    data = digits()
    assert isinstance(data.x_train, np.ndarray) and isinstance(data.x_test, np.ndarray)
    assert isinstance(data.scale, float) and data.y_train is not None and data.y_test is not None
    x = (data.x_train * data.scale).astype(np.float32)
    test = (data.x_test * data.scale).astype(np.float32)
    torch.manual_seed(0)
    module = apply_scheme(digits_cnn(), scheme, x)
    train_classifier(module, x, data.y_train, epochs=epochs, batch=32)
    settle(module)
    export_qonnx(module, x.shape[1:], folder / "model.onnx")
    graph = import_model(folder / "model.onnx", samples=test[:1]).graph
    layer = [op for op in graph.ops if isinstance(op, Conv)][1]
    return layer, graph, accuracy(logits(module, test), data.y_test)


def matrix_graph(layer: Conv, graph: Graph, count: int) -> Graph:
    """The first rows of a convolution's weights as a graph of one Dense."""
    weight = layer.weight.reshape(layer.weight.shape[0], -1)[:count]
    dtype = graph.tensors[layer.inputs[0]].dtype
    shape = (weight.shape[1],)
    ops = [
        Input("input", (), ("x",), shape, (0,), shape, dtype, 1.0, 0.0, None),
        Dense("layer", ("x",), ("y",), weight, layer.wtype, None),
        Output("output", ("y",), (), (), ()),
    ]
    return Graph.build("layer", ops)


def measure(
    graph: Graph, lanes: Lanes, folder: Path, board: str, *, constants: bool
) -> tuple[Resources, int, int, str]:
    """Yosys's counts of a graph of one layer, hierarchy dissolved.

    Args:
        graph: Input, the Dense ``layer`` and Output.
        lanes: of the layer.
        folder: for the design and Yosys's files.
        board: whose family counts.
        constants: weights that never change are spread as constants first; multiplications
            are then left to Yosys, and in logic otherwise.

    Returns:
        Resources, multiplications left before mapping (0 where constants are not spread),
        bits of a weight in its memory, and Yosys's name.
    """
    style = Style(multiplier="auto" if constants else "lut", memory="logic")
    design = generate(graph, Folding({"layer": lanes}, {"layer": style}), folder / "rtl")
    work = folder / "synth"
    plan = prepare(design, work, load(board), flatten=True)
    script = os.path.relpath(plan.script, plan.cwd)
    before = work / "constants.json"
    if constants:
        count = _COUNT.format(path=os.path.relpath(before, plan.cwd))
        at = plan.text.index("synth_")
        text = plan.text[:at] + _CONSTANTS + count + plan.text[at:]
        plan.script.write_text(text, encoding="utf-8")
    yosys = need("yosys", purpose="counting LUTs")
    run(yosys, ["-s", script], cwd=plan.cwd, log=work / "yosys.log")
    found = read_hierarchy(work / "flat_stat.json", work / "flat_instances.il", design.top)
    left = 0
    if constants:
        modules = json.loads(before.read_text(encoding="utf-8"))["modules"]
        left = int(modules[f"\\{design.top}"]["num_cells_by_type"].get("$mul", 0))
    (unit,) = (item for item in design.instances if item.module == "hwc_mvu")
    stored = int(str(unit.parameters["W_BITS"]))
    return found.resources(design.top), left, stored, short_version(found.creator)


def rows(epochs: int, board: str, work: Path, schemes: dict[str, Scheme] = _SCHEMES) -> list[Row]:
    """All schemes, measured."""
    found = []
    for number, (name, scheme) in enumerate(schemes.items()):
        folder = work / str(number)
        folder.mkdir(parents=True)
        layer, graph, right = layer_of(scheme, epochs, folder)
        alone = matrix_graph(layer, graph, _ROWS)
        columns = layer.weight[0].size
        lanes = Lanes(_ROWS, columns)
        full, left, _, tool = measure(alone, lanes, folder / "unrolled", board, constants=True)
        part, _, stored, _ = measure(
            alone, _FOLDED_LANES, folder / "folded", board, constants=False
        )
        zeros = float(np.mean(layer.weight == 0))
        row = Row(name, right, zeros, layer.wtype.bits, stored, left, full, part, tool)
        print(f"{name}: unrolled {full.lut:g} LUT, folded {part.lut:g}", flush=True)
        found.append(row)
    return found


_ACTIVATIONS = {
    "2 bits": IntType(0, 3),
    "4 bits": IntType(0, 15),
    "8 bits": IntType(0, 255),
    "4 bits, signed": IntType(-8, 7),
    "8 bits, signed": IntType(-128, 127),
    "bipolar": BIPOLAR,
    "ternary": TERNARY,
}


def products(work: Path) -> list[str]:
    """Lines of the table of single products, on 7 series."""
    cases = [(name, count) for name in _ACTIVATIONS for count in (3, 7, 15)]
    settings, widths = [], []
    for name, count in cases:
        xtype, code = _ACTIVATIONS[name], PowerCode(0, count)
        most = code.largest * max(abs(xtype.lo), xtype.hi)
        bits = signed_bits(-code.largest, code.largest)
        common: dict[str, Value] = {
            "X_BITS": xtype.bits,
            "X_KIND": kind_code(xtype),
            "P_BITS": signed_bits(-most, most),
        }
        numbers: dict[str, Value] = {"W_BITS": bits, "W_KIND": 1, "MULT": 1}
        codes: dict[str, Value] = {"W_BITS": code.bits, "W_KIND": 4}
        title = f"{name}, {count}"
        settings.append(Setting("hwc_mul", f"{title}, multiplied", {**common, **numbers}))
        settings.append(Setting("hwc_mul", f"{title}, shifted", {**common, **codes}))
        widths.append((bits, code.bits))
    yosys = need("yosys", purpose="counting LUTs")
    luts = [item.resources.lut for item in measure_settings(settings, "xc7", work, yosys)]
    return [
        f"| {name} | {count} | {bits} | {luts[2 * i]:g} | {code_bits} | {luts[2 * i + 1]:g} |"
        for i, ((name, count), (bits, code_bits)) in enumerate(zip(cases, widths, strict=True))
    ]


def page(found: list[Row], singles: list[str], epochs: int, board: str) -> str:
    """The table as Markdown; the first row is the 4-bit twin."""
    twin = found[0]
    lines = [
        f"| {row.name} | {100 * row.accuracy:.1f} % | {100 * row.zeros:.0f} % |"
        f" {row.multiplications} |"
        f" {row.unrolled.lut:,.0f} | {row.unrolled.lut / twin.unrolled.lut:.2f} |"
        f" {row.stored} | {row.folded.lut:,.0f} | {row.folded.lut / twin.folded.lut:.2f} |"
        f" {row.unrolled.dsp + row.folded.dsp:g} |"
        for row in found
    ]
    shifts = next(row for row in found if row.name.startswith("shift"))
    return _HEAD.format(
        rows=_ROWS,
        columns=72,
        pe=_FOLDED_LANES.pe,
        simd=_FOLDED_LANES.simd,
        epochs=epochs,
        tool=twin.tool,
        board=load(board).title,
        lines="\n".join(lines),
        products="\n".join(singles),
        log_bits=shifts.bits,
        code_bits=shifts.stored,
    )


def main() -> None:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--board", default="pynq-z2")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = rows(arguments.epochs, arguments.board, Path(work))
        singles = products(Path(work) / "products")
    text = page(found, singles, arguments.epochs, arguments.board)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
