"""The simulator as a torch module and as an estimator: the integers of the definition."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import confusion_matrix, get_scorer
from sklearn.model_selection import cross_val_score
from torch import nn

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import encoded
from hwcompress.ir import ArgMax, Dense, Graph, Input, IntType, Output, evaluate
from hwcompress.sim.adapters import RealSimulator, SimulatedClassifier, SimulatedModule
from tests.frontend.onnx_builder import ModelBuilder
from tests.inspect.nets import image_net, raw_mlp, two_outputs

RNG = np.random.default_rng(9)


def expected(imported: Imported, samples: np.ndarray | dict[str, np.ndarray]) -> list[np.ndarray]:
    """Every output in the source's layout, by the definition."""
    values = evaluate(imported.graph, encoded(imported, samples))
    made = []
    for op in imported.graph.outputs:
        tensor = imported.graph.tensors[op.inputs[0]]
        made.append(op.finish(op.in_source_order(tensor.affine.apply(values[tensor.name]))))
    return made


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Imported, np.ndarray, np.ndarray]:
    imported = import_model(image_net(tmp_path_factory.mktemp("image")))
    x = RNG.normal(0, 4, (60, 2, 6, 6)).astype(np.float32)
    (real,) = expected(imported, x)
    return imported, x, real


def test_importing_it_loads_neither_torch_nor_sklearn() -> None:
    code = (
        "import sys, hwcompress.sim, hwcompress.sim.adapters\n"
        "assert not {'torch', 'sklearn'} & set(sys.modules)\n"
        "hwcompress.sim.adapters.SimulatedModule\n"
        "assert 'torch' in sys.modules and 'sklearn' not in sys.modules\n"
        "try: hwcompress.sim.adapters.no\n"
        "except AttributeError as error: assert \"'no'\" in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestModule:
    def test_outputs(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, real = image
        module = SimulatedModule(imported)
        assert isinstance(module, nn.Module) and not module.training
        assert module.state_dict() == {} and not list(module.parameters())
        assert (
            repr(module)
            == f"SimulatedModule(image, {len(imported.graph.layers)} integer operations)"
        )
        for made in (module, SimulatedModule(imported.graph), nn.Sequential(module).eval()):
            found = made(torch.from_numpy(x))
            assert found.dtype == torch.float32
            assert np.array_equal(found.numpy(), real.astype(np.float32))
        double = module(torch.from_numpy(x).double())
        assert double.dtype == torch.float64 and np.array_equal(double.numpy(), real)
        assert module.to("cpu").half() is module
        assert module(torch.empty(0, 2, 6, 6)).shape == (0, 5)

    def test_other_dtypes(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, _ = image
        module = SimulatedModule(imported)
        whole = torch.from_numpy(np.rint(x))
        for dtype in (torch.bfloat16, torch.float16, torch.int8, torch.int64):
            found = module(whole.to(dtype))
            assert found.dtype == (dtype if dtype.is_floating_point else torch.float32)
            assert torch.equal(found.double(), module(whole.double()).to(found.dtype).double())

    def test_copies(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, real = image
        module = SimulatedModule(imported.graph, threads=1, batch=16)
        for made in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert np.array_equal(made(torch.from_numpy(x).double()).numpy(), real)
        stored = io.BytesIO()
        torch.save(module.state_dict(), stored)
        stored.seek(0)
        assert module.load_state_dict(torch.load(stored, weights_only=True))

    def test_no_gradient(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, real = image
        module = SimulatedModule(imported)
        given = torch.from_numpy(x).double().requires_grad_()
        with pytest.raises(UnsupportedError, match=r"no gradient .*input 'x' requires one"):
            module(given)
        for mode in (torch.no_grad, torch.inference_mode):
            with mode():
                assert np.array_equal(module(given).numpy(), real)
        module.train()
        with pytest.raises(UnsupportedError, match=r"in training mode.*torch\.no_grad"):
            module(given.detach())
        with torch.no_grad():
            assert np.array_equal(module(given).numpy(), real)
        found = module.eval()(given.detach())
        assert not found.requires_grad

    def test_several_outputs(self, tmp_path: Path) -> None:
        imported = import_model(two_outputs(tmp_path))
        x = RNG.normal(0, 2, (20, 5)).astype(np.float32)
        found = SimulatedModule(imported)(torch.from_numpy(x).double())
        assert isinstance(found, tuple)
        for made, wanted in zip(found, expected(imported, x), strict=True):
            assert np.array_equal(made.numpy(), wanted)

    def test_several_inputs_in_the_order_of_the_source(self, tmp_path: Path) -> None:
        """The graph meets the second input first."""
        imported = import_model(two_inputs(tmp_path))
        assert list(imported.inputs.values()) == list(imported.model.inputs) == ["x", "late"]
        read = [imported.inputs[op.outputs[0]] for op in imported.graph.inputs]
        assert read == ["late", "x"]
        samples = {
            "x": RNG.normal(0, 2, (20, 3)).astype(np.float32),
            "late": RNG.normal(0, 9, (20, 3)).astype(np.float32),
        }
        (wanted,) = expected(imported, samples)
        module = SimulatedModule(imported)
        tensors = {name: torch.from_numpy(item).double() for name, item in samples.items()}
        for found in (
            module(*tensors.values()),
            module(**tensors),
            module(tensors["x"], late=tensors["late"]),
        ):
            assert np.array_equal(found.numpy(), wanted)
        with pytest.raises(InputError, match="samples of x for a model with 2 inputs"):
            module(tensors["x"])
        with pytest.raises(TypeError, match="one tensor for each of x, late"):
            module(*tensors.values(), tensors["late"])
        with pytest.raises(TypeError, match="one tensor for each"):
            module(*tensors.values(), late=tensors["late"])

    def test_wrong_samples(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, _ = image
        with pytest.raises(InputError, match=r"samples of shape \(6, 6\), expected \(2, 6, 6\)"):
            SimulatedModule(imported)(torch.from_numpy(x[:, 0]))
        with pytest.raises(InputError, match="is not a number"):
            SimulatedModule(imported)(torch.full((1, 2, 6, 6), torch.nan))


def two_inputs(folder: Path) -> Path:
    """Two inputs, of which the second one is read first."""
    model = ModelBuilder((1, 3))
    model.more_inputs["late"] = (1, 3)
    late = model.quant("late", 2.0, 4)
    early = model.quant("x", 1.0, 3)
    model.node("Add", late, early)
    model.act(2.0, 4)
    model.dense(RNG.integers(-3, 4, (4, 3)), 1.0, 3)
    return model.save(folder / "inputs.onnx")


class TestClassifier:
    def test_decisions(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, real = image
        names = np.array(list("abcde"))
        given, y = np.argmax(real, axis=1), RNG.integers(0, 5, len(x))
        model = SimulatedClassifier(imported, classes=names)
        assert np.array_equal(model.predict(x), names[given])
        assert np.array_equal(model.predict(x.reshape(len(x), -1)), names[given])
        assert np.array_equal(model.predict_scores(x), real)
        assert np.array_equal(model.decision_function(x), real)
        assert model.score(x, names[y]) == np.mean(given == y)
        weights = RNG.uniform(0, 1, len(x))
        assert model.score(x, names[y], weights) == np.average(given == y, weights=weights)
        assert np.array_equal(SimulatedClassifier(imported).predict(x), given)
        assert repr(model) == "SimulatedClassifier('image', 5 classes)"

    def test_with_sklearn(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        imported, x, real = image
        given, y = np.argmax(real, axis=1), np.arange(len(x)) % 5
        model = SimulatedClassifier(imported.graph)
        assert is_classifier(model)
        again = clone(model)
        assert again is not model and np.array_equal(again.predict(x), given)
        assert get_scorer("accuracy")(model, x, y) == np.mean(given == y)
        assert confusion_matrix(y, model.predict(x)).trace() == int((given == y).sum())
        flat = x.reshape(len(x), -1)
        shares = cross_val_score(FrozenEstimator(model), flat, y, cv=3)
        assert shares.mean() == pytest.approx(np.mean(given == y))
        with pytest.raises(UnsupportedError, match="is not trained"):
            model.fit(x, y)
        assert model.set_params(threads=1).get_params()["threads"] == 1
        with pytest.raises(InputError, match="no parameter 'depth'"):
            model.set_params(depth=3)

    def test_two_classes(self, tmp_path: Path) -> None:
        x = RNG.normal(0, 1, (50, 4)).astype(np.float32)
        imported = import_model(raw_mlp(tmp_path), samples=x)
        model = SimulatedClassifier(imported)
        scores = model.decision_function(x)
        assert scores.shape == (50,)
        ties = model.predict_scores(x)[:, 0] == model.predict_scores(x)[:, 1]
        assert np.array_equal(model.predict(x)[~ties] == 1, scores[~ties] > 0)
        assert np.all(model.predict(x)[ties] == 0)
        auc = get_scorer("roc_auc")(model, x, np.arange(50) % 2)
        assert 0 <= auc <= 1

    def test_a_single_output_and_no_scores(self) -> None:
        entry = Input("in", (), ("x",), (3,), (0,), (3,), IntType(-8, 7), 1.0)
        dense = Dense("d", ("x",), ("y",), np.array([[1, -2, 1]]), IntType(-2, 1))
        graph = Graph.build("g", [entry, dense, Output("o", ("y",), ())])
        x = RNG.integers(-8, 8, (40, 3)).astype(float)
        sums = x @ np.array([1, -2, 1])
        model = SimulatedClassifier(graph)
        assert np.array_equal(model.predict(x), sums > 0)
        assert np.array_equal(model.decision_function(x), sums)
        wide = Dense("d", ("x",), ("y",), RNG.integers(-2, 2, (4, 3)), IntType(-2, 1))
        best = ArgMax("a", ("y",), ("z",))
        model = SimulatedClassifier(Graph.build("h", [entry, wide, best, Output("o", ("z",), ())]))
        assert np.array_equal(model.predict(x), np.argmax(x @ wide.weight.T, axis=1))
        with pytest.raises(UnsupportedError, match="gives classes, not scores"):
            model.decision_function(x)

    def test_wrong_models(self, image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
        with pytest.raises(InputError, match="3 classes for a model with 5"):
            SimulatedClassifier(image[0], classes=[1, 2, 3])
        entry = Input("in", (), ("x",), (2, 3), (0, 1), (2, 3), IntType(-8, 7), 1.0)
        with pytest.raises(InputError, match="does not decide between classes"):
            SimulatedClassifier(Graph.build("g", [entry, Output("o", ("x",), ())]))


def test_number_of_arrays(image: tuple[Imported, np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match="2 arrays of samples for a model with 1 inputs"):
        RealSimulator(image[0])([image[1], image[1]])
