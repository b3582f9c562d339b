"""Models made by others equal their own runtime: 1000 samples each, every quantized tensor."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from hwcompress.data import load_dataset
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx, encoded
from hwcompress.ir import trace
from hwcompress.sim import Simulator
from tests.shared_data import shared_file

SAMPLES = 1000


def mnist() -> np.ndarray:
    return load_dataset(str(shared_file("data/mnist/t10k-images-idx3-ubyte.gz"))).real_test()


def samples_for(name: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(11)
    if "mnist" in name:
        return mnist()[:SAMPLES].reshape(-1, *shape)
    if name.startswith("unsw"):
        return random.choice([-1.0, 1.0], (SAMPLES, *shape)).astype(np.float32)
    return random.normal(0, 1, (SAMPLES, *shape)).astype(np.float32)


def imported(name: str, input_type: str | None = None) -> tuple[Imported, np.ndarray]:
    path = shared_file(f"models/qonnx/{name}.onnx")
    shape = np.load(path.with_suffix(".io.npz"))["x"].shape[2:]
    samples = samples_for(name, shape)
    return import_model(path, samples=samples, input_type=input_type), samples


@pytest.mark.parametrize(
    "name",
    ["tfc_1w1a_mnist", "tfc_2w2a_mnist", "jets_qkeras_w6a6", "unsw_nb15_mlp_w2a2", "bnn_fc_1layer"],
)
def test_equals_the_qonnx_executor(name: str) -> None:
    model, samples = imported(name)
    integers = trace(model.graph, model.graph.inputs[0].encode(samples))
    for result in [
        *check_float64(model, samples, integers),
        *check_qonnx(model, samples, integers),
    ]:
        assert result.samples == SAMPLES
        assert result.exact, result
        # Nothing but rounding ties of scales that are no powers of two may be explained away.
        assert result.explained <= result.values // 1000, result


@pytest.mark.parametrize(
    ("name", "input_type"),
    [
        ("tfc_1w1a_mnist", None),
        ("tfc_2w2a_mnist", None),
        ("unsw_nb15_mlp_w2a2", None),
        ("bnn_fc_1layer", None),
        # Wide enough to hold the float32 samples of the reference exactly.
        ("jets_qkeras_w6a6", "fixed<32,4>"),
    ],
)
def test_equals_the_reference_outputs(name: str, input_type: str | None) -> None:
    path = shared_file(f"models/qonnx/{name}.onnx")
    with np.load(path.with_suffix(".io.npz")) as reference:
        x, y = reference["x"][:, 0], reference["y"][:, 0]
    model = import_model(path, samples=x, input_type=input_type)
    graph = model.graph
    op = graph.inputs[0]
    if input_type:
        assert np.array_equal(op.decode(op.encode(x)), x)
    (output,) = graph.outputs
    tensor = graph.tensors[output.inputs[0]]
    integers = Simulator(graph)(op.encode(x))
    real = output.finish(output.in_source_order(tensor.affine.apply(integers)))
    if output.host:
        assert np.abs(real - y).max() < 1e-6  # Softmax, which runs on the host in float
    else:
        # The same float32 numbers: the reference was stored in float32.
        assert np.array_equal(
            np.rint((y - tensor.affine.offset[0]) / tensor.affine.scale[0]),
            output.in_source_order(integers),
        )


@pytest.mark.parametrize(
    ("name", "accuracy"), [("tfc_1w1a_mnist", 0.9296), ("tfc_2w2a_mnist", 0.9660)]
)
def test_accuracy_on_all_of_mnist(name: str, accuracy: float) -> None:
    with gzip.open(shared_file("data/mnist/t10k-labels-idx1-ubyte.gz")) as stream:
        labels = np.frombuffer(stream.read(), np.uint8, offset=8)
    model, _ = imported(name)
    op = model.graph.inputs[0]
    integers = Simulator(model.graph)(op.encode(mnist().reshape(-1, *op.source_shape)))
    assert np.mean(integers.argmax(axis=1) == labels) == pytest.approx(accuracy, abs=1e-9)


@pytest.mark.parametrize("name", ["mnist_cnn_mdc_w4w8a16", "cifar10_cnn_w8a8"])
def test_convolutional_models_equal_their_reference(name: str) -> None:
    """An image model with channels last, and one whose initializers are inputs, too."""
    path = shared_file(f"models/qonnx/{name}.onnx")
    with np.load(path.with_suffix(".io.npz")) as reference:
        x, y = reference["x"][:, 0], reference["y"][:, 0]
    model = import_model(path, samples=x)
    graph = model.graph
    (op,), (output,) = graph.inputs, graph.outputs
    integers = trace(graph, op.encode(x))
    for result in check_float64(model, x, integers):
        assert result.exact, result
    (result,) = check_qonnx(model, x, integers)
    assert result.exact, result
    tensor = output.inputs[0]
    real = output.finish(
        output.in_source_order(graph.tensors[tensor].affine.apply(integers[tensor]))
    )
    if result.mismatches == 0:
        assert np.allclose(real, y, rtol=1e-4, atol=1e-4 * np.abs(y).max())
    assert np.array_equal(real.argmax(axis=1), y.argmax(axis=1))


@pytest.mark.parametrize(
    "name",
    [
        "finn_onnx/tfc_w1a1_finn_topk",
        "finn_onnx/tfc_w2a2_finn_topk",
        "int8_qdq/mlperf_tiny_ad01_int8",
        "int8_qdq/mlperf_tiny_resnet8_int8",
    ],
)
def test_other_formats_equal_float64(name: str) -> None:
    """MultiThreshold and TopK; QuantizeLinear with zero points, converted from TFLite."""
    path = shared_file(f"models/{name}.onnx")
    shape = np.load(path.with_suffix(".io.npz"))["x"].shape[2:]
    if "mnist" in name or "tfc" in name:
        samples = 255 * mnist()[:100].reshape(-1, *shape)
    else:
        samples = np.random.default_rng(5).uniform(-128, 127, (40, *shape))
    model = import_model(path, samples=samples)
    integers = trace(model.graph, encoded(model, samples))
    for result in check_float64(model, samples, integers):
        assert result.exact, result
