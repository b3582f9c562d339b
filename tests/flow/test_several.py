"""Builds of models with several inputs and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hwcompress.errors import InputError
from hwcompress.flow.build import build
from hwcompress.flow.manifest import Manifest
from hwcompress.flow.request import make_settings
from hwcompress.flow.step import Silent, Step
from hwcompress.hls.rtl.design import Design
from hwcompress.ir import evaluate, load
from hwcompress.report.convert import from_json
from hwcompress.report.facts import DataFacts, GraphFacts, SimulateFacts, SourceFacts, VerifyFacts
from hwcompress.report.model import read
from tests.frontend.onnx_builder import ModelBuilder

COUNT = 40
NETS = """
import torch
from torch import nn

class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.left, self.right, self.out = nn.Linear(8, 6), nn.Linear(5, 6), nn.Linear(12, 3)

    def forward(self, image, energy):
        left = torch.relu(self.left(image.flatten(1)))
        return self.out(torch.cat([left, torch.relu(self.right(energy))], 1))

def joined():
    return Joined()

class Ends(Joined):
    def forward(self, image, energy):
        left, right = self.left(image.flatten(1)), self.right(energy)
        joined = torch.cat([torch.relu(left), torch.relu(right)], 1)
        return torch.softmax(self.out(joined), 1), self.left(image.flatten(1))

def ends():
    return Ends()

def program():
    return torch.export.export(Joined().eval(), (torch.zeros(1, 2, 2, 2), torch.zeros(1, 5)))
"""


class Started(Silent):
    """Remembers which steps were run."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def started(self, step: Step) -> None:
        self.steps.append(step.name)


def two_and_two(folder: Path) -> Path:
    """An image and a vector, each through a layer; their sum gives two results."""
    random = np.random.default_rng(2)
    model = ModelBuilder((1, 2, 3, 3))
    model.more_inputs["energy"] = (1, 5)
    model.act(1 / 255, 8, signed=False)
    model.conv(random.integers(-3, 4, (2, 2, 2, 2)), 1.0, 3)
    model.act(0.5, 4, signed=False)
    left = model.node("Flatten", model.last)
    model.last = "energy"
    model.act(1.0, 4)
    model.dense(random.integers(-3, 4, (8, 5)), 1.0, 3)
    model.act(0.5, 4, signed=False)
    model.node("Add", left, model.last)
    joined = model.act(1.0, 4, signed=False)
    model.dense(random.integers(-3, 4, (2, 8)), 1.0, 3)
    model.outputs.append(model.act(2.0, 6))
    model.last = joined
    model.dense(random.integers(-3, 4, (3, 8)), 1.0, 3)
    return model.save(folder / "two.onnx")


def samples(folder: Path, *, shape: tuple[int, ...] = (2, 3, 3), labelled: bool = True) -> Path:
    random = np.random.default_rng(9)
    arrays = {
        "energy": random.integers(-8, 8, (COUNT, 5)).astype(np.float32),
        "image": random.integers(0, 256, (COUNT, *shape)).astype(np.uint8),
    }
    if labelled:
        arrays["y"] = random.integers(0, 2, COUNT)
    np.savez(folder / "two.npz", allow_pickle=False, **arrays)
    return folder / "two.npz"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A build as far as the Verilog that was verified, and what goes to the board."""
    folder = tmp_path_factory.mktemp("several")
    path, data = two_and_two(folder), samples(folder)
    # Under this name the file has an input "image" rather than "x".
    model = renamed(path)
    settings = make_settings(board="pynq", model=str(model), data=str(data))
    return folder, build(folder / "out", settings, targets=["package"], jobs=1)


def renamed(path: Path) -> Path:
    import onnx

    proto = onnx.load(path)
    for item in (*proto.graph.input, *proto.graph.node):
        if isinstance(item, onnx.NodeProto):
            item.input[:] = ["image" if name == "x" else name for name in item.input]
        elif item.name == "x":
            item.name = "image"
    onnx.save(proto, path)
    return path


def test_every_level_is_exact(built: tuple[Path, Manifest]) -> None:
    _, manifest = built
    results = {name: record.result for name, record in manifest.records.items()}
    data = from_json(DataFacts, results["data"])
    assert [(item.name, item.shape) for item in data.inputs] == [
        ("image", (2, 3, 3)),
        ("energy", (5,)),
    ]
    graph = from_json(GraphFacts, results["import"])
    assert [item.source for item in graph.inputs] == ["image", "energy"]
    simulated = from_json(SimulateFacts, results["simulate"])
    verified = from_json(VerifyFacts, results["verify"])
    checks = simulated.checks + verified.checks
    assert {check.samples for check in checks} == {COUNT}
    assert not any(check.mismatches or check.explained for check in checks)
    assert {check.level for check in checks} == {"integer graph", "Numba simulator", "Verilog"}
    outputs = [check.values for check in checks if check.scope == "outputs"]
    assert outputs == [COUNT * 5, COUNT * 5]  # of both results
    assert {row.samples for row in simulated.accuracy} == {COUNT}


def test_what_goes_to_the_board(built: tuple[Path, Manifest]) -> None:
    folder, _ = built
    deploy = folder / "out" / "deploy"
    design, graph = Design.load(deploy / "rtl"), load(deploy / "graph")
    with np.load(deploy / "vectors" / "vectors.npz", allow_pickle=False) as archive:
        vectors = {name: archive[name] for name in archive.files}
    assert set(vectors) == {"x0", "x1", "input0", "input1", "output0", "output1", "y"}
    with np.load(folder / "two.npz") as given:
        assert np.array_equal(vectors["x0"], given["image"][:32])
        assert np.array_equal(vectors["x1"], given["energy"][:32])
    fed = {
        stream.tensor: vectors[f"input{index}"].astype(np.int64)
        for index, stream in enumerate(design.inputs)
    }
    expected = evaluate(graph, fed)
    for index, stream in enumerate(design.outputs):
        assert np.array_equal(expected[stream.tensor], vectors[f"output{index}"])
    files = {f"input{index}.hex": item for index, item in enumerate(design.inputs)}
    files |= {f"expected{index}.hex": item for index, item in enumerate(design.outputs)}
    values = {**fed, **expected}
    for name, stream in files.items():
        beats = (deploy / "vectors" / name).read_text().split()
        raw = np.array([list(bytes.fromhex(beat))[::-1] for beat in beats], np.uint8)
        assert np.array_equal(stream.unpack(raw), values[stream.tensor])
    readme = (deploy / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in files)
    assert "- `energy`, port `s_axis_1`: shape (5,), axes (0,), `clip(rint(x / 1.0" in readme
    assert "in `vectors.npz` samples `x1`, integers `input1`" in readme


def test_nothing_runs_again(built: tuple[Path, Manifest]) -> None:
    folder, _ = built
    seen = Started()
    build(folder / "out", targets=["package"], jobs=1, progress=seen)
    assert seen.steps == []


def test_the_report_names_the_inputs(built: tuple[Path, Manifest]) -> None:
    folder, _ = built
    from hwcompress.flow.build import refresh_report

    refresh_report(folder / "out")
    page = (folder / "out" / "report.html").read_text()
    assert "input image 2 × 3 × 3 of type u8, input energy 5 of type i4" in page
    assert "test samples of image: shape 2 × 3 × 3, uint8; energy: shape 5, float32" in page
    assert read(folder / "out").mismatches == 0


@pytest.mark.parametrize("source", ["module", "trained", "program", "file", "float"])
def test_float_sources(tmp_path: Path, source: str) -> None:
    (tmp_path / "net.py").write_text(NETS)
    scope: dict[str, object] = {}
    exec(NETS, scope)  # the same source that the builds load
    model = "net.py:joined"
    if source == "program":
        model = "net.py:program"
    elif source == "file":
        model = "net.pt2"
        torch.export.save(scope["program"](), tmp_path / model)  # type: ignore[operator]
    elif source == "float":
        model = "net.onnx"
        torch.onnx.export(
            scope["joined"]().eval(),  # type: ignore[operator]
            (torch.zeros(1, 2, 2, 2), torch.zeros(1, 5)),
            str(tmp_path / model),
            input_names=["image", "energy"],
            dynamo=False,
        )
    trained = source == "trained"
    settings = make_settings(
        board="pynq",
        model=str(tmp_path / model),
        data=str(samples(tmp_path, shape=(2, 2, 2), labelled=trained)),
        epochs=1 if trained else None,
    )
    manifest = build(tmp_path / "out", settings, targets=["simulate"], jobs=1)
    results = {name: record.result for name, record in manifest.records.items()}
    graph = from_json(GraphFacts, results["import"])
    bits = "4" if trained else "8"
    assert [(item.source, item.dtype) for item in graph.inputs] == [
        ("image", f"u{bits}"),
        ("energy", f"i{bits}"),
    ]
    checks = from_json(SimulateFacts, results["simulate"]).checks
    assert checks[0].against == "PyTorch"
    assert {check.samples for check in checks} == {8 if trained else COUNT}
    assert not any(check.mismatches or check.explained for check in checks)
    notes = from_json(SourceFacts, results["train"]).notes
    assert any("trained for 1 epochs" in note for note in notes) is trained


def test_every_result_is_compared_with_pytorch(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETS)
    data = samples(tmp_path, shape=(2, 2, 2), labelled=False)
    settings = make_settings(board="pynq", model=str(tmp_path / "net.py:ends"), data=str(data))
    manifest = build(tmp_path / "out", settings, targets=["simulate"], jobs=1)
    first, second, *_ = from_json(SimulateFacts, manifest.records["simulate"].result).checks
    assert (first.against, second.against) == ("PyTorch", "QONNX executor")
    for check in (first, second):
        assert (check.values, check.mismatches) == (COUNT * (3 + 6), 0)
    with np.load(tmp_path / "out" / "source" / "outputs.npz") as outputs:
        assert outputs["y"].shape == (COUNT, 3)
        assert outputs["y1"].shape == (COUNT, 6)
        assert np.any(outputs["y"] < 0)  # before the softmax


def test_without_data_the_arrays_are_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        make_settings(board="pynq", model=str(two_and_two(tmp_path)))
    assert "with an array for each input, x (n, 2, 3, 3), energy (n, 5)" in str(caught.value)


def test_a_module_and_other_data(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETS)
    for shape, arrays, said in (
        ((2, 2, 2), {"x": np.zeros((4, 8))}, "no array for input 'image' of the model"),
        ((2, 2, 3), {}, r"takes no samples of shape image \(2, 2, 3\), energy \(5,\)"),
    ):
        data = samples(tmp_path, shape=shape, labelled=False)
        if arrays:
            np.savez(data, allow_pickle=False, **arrays)
        settings = make_settings(
            board="pynq", model=str(tmp_path / "net.py:joined"), data=str(data)
        )
        with pytest.raises(InputError, match=said):
            build(tmp_path / "out", settings, targets=["train"], jobs=1)
