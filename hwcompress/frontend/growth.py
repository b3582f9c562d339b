"""How large the result of a node will be, before anything of that size is made.

Most operators give at most as much as they are given. Of the others, a few bytes in a file
can ask for any size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from hwcompress.frontend.binary import BINARY
from hwcompress.frontend.onnx_model import Node

__all__ = ["made_elements", "multiplications"]

Shape = tuple[int, ...]
Shapes = Sequence[Shape | None]
Arrays = Sequence[np.ndarray | None]

_BROADCASTING = frozenset(
    {
        *BINARY,
        "BipolarQuant",
        "Clip",
        "DequantizeLinear",
        "IntQuant",
        "Mod",
        "PRelu",
        "Quant",
        "QuantizeLinear",
        "Trunc",
        "Where",
    }
)
# A length in a file may have any number of digits after a product of many.
_MANY = 1 << 62


def made_elements(node: Node, shapes: Shapes, constants: Arrays) -> int:
    """Elements of a node's largest output, never too few; 0 for a node that cannot be run.

    Args:
        node: the node.
        shapes: of its inputs, ``None`` where one is left out.
        constants: their values where they are known.
    """
    rule = _RULES.get(node.op)
    if rule is None and node.op in _BROADCASTING:
        rule = _broadcast
    try:
        if rule is not None:
            return max(min(rule(node, shapes, constants), _MANY), 0)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return 0  # whoever runs it says why it cannot be run
    return max((math.prod(shape) for shape in shapes if shape is not None), default=0)


def multiplications(node: Node, shapes: Shapes, constants: Arrays) -> int:
    """Products that a node sums up, never too few; 0 for a node without weights."""
    if node.op not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    first, second = _shape(shapes, 0), _shape(shapes, 1)
    made = made_elements(node, shapes, constants)
    if node.op == "ConvTranspose":
        return max(math.prod(first), made) * math.prod(second[1:])
    if node.op == "Conv":
        return made * math.prod(second[1:])
    return made * max(first[-1:] + second[-1:], default=1)


def _shape(shapes: Shapes, index: int) -> Shape:
    shape = shapes[index] if len(shapes) > index else None
    return () if shape is None else shape


def _list(constants: Arrays, index: int) -> list[int]:
    array = constants[index] if len(constants) > index else None
    if array is None or array.size > 64:
        raise ValueError
    return [int(item) for item in array.reshape(-1)]


def _broadcast_shape(shapes: Sequence[Shape]) -> Shape:
    rank = max((len(shape) for shape in shapes), default=0)
    rows = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(0 if 0 in sizes else max(sizes) for sizes in zip(*rows, strict=True))


def _broadcast(node: Node, shapes: Shapes, constants: Arrays) -> int:
    return math.prod(_broadcast_shape([shape for shape in shapes if shape is not None]))


def _expand(node: Node, shapes: Shapes, constants: Arrays) -> int:
    target = tuple(max(size, 1) for size in _list(constants, 1))
    return math.prod(_broadcast_shape([_shape(shapes, 0), target]))


def _tile(node: Node, shapes: Shapes, constants: Arrays) -> int:
    return math.prod(_shape(shapes, 0)) * math.prod(_list(constants, 1))


def _filled(node: Node, shapes: Shapes, constants: Arrays) -> int:
    return math.prod(_list(constants, 0))


def _range(node: Node, shapes: Shapes, constants: Arrays) -> int:
    start, stop, step = (
        float(np.asarray(item).reshape(-1)[0]) for item in constants[:3] if item is not None
    )
    return math.ceil((stop - start) / step)


def _pad(node: Node, shapes: Shapes, constants: Arrays) -> int:
    shape = _shape(shapes, 0)
    attribute = node.integers("pads") or node.integers("paddings")
    pads = list(attribute) if attribute else _list(constants, 1)
    axes = list(range(len(shape)))
    if len(constants) > 3 and constants[3] is not None:
        axes = _list(constants, 3)
    sizes = list(shape)
    for place, axis in enumerate(axes):
        sizes[axis] += max(pads[place], 0) + max(pads[place + len(axes)], 0)
    return math.prod(sizes)


def _resize(node: Node, shapes: Shapes, constants: Arrays) -> int:
    size = math.prod(_shape(shapes, 0))
    most = size
    sizes = constants[3] if len(constants) > 3 else None
    if sizes is not None:
        most = max(most, math.prod(max(int(item), 0) for item in sizes.reshape(-1)))
    scales: list[float] = []
    for item in constants[1:3]:
        if item is not None and item.size == len(_shape(shapes, 0)):
            scales = [float(scale) for scale in item.reshape(-1)]
            most = max(most, math.ceil(size * math.prod(scales)))
    stated = node.attributes.get("scales")
    if isinstance(stated, tuple):
        most = max(most, math.ceil(size * math.prod(float(item) for item in stated)))
    return most


def _gather(node: Node, shapes: Shapes, constants: Arrays) -> int:
    data, index = _shape(shapes, 0), _shape(shapes, 1)
    axis = node.integer("axis", 0) % len(data)
    return math.prod((*data[:axis], *index, *data[axis + 1 :]))


def _one_hot(node: Node, shapes: Shapes, constants: Arrays) -> int:
    return math.prod(_shape(shapes, 0)) * max(_list(constants, 1))


def _concat(node: Node, shapes: Shapes, constants: Arrays) -> int:
    return sum(math.prod(shape) for shape in shapes if shape is not None)


def _matmul(node: Node, shapes: Shapes, constants: Arrays) -> int:
    first, second = _shape(shapes, 0), _shape(shapes, 1)
    outer = _broadcast_shape([first[:-2], second[:-2]])
    return math.prod(outer) * math.prod(first[-2:-1]) * math.prod(second[-1:])


def _gemm(node: Node, shapes: Shapes, constants: Arrays) -> int:
    first, second = _shape(shapes, 0), _shape(shapes, 1)
    rows = first[1 if node.integer("transA", 0) else 0]
    return rows * second[0 if node.integer("transB", 0) else 1]


def _conv(node: Node, shapes: Shapes, constants: Arrays) -> int:
    """Windows that may start anywhere in the padded image."""
    data, weight = _shape(shapes, 0), _shape(shapes, 1)
    return data[0] * weight[0] * _positions(node, data[2:], weight[2:])


def _pool(node: Node, shapes: Shapes, constants: Arrays) -> int:
    data = _shape(shapes, 0)
    return math.prod(data[:2]) * _positions(node, data[2:], node.integers("kernel_shape"))


def _positions(node: Node, size: Shape, kernel: Shape) -> int:
    pads = node.integers("pads", (0,) * (2 * len(size)))
    stride = node.integers("strides", (1,) * len(size))
    same = node.text("auto_pad", "NOTSET").startswith("SAME")
    total = 1
    for axis, length in enumerate(size):
        around = kernel[axis] if same else pads[axis] + pads[axis + len(size)]
        total *= max((length + max(around, 0)) // max(stride[axis], 1) + 1, 1)
    return total


def _conv_transpose(node: Node, shapes: Shapes, constants: Arrays) -> int:
    data, weight = _shape(shapes, 0), _shape(shapes, 1)
    rank = len(data) - 2
    stride = node.integers("strides", (1,) * rank)
    dilation = node.integers("dilations", (1,) * rank)
    extra = node.integers("output_padding", (0,) * rank)
    stated = node.integers("output_shape")[-rank:]
    total = data[0] * weight[1] * node.integer("group", 1)
    for axis in range(rank):
        length = (data[2 + axis] - 1) * stride[axis] + dilation[axis] * (weight[2 + axis] - 1) + 1
        total *= max(length + extra[axis], stated[axis] if stated else 0)
    return total


_RULES: dict[str, Callable[[Node, Shapes, Arrays], int]] = {
    "AveragePool": _pool,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Expand": _expand,
    "Gather": _gather,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "Resize": _resize,
    "Tile": _tile,
    "Upsample": _resize,
}
