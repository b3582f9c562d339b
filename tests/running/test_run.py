"""Runs over streams give what the definition gives, whatever the memory and the chunks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.data import open_stream, stream_arrays
from hwcompress.errors import InputError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import encoded
from hwcompress.inspect.opening import ModelRequest
from hwcompress.ir import save, trace
from hwcompress.running import (
    RunFacts,
    RunOptions,
    RunRequest,
    evaluate,
    load_model,
    run_request,
)
from hwcompress.running.effects import EffectOptions
from hwcompress.sim import range_table
from hwcompress.sim.decisions import decide
from hwcompress.sim.effects import Accumulators, EffectSimulator, Faults, Flip, save_flips
from tests.inspect.nets import image_net, raw_mlp, two_outputs

COUNT = 700
RNG = np.random.default_rng(8)


class Case:
    """The raw MLP with data, and what the definition makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = raw_mlp(folder)
        self.x = RNG.normal(0, 1, (COUNT, 4)).astype(np.float32)
        self.y = RNG.integers(0, 2, COUNT)
        self.data = folder / "data.npz"
        np.savez(self.data, x=self.x, y=self.y)
        self.imported: Imported = import_model(self.model, samples=self.x)
        self.graph = self.imported.graph
        self.feeds = encoded(self.imported, self.x)
        self.trace = trace(self.graph, self.feeds)
        (op,) = self.graph.outputs
        tensor = self.graph.tensors[op.inputs[0]]
        self.real = op.in_source_order(tensor.affine.apply(self.trace[tensor.name]))
        self.given = decide(self.graph, self.real)

    def run(self, **options: object) -> RunFacts:
        return run_request(
            RunRequest(
                ModelRequest(str(self.model), data=str(self.data)),
                options=RunOptions(**options),  # type: ignore[arg-type]
            ),
            lambda what, done, total: None,
        )


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(
    "options", [{}, {"memory": 3_200_000, "threads": 1}, {"batch": 16, "threads": 2}]
)
def test_everything_that_is_kept(case: Case, tmp_path: Path, options: dict[str, int]) -> None:
    out, traced = tmp_path / "out.npy", tmp_path / "trace.npz"
    facts = case.run(out=out, trace=traced, samples="3,100-104,699", ranges=True, **options)
    assert facts.samples == COUNT
    assert facts.chunk < COUNT or "memory" not in options
    assert facts.seconds >= facts.simulator_seconds > 0
    assert facts.written == (str(out), str(traced))

    right = int((case.given == case.y).sum())
    assert facts.score is not None and facts.score.confusion is not None
    assert (facts.score.correct, facts.score.samples) == (right, COUNT)
    matrix = np.zeros((2, 2), np.int64)
    np.add.at(matrix, (case.y, case.given), 1)
    assert np.array_equal(facts.score.confusion, matrix)

    (op,) = case.graph.outputs
    assert np.array_equal(np.load(out), op.finish(case.real))

    rows = [3, *range(100, 105), 699]
    found = np.load(traced, allow_pickle=False)
    assert found.files == list(case.graph.tensors)
    for name, values in case.trace.items():
        assert np.array_equal(found[name], values[rows])

    for row, fact in zip(range_table(case.graph, case.trace), facts.ranges, strict=True):
        assert fact.tensor == row.tensor
        assert fact.observed == (row.observed.lo, row.observed.hi)
        assert fact.reachable == (row.reachable.lo, row.reachable.hi)
        assert fact.unused_bits == row.unused_bits
        assert len(fact.constant) == row.constant_channels
        flat = case.trace[row.tensor].reshape(-1, row.channels)
        bounds = np.stack([flat.min(axis=0), flat.max(axis=0)], axis=1)
        assert np.array_equal(fact.channel_observed, bounds)


def test_integers_and_chosen_tensors(case: Case, tmp_path: Path) -> None:
    (op,) = case.graph.outputs
    out, traced = tmp_path / "out.npz", tmp_path / "trace.npz"
    names = [op.inputs[0], case.graph.inputs[0].outputs[0]]
    case.run(out=out, integers=True, trace=traced, tensors=",".join(names))
    (values,) = np.load(out).values()
    assert values.dtype == np.int8 and np.array_equal(values, case.trace[op.inputs[0]])
    found = np.load(traced)
    assert found.files == names
    assert all(np.array_equal(found[name], case.trace[name]) for name in names)


def test_the_type_of_the_input_follows_from_all_samples(case: Case) -> None:
    """The first sample alone would give another one."""
    first = import_model(case.model, samples=case.x[:1])
    assert first.graph.inputs[0].scale != case.graph.inputs[0].scale
    found = load_model(case.model, samples=open_stream(case.data)).graph
    assert found.inputs[0].scale == case.graph.inputs[0].scale
    parts = [case.x[:5], case.x[5:]]
    assert load_model(case.model, samples=stream_arrays(parts)).graph.inputs[0].scale == (
        case.graph.inputs[0].scale
    )
    with pytest.raises(InputError, match="which can be gone through only once"):
        load_model(case.model, samples=stream_arrays(iter(parts)))
    load_model(case.model, samples=stream_arrays(iter(parts)), input_type="fixed<16,3>")


def test_from_python(case: Case) -> None:
    model = load_model(str(case.model), samples=case.x)
    told = []
    facts = evaluate(
        model,
        stream_arrays((case.x[i : i + 99], case.y[i : i + 99]) for i in range(0, COUNT, 99)),
        say=lambda what, done, total: told.append((what, done, total)),
    )
    assert facts.score is not None
    assert facts.score.correct == int((case.given == case.y).sum())
    assert told[-1] == ("simulate", COUNT, 0)


def test_several_outputs(tmp_path: Path) -> None:
    path = two_outputs(tmp_path)
    out = tmp_path / "o.npz"

    def run(**options: object) -> RunFacts:
        request = RunRequest(
            ModelRequest(str(path), seed=4),
            random=100,
            options=RunOptions(**options),  # type: ignore[arg-type]
        )
        return run_request(request, lambda what, done, total: None)

    facts = run(out=out)
    assert facts.score is None and facts.data == "random"
    imported = import_model(path)
    (op,) = imported.graph.inputs
    feeds = np.random.default_rng((4, 0)).integers(0, op.dtype.count, (100, *op.shape))
    values = trace(imported.graph, feeds + op.dtype.lo)
    found = np.load(out)
    assert found.files == list(imported.model.outputs)
    for name, end in zip(found.files, imported.graph.outputs, strict=True):
        tensor = imported.graph.tensors[end.inputs[0]]
        real = end.finish(end.in_source_order(tensor.affine.apply(values[tensor.name])))
        assert np.array_equal(found[name], real)
    with pytest.raises(InputError, match="for a model with 2 outputs"):
        run(out=tmp_path / "o.npy")


def test_a_stored_graph(case: Case, tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    save(case.graph, tmp_path / "graph")
    request = RunRequest(ModelRequest(str(tmp_path), data=str(case.data)))
    facts = run_request(request, lambda what, done, total: None)
    assert facts.score is not None
    assert facts.score.correct == int((case.given == case.y).sum())
    typed = RunRequest(ModelRequest(str(tmp_path), data=str(case.data), input_type="uint8"))
    with pytest.raises(InputError, match="is taken as it is"):
        run_request(typed, lambda what, done, total: None)


def test_a_float_model_is_quantized_as_for_a_comparison(tmp_path: Path) -> None:
    """The same scales as from data that are loaded whole, although the only negative number
    comes late."""
    from hwcompress.inspect.opening import open_model

    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\ndef make():\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))\n"
    )
    x = RNG.uniform(0, 1, (1500, 4)).astype(np.float32)
    x[1400, 2] = -0.5
    data = tmp_path / "d.npz"
    np.savez(data, x=x)
    request = ModelRequest(f"{tmp_path / 'net.py'}:make", data=str(data))
    out = tmp_path / "o.npy"
    facts = run_request(
        RunRequest(request, options=RunOptions(out=out)), lambda what, done, total: None
    )
    assert any("8-bit weights" in note for note in facts.notes)
    (tmp_path / "whole").mkdir()
    whole = open_model(request, tmp_path / "whole", lambda text: None)
    assert np.array_equal(np.load(out), whole.real[0])


class TestEffects:
    @pytest.mark.parametrize("options", [{}, {"memory": 4_800_000, "threads": 1}])
    def test_accumulators_and_faults(
        self, case: Case, tmp_path: Path, options: dict[str, int]
    ) -> None:
        simulator = EffectSimulator(
            case.graph,
            accumulators=Accumulators(17, "saturate"),
            faults=Faults(weights=0.01, activations=0.002, seed=5),
        )
        out, traced = tmp_path / "o.npz", tmp_path / "t.npz"
        facts = case.run(
            out=out, integers=True, trace=traced, samples="0-3,500,502,690-699",
            effects=EffectOptions("17", "saturate", "weights=0.01,activations=0.002", None, 5),
            **options,
        )  # fmt: skip
        values = simulator.outputs(case.feeds)
        counters = tuple(simulator.counters.values())
        every = simulator.trace(case.feeds)
        (op,) = case.graph.outputs
        name = op.inputs[0]
        found = facts.effects
        assert found is not None and found.score is not None and facts.score is not None
        differ = values[name] != case.trace[name]
        assert found.changed_values == int(differ.sum()) > 0
        assert found.changed_samples == int(differ.any(axis=1).sum())
        real = op.in_source_order(case.graph.tensors[name].affine.apply(values[name]))
        given = decide(case.graph, real)
        assert found.score.correct == int((given == case.y).sum())
        assert facts.score.correct == int((case.given == case.y).sum())
        assert found.changed_decisions == int((given != case.given).sum())
        assert [(row.layer, row.bits, row.sums, row.overflowed, row.changed, row.samples_changed)
                for row in found.layers] == [
            (row.layer, row.bits, row.sums, row.overflowed, row.changed, row.samples_changed)
            for row in counters
        ]  # fmt: skip
        assert sum(row.overflowed for row in found.layers) > 0
        assert found.flipped_bits == len(simulator.flips())
        (written,) = np.load(out).values()
        assert np.array_equal(written, values[name])
        rows = [0, 1, 2, 3, 500, 502, *range(690, 700)]
        for tensor, array in np.load(traced).items():
            assert np.array_equal(array, every[tensor][rows]), tensor

    def test_a_list_of_flips(self, case: Case, tmp_path: Path) -> None:
        layer = case.graph.layers[0].name
        save_flips(tmp_path / "flips.json", [Flip(layer, (0, 0), 2)])
        facts = case.run(effects=EffectOptions(fault_list=tmp_path / "flips.json"))
        assert facts.effects is not None and facts.effects.flipped_bits == 1

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"overflow": "wrap"}, "--overflow without --accumulator-bits"),
            ({"accumulators": "8", "overflow": "clip"}, "--overflow is 'clip'"),
            ({"accumulators": "a=b"}, "--accumulator-bits has 'a=b'"),
            ({"accumulators": "0"}, "0 bits"),
            ({"faults": "weights"}, "--faults has 'weights'"),
            ({"faults": "weights=2"}, "--faults has 'weights=2'"),
            ({"faults": "other=0.1"}, "--faults has 'other=0.1'"),
            ({"fault_list": Path("no.json")}, "no.json"),
        ],
    )
    def test_wrong_options(self, options: dict[str, str], said: str) -> None:
        with pytest.raises(InputError, match=said):
            EffectOptions(**options)  # type: ignore[arg-type]

    def test_an_unknown_layer(self, case: Case) -> None:
        with pytest.raises(InputError, match="no layer 'no'"):
            case.run(effects=EffectOptions("no=5"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": 100_000}, "--memory of 100 kB is too little"),
        ({"samples": "700", "trace": "t.npz"}, "--samples names sample 700, the data have 700"),
        ({"tensors": "no", "trace": "t.npz"}, "--tensors names 'no'"),
        ({"tensors": "no"}, "--tensors without --trace"),
        ({"samples": "1"}, "--samples without --trace"),
        ({"integers": True}, "--integers without --out"),
        ({"trace": "t.npy"}, r"is no \.npz"),
        ({"trace": "t.npz", "out": "t.npz"}, "name the same file"),
        ({"threads": 0}, "--threads is 0"),
        ({"batch": 0}, "--batch is 0"),
    ],
)
def test_wrong_options(case: Case, tmp_path: Path, options: dict[str, object], said: str) -> None:
    paths = {
        name: tmp_path / str(value) for name, value in options.items() if name in ("trace", "out")
    }
    with pytest.raises(InputError, match=said):
        case.run(**{**options, **paths})
    assert not list(tmp_path.iterdir())


def test_labels_that_the_model_has_no_class_for(tmp_path: Path) -> None:
    path = image_net(tmp_path)
    x = RNG.integers(-8, 8, (30, 2, 6, 6)).astype(np.float32)
    labels = np.arange(30) % 5
    labels[23] = 5
    model = load_model(path)
    with pytest.raises(InputError, match="label 5 of sample 23 is out of range"):
        evaluate(model, stream_arrays([(x[:20], labels[:20]), (x[20:], labels[20:])]))
