"""Every ONNX operator that becomes PyTorch, against onnxruntime, also for several samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hwcompress.errors import CheckFailed, UnsupportedError
from hwcompress.frontend.float_models import is_float_model
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.frontend.to_torch import largest_difference, to_torch
from tests.frontend.onnx_builder import ModelBuilder

IMAGE, SIGNAL, ROW = (1, 4, 8, 6), (1, 4, 9), (1, 12)
_random = np.random.default_rng(7)


def _weights(*shape: int) -> np.ndarray:
    return _random.normal(0, 1, shape).astype(np.float32)


def _conv(shape: tuple[int, ...], *weight: int, **attributes: object) -> Case:
    def build(m: ModelBuilder) -> None:
        m.node(
            "Conv",
            "x",
            m.constant(_weights(*weight)),
            m.constant(_weights(weight[0])),
            **attributes,
        )

    return shape, 13, build


def _transposed(shape: tuple[int, ...], *weight: int, **attributes: object) -> Case:
    def build(m: ModelBuilder) -> None:
        m.node("ConvTranspose", "x", m.constant(_weights(*weight)), **attributes)

    return shape, 13, build


def _one(
    shape: tuple[int, ...], op: str, *constants: object, opset: int = 13, **attributes: object
) -> Case:
    def build(m: ModelBuilder) -> None:
        m.node(op, "x", *[m.constant(item) for item in constants], **attributes)

    return shape, opset, build


def _first(op: str, constant: object, shape: tuple[int, ...] = ROW) -> Case:
    def build(m: ModelBuilder) -> None:
        m.node(op, m.constant(constant), "x")

    return shape, 13, build


def _positions(m: ModelBuilder) -> None:
    """A dense layer for every position, as a product of two matrices."""
    rows = m.node("Reshape", "x", m.constant(np.array([9, 4])))
    made = m.node("MatMul", rows, m.constant(_weights(4, 3)))
    m.node("Reshape", made, m.constant(np.array([1, 9, 3])))


def _split(m: ModelBuilder) -> None:
    parts = m.several("Split", 2, "x", m.constant(np.array([1, 3])), axis=1)
    m.node("Concat", *reversed(parts), axis=1)


def _norm(m: ModelBuilder) -> None:
    values = [_weights(4), _weights(4), _weights(4), np.abs(_weights(4)) + 0.1]
    m.node("BatchNormalization", "x", *[m.constant(item) for item in values], epsilon=1e-3)


def _computed_shape(m: ModelBuilder) -> None:
    """The shape of a Reshape, made from the input's as PyTorch's exporter writes ``view``."""
    shape = m.node("Shape", "x")
    batch = m.node("Gather", shape, m.constant(np.array([0])), axis=0)
    m.node("Reshape", "x", m.node("Concat", batch, m.constant(np.array([-1])), axis=0))


def _stored_bytes(m: ModelBuilder) -> None:
    weight = onnx.numpy_helper.from_array(
        _random.integers(-127, 128, (3, 4, 1, 1)).astype(np.int8), "w"
    )
    zero = onnx.numpy_helper.from_array(np.array(0, np.int8), "z")
    m.initializers += [weight, zero]
    m.node("Conv", "x", m.node("DequantizeLinear", "w", m.constant(np.float32(0.02)), "z"))


def _residual(m: ModelBuilder) -> None:
    one = m.node("Conv", "x", m.constant(_weights(4, 4, 3, 3)), pads=[1, 1, 1, 1])
    m.node("Relu", m.node("Add", one, "x"))


def _comparison(m: ModelBuilder) -> None:
    """A leaky ReLU in two pieces, as a condition writes it."""
    above = m.node("Greater", "x", m.constant(np.float32(0.25)))
    m.node("Where", above, "x", m.node("Mul", "x", m.constant(np.float32(0.125))))


def _softplus_by_cases(m: ModelBuilder) -> None:
    """As PyTorch's newer exporter writes a softplus, the number first."""
    above = m.node("Less", m.constant(np.float32(1.5)), "x")
    m.node("Where", above, "x", m.node("Softplus", "x"))


def _logic(m: ModelBuilder) -> None:
    low = m.node("LessOrEqual", "x", m.constant(np.float32(-0.5)))
    high = m.node("Not", m.node("Less", "x", m.constant(_weights(4, 1, 1))))
    either = m.node("Xor", m.node("Or", low, high), m.node("And", low, high))
    m.node("Mul", m.node("Cast", either, to=onnx.TensorProto.FLOAT), "x")


def _padding_by_concat(m: ModelBuilder) -> None:
    zeros = m.constant(np.zeros((1, 3, 8, 6)))
    m.node("Concat", zeros, "x", zeros, axis=1)


Case = tuple[tuple[int, ...], int, Callable[[ModelBuilder], None]]
CASES: dict[str, Case] = {
    "conv": _conv(IMAGE, 5, 4, 3, 3, pads=[1, 1, 1, 1], strides=[2, 1]),
    "conv, groups and dilation": _conv(IMAGE, 8, 2, 3, 2, group=2, dilations=[2, 1]),
    "conv, uneven pads": _conv(IMAGE, 5, 4, 3, 3, pads=[0, 1, 1, 2], strides=[2, 2]),
    "conv, SAME_UPPER": _conv(IMAGE, 5, 4, 4, 3, auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv, SAME_LOWER": _conv(IMAGE, 5, 4, 4, 3, auto_pad="SAME_LOWER", strides=[2, 2]),
    "conv 1-D": _conv(SIGNAL, 6, 2, 4, group=2, pads=[2, 1], strides=[3]),
    "transposed": _transposed(IMAGE, 4, 3, 2, 2, strides=[2, 2]),
    "transposed, groups": _transposed(
        IMAGE, 4, 3, 3, 3, group=2, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]
    ),
    "transposed, uneven": _transposed(IMAGE, 4, 3, 3, 3, strides=[2, 2], pads=[0, 1, 1, 0]),
    "transposed, cut at the end": _transposed(IMAGE, 4, 3, 4, 4, strides=[2, 2], pads=[0, 0, 1, 2]),
    "transposed 1-D": _transposed(SIGNAL, 4, 2, 3, strides=[2], dilations=[2]),
    "transposed, to a shape": _transposed(
        IMAGE, 4, 3, 3, 3, strides=[2, 2], auto_pad="SAME_UPPER", output_shape=[16, 12]
    ),
    "gemm": _one(ROW, "Gemm", _weights(12, 5), _weights(5), alpha=0.5, beta=2.0),
    "gemm, transposed": _one(ROW, "Gemm", _weights(5, 12), _weights(1, 1), transB=1),
    "matmul": _one(IMAGE, "MatMul", _weights(6, 3)),
    "matmul from the left": _first("MatMul", _weights(2, 4), SIGNAL),
    "batch norm": (IMAGE, 13, _norm),
    "residual": (IMAGE, 13, _residual),
    "stored bytes": (IMAGE, 13, _stored_bytes),
    "max pool": _one(IMAGE, "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "max pool, end only": _one(
        IMAGE, "MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[0, 0, 1, 0]
    ),
    "max pool, begin only": _one(
        IMAGE, "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0]
    ),
    "max pool, ceil": _one(SIGNAL, "MaxPool", kernel_shape=[2], strides=[2], ceil_mode=1),
    "max pool, dilation": _one(IMAGE, "MaxPool", kernel_shape=[2, 2], dilations=[2, 2]),
    "average": _one(IMAGE, "AveragePool", kernel_shape=[2, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "average, counted": _one(
        IMAGE, "AveragePool", kernel_shape=[3, 3], pads=[0, 1, 1, 0], count_include_pad=1
    ),
    "average, SAME": _one(
        IMAGE, "AveragePool", kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2]
    ),
    "global average": _one(SIGNAL, "GlobalAveragePool"),
    "global maximum": _one(IMAGE, "GlobalMaxPool"),
    "flatten": _one(IMAGE, "Flatten"),
    "reshape": _one(IMAGE, "Reshape", np.array([1, 2, 2, -1])),
    "computed shape": (IMAGE, 13, _computed_shape),
    "positions into the batch": ((1, 4, 9), 13, _positions),
    "transpose": _one(IMAGE, "Transpose", perm=[0, 2, 3, 1]),
    "unsqueeze": _one(ROW, "Unsqueeze", np.array([2])),
    "slice": _one(
        IMAGE, "Slice", np.array([1, 0]), np.array([4, -1]), np.array([1, 3]), np.array([1, 2])
    ),
    "gather": _one(IMAGE, "Gather", np.array([2, 0, -1]), axis=1),
    "gather one": _one(IMAGE, "Gather", np.array(2), axis=2),
    "split": (IMAGE, 13, _split),
    "pad": _one(IMAGE, "Pad", np.array([0, 1, 0, 2, 0, 0, 3, 1]), np.float32(0.5)),
    "pad, edge": _one(IMAGE, "Pad", np.array([0, 0, 1, 2, 0, 0, 3, 1]), mode="edge"),
    "resize, linear": _one(
        IMAGE, "Resize", np.zeros(0), np.array([1.0, 1.0, 2.0, 2.0]), mode="linear"
    ),
    "pad, negative": _one(IMAGE, "Pad", np.array([0, 0, -1, 2, 0, 0, 1, -2])),
    "pad, attributes": _one(IMAGE, "Pad", opset=9, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.0),
    "padding by concat": (IMAGE, 13, _padding_by_concat),
    "resize": _one(
        IMAGE,
        "Resize",
        np.zeros(0),
        np.array([1.0, 1.0, 2.0, 3.0]),
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    ),
    "resize down": _one(
        IMAGE, "Resize", np.zeros(0), np.array([1.0, 1.0, 0.5, 0.5]), mode="nearest"
    ),
    "upsample": _one(IMAGE, "Upsample", np.array([1.0, 1.0, 2.0, 2.0]), opset=9),
    "depth to space": _one(IMAGE, "DepthToSpace", blocksize=2),
    "depth to space, CRD": _one(IMAGE, "DepthToSpace", blocksize=2, mode="CRD"),
    "space to depth": _one(IMAGE, "SpaceToDepth", blocksize=2),
    "mean": _one(IMAGE, "ReduceMean", axes=[2, 3], keepdims=0),
    "sum": _one(IMAGE, "ReduceSum", np.array([1])),
    "maximum over an axis": _one(IMAGE, "ReduceMax", axes=[-1]),
    "softmax": _one(ROW, "Softmax"),
    "softmax of old": _one(IMAGE, "Softmax", opset=11, axis=1),
    "prelu": _one(IMAGE, "PRelu", _weights(4, 1, 1)),
    "prelu of one slope": _one(IMAGE, "PRelu", _weights(1)),
    "prelu per position": _one(IMAGE, "PRelu", _weights(4, 8, 6)),
    "clip": _one(IMAGE, "Clip", np.float32(-0.5), np.float32(1.5)),
    "relu6": _one(IMAGE, "Clip", opset=9, min=0.0, max=6.0),
    "clip below": _one(IMAGE, "Clip", np.float32(-0.5)),
    "hard sigmoid": _one(IMAGE, "HardSigmoid", alpha=0.3, beta=0.4),
    "maximum with a number": _one(IMAGE, "Max", np.float32(0.25)),
    "minimum with a row": _one(ROW, "Min", _weights(12)),
    "reciprocal of a sum": _first("Div", np.float32(3.0)),
    "difference from a row": _first("Sub", _weights(12)),
    "power": _one(ROW, "Pow", np.float32(2.0)),
    "expand": _one((1, 4, 1, 1), "Expand", np.array([1, 4, 3, 2])),
    "tile": _one((1, 4, 3), "Tile", np.array([1, 1, 2])),
    "minimum over an axis": _one(IMAGE, "ReduceMin", axes=[1], keepdims=0),
    "index": _one(IMAGE, "ArgMin", axis=1, keepdims=0),
    "comparison": (IMAGE, 13, _comparison),
    "number compared": (ROW, 13, _softplus_by_cases),
    "logic": (IMAGE, 13, _logic),
    "identity": _one(ROW, "Identity"),
    **{
        op.lower(): _one(IMAGE, op, **attributes)
        for op, attributes in {
            "Abs": {},
            "Atan": {},
            "Cos": {},
            "Elu": {"alpha": 0.5},
            "Erf": {},
            "Exp": {},
            "LeakyRelu": {"alpha": 0.2},
            "Neg": {},
            "Relu": {},
            "Selu": {"alpha": 1.5, "gamma": 1.1},
            "Shrink": {"lambd": 0.75, "bias": 0.5},
            "Sigmoid": {},
            "Sin": {},
            "Softplus": {},
            "Softsign": {},
            "Tanh": {},
            "ThresholdedRelu": {"alpha": 0.5},
            "Floor": {},
            "Round": {},
            "Sign": {},
        }.items()
    },
    "hard swish": _one(IMAGE, "HardSwish", opset=14),
    "gelu": _one(IMAGE, "Gelu", opset=20),
    "mish": _one(IMAGE, "Mish", opset=18),
}


def _theirs(path: Path, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": x[i : i + 1]})[0] for i in range(len(x))])


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, tmp_path: Path) -> None:
    shape, opset, build = CASES[name]
    model = ModelBuilder(shape, opset)
    build(model)
    path = model.save(tmp_path / "model.onnx")
    x = np.random.default_rng(1).normal(0, 2, (3, *shape[1:])).astype(np.float32)
    if name == "reciprocal of a sum":
        x = np.abs(x) + 0.5
    read = read_onnx(path)
    assert is_float_model(read)
    with torch.no_grad():
        ours = to_torch(read)(torch.as_tensor(x)).numpy()
    wanted = _theirs(path, x)
    assert ours.shape == wanted.shape
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (_one(IMAGE, "Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]), mode="reflect"), "reflect"),
        (_one(IMAGE, "InstanceNormalization", _weights(4), _weights(4)), "InstanceNormalization"),
        (_one(IMAGE, "Transpose", perm=[1, 0, 2, 3]), "batch axis"),
        (_one(IMAGE, "ReduceMean", axes=[0]), "over the batch"),
        (_one(IMAGE, "Reshape", np.array([-1])), "no axis behind the batch"),
        (_first("MatMul", _weights(2, 1)), "a product over the batch"),
    ],
)
def test_refused(case: Case, text: str, tmp_path: Path) -> None:
    shape, opset, build = case
    model = ModelBuilder(shape, opset)
    build(model)
    path = model.save(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedError) as caught:
        to_torch(read_onnx(path))
    message = str(caught.value)
    assert "1 node(s) of the float model cannot be converted" in message
    assert text in message
    assert "Remedy" in message


def test_why_and_what_helps(tmp_path: Path) -> None:
    model = ModelBuilder((5, 1, 6))
    model.several("LSTM", 1, "x", *map(model.constant, (_weights(1, 8, 6), _weights(1, 8, 2))))
    with pytest.raises(UnsupportedError) as caught:
        to_torch(read_onnx(model.save(tmp_path / "model.onnx")))
    message = str(caught.value)
    assert "it keeps a state from step to step" in message
    assert message.count("Remedy") == 1


@pytest.mark.parametrize("first", ["Reshape", "Flatten"])
def test_a_batch_in_the_file(first: str, tmp_path: Path) -> None:
    model = ModelBuilder((3, 4, 5))
    shape = [model.constant(np.array([3, 20]))] if first == "Reshape" else []
    model.node(first, "x", *shape)
    model.node("Gemm", model.last, model.constant(_weights(20, 2)))
    path = model.save(tmp_path / "model.onnx")
    module = to_torch(read_onnx(path))
    x = _random.normal(0, 1, (7, 4, 5)).astype(np.float32)
    assert largest_difference(module, path, x) < 1e-5


def test_lengths_that_are_given(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4, 0))
    model.node("Conv", "x", model.constant(_weights(2, 4, 3)))
    read = read_onnx(model.save(tmp_path / "model.onnx"))
    with pytest.raises(UnsupportedError, match="not stated"):
        to_torch(read)
    module = to_torch(read, {"x": (1, 4, 9)})
    assert module(torch.zeros(2, 4, 9)).shape == (2, 2, 7)


def test_every_node_that_cannot_be_converted_is_listed(tmp_path: Path) -> None:
    model = ModelBuilder(IMAGE)
    model.node("Det", "x")
    model.node("NonZero", model.node("Relu", "x"))
    model.node("Relu", model.last)
    model.outputs.append("t0")
    path = model.save(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedError) as caught:
        to_torch(read_onnx(path))
    assert len(caught.value.problems) == 2, caught.value.problems


def test_a_wrong_conversion_is_found(tmp_path: Path) -> None:
    model = ModelBuilder(ROW)
    model.node("Gemm", "x", model.constant(_weights(12, 5)), model.constant(_weights(5)))
    path = model.save(tmp_path / "model.onnx")
    module = to_torch(read_onnx(path))
    x = np.random.default_rng(1).normal(0, 1, (4, 12)).astype(np.float32)
    assert largest_difference(module, path, x) < 1e-5
    with torch.no_grad():
        next(iter(module.children())).bias[0] += 0.1
    with pytest.raises(CheckFailed, match="differs from onnxruntime by"):
        largest_difference(module, path, x)


def test_a_model_with_quantizers_is_no_float_model(tmp_path: Path) -> None:
    model = ModelBuilder(ROW)
    model.quant("x", 0.5, 4)
    assert not is_float_model(read_onnx(model.save(tmp_path / "model.onnx")))
