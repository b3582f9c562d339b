"""Quantization after training: what is folded, exactness at eight bits, accuracy on real data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from hwcompress.compress.after_training import quantize_after_training
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.fold import fold_affine
from hwcompress.compress.freeze import freeze_bias
from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data import load_dataset
from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_values, encoded, source_samples
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.frontend.to_torch import to_torch
from hwcompress.models.loader import load_module
from hwcompress.models.weights import load_weights
from hwcompress.sim import Simulator
from tests.compress.networks import CASES
from tests.compress.test_exactness import INEXACT, SHAPE, shake
from tests.shared_data import shared_file

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("functional", "residual", "parts", "enlarged")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost small networks more than they give, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def simulated(module: nn.Module, x: np.ndarray, path: Path) -> tuple[np.ndarray, int]:
    """PyTorch's outputs for real samples, and how many integers the simulator has otherwise."""
    export_qonnx(module, x.shape[1:], path)
    imported = import_model(path, samples=x)
    graph = imported.graph
    fed = np.asarray(source_samples(imported, x), np.float32)
    outputs = logits(module, fed, host=len(graph.outputs[0].host))
    tensor = graph.outputs[0].inputs[0]
    (inputs,) = encoded(imported, x).values()
    integers = {tensor: Simulator(graph).trace(inputs)[tensor]}
    (result,) = check_values(imported, "PyTorch", {tensor: outputs}, fed, integers)
    assert result.samples == len(x)
    return outputs, result.mismatches


class Scaled(nn.Module):
    """Constants and batch norms behind layers, some of which have other readers."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2)
        self.two, self.last = nn.Conv2d(6, 3, 1), nn.Linear(3, 2)
        self.register_buffer("gain", torch.tensor([0.5, -2.0, 3.0, 1.5, 0.1, 4.0]).view(6, 1, 1))
        self.register_buffer("row", torch.tensor([1.0, -1.0]))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.one(x)) * 0.25 + 1.0)
        x = torch.relu(2.0 - self.up(x) * self.gain)
        y = self.two(x)
        y = y / 3.0 + y  # read twice: stays
        return (self.last(y.mean((2, 3))) - self.row) / 4.0


def test_what_is_folded() -> None:
    torch.manual_seed(2)
    module = Scaled()
    shake(module, 3)
    traced = fx.symbolic_trace(module.eval())
    x = torch.randn(5, 2, 6, 6)
    with torch.no_grad():
        wanted = module(x)
        assert fold_affine(traced) == 7  # norm, * and +, * and 2 -, - and /
        assert float((traced(x) - wanted).abs().max()) < 1e-5
    assert not any(isinstance(part, nn.BatchNorm2d) for part in traced.modules())


def test_a_layer_that_is_used_twice_is_not_folded() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.norm(self.layer(x)))

    assert fold_affine(fx.symbolic_trace(Twice().eval())) == 0


def test_biases_are_whole_steps() -> None:
    torch.manual_seed(4)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        module[0].weight *= torch.tensor([1.0, 0.1, 0.01, 5.0]).reshape(4, 1, 1, 1)
    x = np.random.default_rng(1).random((30, *SHAPE)).astype(np.float32)
    quantized = quantize_after_training(module, x)
    first, last = quantized.get_submodule("0"), quantized.get_submodule("3")
    weights = first.quant_weight().scale.detach().double().reshape(-1)
    assert len(set(weights.tolist())) > 2  # a scale for each channel
    assert last.quant_weight().scale.numel() == 1  # but one for the logits
    assert torch.all(torch.log2(weights) % 1 == 0)
    steps = first.bias.detach().double() / (weights * 2.0**-8)
    assert torch.equal(steps, torch.round(steps))
    assert freeze_bias(quantized) == 2
    assert torch.equal(first.bias.detach().double() / (weights * 2.0**-8), steps)


@pytest.mark.parametrize("name", QUICK)
def test_exact(name: str, tmp_path: Path) -> None:
    check_exact(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(CASES) - set(QUICK)))
def test_exact_for_every_network(name: str, tmp_path: Path) -> None:
    check_exact(name, tmp_path)


def check_exact(name: str, folder: Path) -> None:
    x = np.random.default_rng(5).random((100, *SHAPE)).astype(np.float32)
    for seed in range(4, 14):
        torch.manual_seed(3)
        module = CASES[name]()
        shake(module, seed)
        if name == "norm first":  # a falling function before the input's quantizer is refused
            with torch.no_grad():
                module[0].weight.abs_()
        try:
            quantized = quantize_after_training(module, x)
        except InputError:
            continue  # nothing but zeros passes some ReLU
        _, mismatches = simulated(quantized, x, folder / "model.onnx")
        assert mismatches == 0 or name in INEXACT
        return
    pytest.fail(f"no seed gives {name} an activation")


def within_a_point(
    module: nn.Module,
    calibration: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    folder: Path,
    count: int,
) -> None:
    quantized = quantize_after_training(module, calibration)
    before = accuracy(logits(module, x), y)
    after = accuracy(logits(quantized, x), y)
    assert before > 0.8
    assert after > before - 0.01, (before, after)
    _, mismatches = simulated(quantized, x[:count], folder / "model.onnx")
    assert mismatches == 0


def test_magic(tmp_path: Path) -> None:
    with np.load(shared_file("data/magic_gamma/magic_gamma.npz"), allow_pickle=False) as data:
        x, y, test, test_y = (data[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    mean, deviation = x.mean(0), x.std(0)
    x, test = (((part - mean) / deviation).astype(np.float32) for part in (x, test))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    train_classifier(module, x, y.astype(np.int64), epochs=3, batch=512)
    within_a_point(module, x[:1000], test, test_y, tmp_path, 1000)


@pytest.mark.long
def test_fashion_mnist(tmp_path: Path) -> None:
    data = load_dataset(shared_file("data/fashion_mnist"))
    assert data.y_train is not None
    assert data.y_test is not None
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
    torch.manual_seed(0)
    module = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    x = data.real_train()[:20_000, None]
    train_classifier(module, x, data.y_train[:20_000], epochs=4, batch=128)
    test = data.real_test()[:, None]
    within_a_point(module, x[:1000], test, data.y_test, tmp_path, 1000)


def _resnet20() -> nn.Module:
    module = load_module(f"{ROOT / 'benchmarks' / 'resnet20.py'}:resnet20")
    load_weights(module, shared_file("models/checkpoints/resnet20_cifar10.npz"))
    return module.eval()


def _normalized(images: np.ndarray) -> np.ndarray:
    mean = np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
    deviation = np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    return ((images / 255 - mean) / deviation).astype(np.float32)


def _last(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 2, 3, 1).astype(np.float32)


def _read(name: str) -> nn.Module:
    return to_torch(read_onnx(shared_file(f"models/float/{name}.onnx")))


PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Callable[[np.ndarray], np.ndarray]]] = {
    "ResNet-20, state dict": (_resnet20, _normalized),
    "ResNet-20, ONNX": (lambda: _read("resnet20_cifar10"), _normalized),
    "ResNet-8, ONNX": (lambda: _read("mlperf_tiny_resnet8_float"), _last),
}


@pytest.mark.long
@pytest.mark.parametrize("name", PUBLISHED)
def test_cifar10(name: str, tmp_path: Path) -> None:
    make, prepare = PUBLISHED[name]
    with np.load(shared_file("data/cifar10/cifar10_subset.npz"), allow_pickle=False) as data:
        some, x, y = prepare(data["x_train"][:1000]), prepare(data["x_test"]), data["y_test"]
    within_a_point(make(), some, x, y, tmp_path, 300)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "espcn_nn_resize_float",
        "mlperf_tiny_kws_dscnn_float",
        "mnist_cnn_cntk",
        "residual_block_float",
    ],
)
def test_other_published_models_are_exact(name: str, tmp_path: Path) -> None:
    with np.load(shared_file(f"models/float/{name}.io.npz"), allow_pickle=False) as data:
        model = read_onnx(shared_file(f"models/float/{name}.onnx"))
        (shape,) = model.inputs.values()
        x = data["x"].reshape(-1, *shape[1:]).astype(np.float32)
    random = np.random.default_rng(6)
    x = np.concatenate([x, *(x * random.random(x.shape) for _ in range(4))]).astype(np.float32)
    quantized = quantize_after_training(to_torch(model), x)
    assert simulated(quantized, x, tmp_path / "model.onnx")[1] == 0
