"""The models that are damaged: small, and together with every kind of source and operator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from tests.frontend.test_chains import random_conv_chain, random_dense_chain
from tests.fuzz.net import Net

__all__ = ["BASES"]

Base = Callable[[np.random.Generator], onnx.ModelProto]
_LAST = "qonnx.custom_op.channels_last"


def _chain(random: np.random.Generator) -> onnx.ModelProto:
    make = random_dense_chain if random.random() < 0.4 else random_conv_chain
    model = make(int(random.integers(200)))
    return model.proto()


def _branches(random: np.random.Generator) -> onnx.ModelProto:
    net = Net(random, x=(1, 4, 6, 6))
    x = net.quant("x", 4)
    left = net.op("Conv", x, net.weight(4, 4, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    left = net.quant(net.op("Relu", left), 4, 0.5, signed=0)
    right = net.quant(
        net.op("Conv", x, net.weight(4, 1, 1, 1), group=4, kernel_shape=[1, 1]), 4, 0.5
    )
    both = net.quant(net.op("Add", left, right), 5, 0.5)
    wide = net.op("Concat", both, left, axis=1)
    half = net.op("Split", wide, net.const([2, 6], "int64"), count=2, axis=1)
    pool = net.op("AveragePool", half, kernel_shape=[2, 2], strides=[2, 2])
    more = net.op(
        "Resize", pool, "", net.const([1, 1, 2, 2]), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    cut = net.op(
        "Slice", more, net.const([1, 1], "int64"), net.const([5, 5], "int64"),
        net.const([2, 3], "int64"),
    )  # fmt: skip
    flat = net.op(
        "Reshape", net.op("Transpose", cut, perm=[0, 2, 3, 1]), net.const([1, -1], "int64")
    )
    end = net.op("MatMul", net.quant(flat, 4, 0.125), net.weight(32, 3))
    return (
        net.proto(end, net.op("ArgMax", end, axis=1)) if random.random() < 0.2 else net.proto(end)
    )


def _constants(random: np.random.Generator) -> onnx.ModelProto:
    """Shapes and weights that are computed from constants."""
    net = Net(random, x=(1, 2, 4, 4))
    x = net.quant("x", 3)
    shape = net.op("Shape", x)
    first = net.op("Gather", shape, net.const([0], "int64"), axis=0)
    to = net.op("Concat", first, net.const([-1], "int64"), axis=0)
    flat = net.op("Reshape", x, to)
    ones = net.op("ConstantOfShape", net.const([32, 1], "int64"))
    row = net.op("Cast", net.op("Range", *(net.const(n, "int64") for n in (0, 3, 1))), to=1)
    matrix = net.op("Add", net.op("Expand", ones, net.const([32, 3], "int64")), row)
    tiled = net.op("Tile", net.op("Unsqueeze", net.const([1.0, -1.0]), net.const([1], "int64")),
                   net.const([16, 3], "int64"))  # fmt: skip
    weight = net.quant(net.op("Mul", matrix, tiled), 4, 1.0)
    end = net.op("Add", net.op("MatMul", flat, weight), net.const([0.5, 1.0, -2.0]))
    return net.proto(net.quant(end, 8, 0.25))


def _scalars(random: np.random.Generator) -> onnx.ModelProto:
    """Functions between two quantizers."""
    net = Net(random, x=(1, 6))
    last = net.op("Gemm", net.quant("x", 4), net.weight(5, 6), net.const(net.normal(5)), transB=1)
    for _ in range(int(random.integers(1, 5))):
        match int(random.integers(9)):
            case 0:
                last = net.op("LeakyRelu", last, alpha=0.1)
            case 1:
                last = net.op("PRelu", last, net.const(net.normal(5)))
            case 2:
                last = net.op("Mul", last, net.op("Sigmoid", last))
            case 3:
                last = net.op("HardSigmoid", last)
            case 4:
                last = net.op("Clip", last, net.const(-1.0), net.const(6.0))
            case 5:
                last = net.op("Div", last, net.const(net.normal(5) + 3))
            case 6:
                last = net.op("Tanh", last)
            case 7:
                last = net.op("Where", net.op("Greater", last, net.const(0.5)), last,
                              net.const(net.normal(5)))  # fmt: skip
            case _:
                last = net.op("Pow", last, net.const(2.0))
    last = net.quant(last, 4, 0.3, zero=float(random.integers(0, 3)))
    return net.proto(net.op("Gemm", last, net.weight(3, 5), transB=1))


def _channels_last(random: np.random.Generator) -> onnx.ModelProto:
    net = Net(random, x=(1, 5, 5, 2))
    weight = net.weight(3, 2, 2, 2)
    last = net.op("Conv", net.quant("x", 4), weight, domain=_LAST, kernel_shape=[2, 2],
                  strides=[1, 1], pads=[0, 0, 0, 0], group=1, dilations=[1, 1])  # fmt: skip
    last = net.quant(net.op("Relu", last), 4, 0.5, signed=0)
    last = net.op("MaxPool", last, domain=_LAST, kernel_shape=[2, 2], strides=[2, 2],
                  pads=[0, 0, 0, 0])  # fmt: skip
    return net.proto(net.op("Flatten", last, axis=1))


def _thresholds(random: np.random.Generator) -> onnx.ModelProto:
    net = Net(random, x=(1, 6))
    rows = np.sort(np.rint(net.normal(4, 7) * 9), axis=1)
    last = net.op("MatMul", net.quant("x", 4, 1.0), net.weight(6, 4))
    domain = "qonnx.custom_op.general"
    last = net.op("MultiThreshold", last, net.const(rows), domain=domain, out_dtype="UINT3")
    return net.proto(net.op("MatMul", last, net.weight(4, 3)))


def _qdq(random: np.random.Generator) -> onnx.ModelProto:
    net = Net(random, x=(1, 2, 6, 6))
    integers = random.integers(-127, 128, (4, 2, 3, 3))
    last = net.qdq("x", 0.02, 3, "uint8")
    bias = net.stored(random.integers(-99, 99, 4), np.full(4, 0.0002), "int32")
    weight = net.stored(integers, random.uniform(0.005, 0.02, 4))
    last = net.op("Conv", last, weight, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    last = net.qdq(net.op("Relu", last), 0.05, -128)
    last = net.op("MaxPool", last, kernel_shape=[2, 2], strides=[2, 2])
    last = net.op("Flatten", net.qdq(net.op("GlobalAveragePool", last), 0.04, -128))
    last = net.op("Gemm", last, net.stored(random.integers(-127, 128, (3, 4)), 0.01), transB=1)
    return net.proto(net.qdq(last, 0.1))


def _qlinear(random: np.random.Generator) -> onnx.ModelProto:
    net = Net(random, x=(1, 2, 4, 4))
    first = net.const(0.05), net.const(128, "uint8")
    second = net.const(0.1), net.const(7, "uint8")
    last = net.op("QuantizeLinear", "x", *first)
    weight = net.const(random.integers(-127, 128, (3, 2, 1, 1)), "int8")
    scales = net.const(random.uniform(0.01, 0.1, 3)), net.const(np.zeros(3), "int8")
    bias = net.const(random.integers(-99, 99, 3), "int32")
    last = net.op("QLinearConv", last, *first, weight, *scales, *second, bias, kernel_shape=[1, 1])
    last = net.op("Reshape", last, net.const([1, 48], "int64"))
    matrix = net.const(random.integers(-9, 9, (48, 3)), "int8")
    last = net.op("QLinearMatMul", last, *second, matrix, net.const(0.02), net.const(0, "int8"),
                  *second)  # fmt: skip
    return net.proto(net.op("DequantizeLinear", last, *second))


def _float(random: np.random.Generator) -> onnx.ModelProto:
    net = Net(random, x=(1, 2, 6, 6))
    last = net.op("Conv", "x", net.const(net.normal(4, 2, 3, 3)), net.const(net.normal(4)),
                  kernel_shape=[3, 3], auto_pad="SAME_UPPER")  # fmt: skip
    parts = [net.const(np.abs(net.normal(4)) + 0.5) for _ in range(4)]
    last = net.op("Relu", net.op("BatchNormalization", last, *parts))
    last = net.op("AveragePool", last, kernel_shape=[2, 2], strides=[2, 2])
    last = net.op("Flatten", net.op("GlobalAveragePool", last))
    last = net.op("Gemm", last, net.const(net.normal(4, 3)), net.const(net.normal(3)))
    return net.proto(net.op("Softmax", last, axis=1))


def _signal(random: np.random.Generator) -> onnx.ModelProto:
    """One dimension, transposed convolution, padding, two inputs."""
    net = Net(random, x=(1, 2, 8), other=(1, 3, 16))
    last = net.op("Pad", net.quant("x", 4), net.const([0, 0, 1, 0, 0, 1], "int64"), net.const(0.0))
    last = net.op("Conv", last, net.weight(3, 2, 3), kernel_shape=[3], dilations=[1])
    last = net.quant(last, 4, 0.5)
    last = net.op("ConvTranspose", last, net.weight(3, 3, 2), kernel_shape=[2], strides=[2])
    last = net.op("Add", net.quant(last, 4, 0.5), net.quant("other", 4, 0.5))
    return net.proto(net.op("GlobalAveragePool", net.quant(last, 4, 0.5)))


BASES: tuple[Base, ...] = (
    _chain,
    _chain,
    _branches,
    _constants,
    _scalars,
    _channels_last,
    _thresholds,
    _qdq,
    _qlinear,
    _float,
    _signal,
)
