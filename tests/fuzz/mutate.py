"""Seeded damage to ONNX models: bytes, nodes, attributes, shapes, values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwcompress.frontend.lowering import HANDLERS
from tests.fuzz.hostile import HOSTILE

__all__ = ["mutated"]

_ODD_INTEGERS = (-(2**62), -7, -1, 0, 1, 2, 3, 7, 10**9, 2**62)
_ODD_NUMBERS = (float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e-45, 1e38, 0.5)
_ATTRIBUTES = (
    "axis axes perm kernel_shape strides pads dilations group alpha beta transA transB to"
    " signed narrow rounding_mode ceil_mode auto_pad keepdims epsilon training_mode min max value"
).split()

Change = Callable[[np.random.Generator, onnx.ModelProto], None]


def mutated(random: np.random.Generator, data: bytes) -> tuple[bytes, str]:
    """A damaged copy, and the kinds of damage: to one or some bytes, or to the structure."""
    if random.random() < 0.25:
        return _bytes(random, data), "bytes"
    proto = onnx.ModelProto()
    proto.ParseFromString(data)
    kinds = []
    for _ in range(int(random.choice([1, 1, 2, 3]))):
        change = _CHANGES[random.integers(len(_CHANGES))]
        kinds.append(change.__name__.strip("_"))
        change(random, proto)
        if not proto.graph.node:
            break
    return bytes(proto.SerializeToString()), "+".join(kinds)


def _bytes(random: np.random.Generator, data: bytes) -> bytes:
    raw = bytearray(data)
    for _ in range(int(random.integers(1, 9))):
        place = int(random.integers(len(raw)))
        kind = random.integers(3)
        if kind == 0:
            raw[place] = int(random.integers(256))
        elif kind == 1:
            del raw[place]
        else:
            raw.insert(place, int(random.integers(256)))
    return bytes(raw[: int(random.integers(1, len(raw)))]) if random.random() < 0.1 else bytes(raw)


def _node(random: np.random.Generator, proto: onnx.ModelProto) -> onnx.NodeProto:
    return proto.graph.node[int(random.integers(len(proto.graph.node)))]


def _drop_input(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    node = _node(random, proto)
    if node.input:
        del node.input[int(random.integers(len(node.input)))]


def _blank_input(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    node = _node(random, proto)
    if node.input:
        node.input[int(random.integers(len(node.input)))] = ""


def _rewire(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    names = [name for node in proto.graph.node for name in (*node.input, *node.output)]
    node = _node(random, proto)
    if node.input:
        node.input[int(random.integers(len(node.input)))] = str(random.choice(names))


def _extra_input(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    node = _node(random, proto)
    other = _node(random, proto)
    node.input.append(other.output[0] if other.output else "")


def _drop_output(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    node = _node(random, proto)
    if node.output:
        del node.output[0]


def _rename_op(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    _node(random, proto).op_type = str(random.choice([*HANDLERS, "Concat", "Gather", "Resize"]))


def _swap_ops(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    first, second = _node(random, proto), _node(random, proto)
    first.op_type, second.op_type = second.op_type, first.op_type


def _drop_node(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    if len(proto.graph.node) > 1:
        del proto.graph.node[int(random.integers(len(proto.graph.node)))]


def _set_attribute(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    node = _node(random, proto)
    present = [item.name for item in node.attribute]
    name = str(random.choice(present if present and random.random() < 0.6 else _ATTRIBUTES))
    integers = [int(random.choice(_ODD_INTEGERS)) for _ in range(int(random.integers(1, 6)))]
    value = [
        integers[0],
        float(random.choice(_ODD_NUMBERS)),
        integers,
        "nonsense",
        numpy_helper.from_array(np.array(integers)),
        [0.5, 1.5],
    ][int(random.integers(6))]
    for item in list(node.attribute):
        if item.name == name:
            node.attribute.remove(item)
    node.attribute.append(helper.make_attribute(name, value))


def _move_attributes(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    first, second = _node(random, proto), _node(random, proto)
    items = list(first.attribute)
    del first.attribute[:]
    second.attribute.extend(items)


def _tensor(random: np.random.Generator, proto: onnx.ModelProto) -> onnx.TensorProto:
    if not proto.graph.initializer:
        return onnx.TensorProto()
    return proto.graph.initializer[int(random.integers(len(proto.graph.initializer)))]


def _array(tensor: onnx.TensorProto) -> np.ndarray:
    """Its values; none if it was damaged before."""
    if tensor.data_location == TensorProto.EXTERNAL:
        return np.zeros(0, np.float32)
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (TypeError, ValueError):
        return np.zeros(0, np.float32)
    return array if array.dtype.kind in "biuf" else np.zeros(0, np.float32)


def _values(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    tensor = _tensor(random, proto)
    array = _array(tensor).astype(np.float32)
    if array.size:
        flat = array.reshape(-1)
        flat[int(random.integers(array.size))] = random.choice(_ODD_NUMBERS)
        tensor.CopyFrom(numpy_helper.from_array(flat.reshape(array.shape), tensor.name))


def _dtype(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    tensor = _tensor(random, proto)
    kind = str(random.choice(["float16", "float64", "int64", "int8", "bool", "complex64", "str"]))
    with np.errstate(all="ignore"):
        array = _array(tensor)
        array = array.astype(object) if kind == "str" else array.astype(kind)
    if kind == "str":
        array = np.array([str(item) for item in array.reshape(-1)], object)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _shape(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    tensor = _tensor(random, proto)
    array = _array(tensor)
    options = [array.reshape(-1), array[None], array[..., None], array.reshape(-1)[:0], array.T]
    tensor.CopyFrom(
        numpy_helper.from_array(
            np.ascontiguousarray(options[int(random.integers(len(options)))]), tensor.name
        )
    )


def _dims(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    tensor = _tensor(random, proto)
    tensor.dims.append(int(random.choice(_ODD_INTEGERS)))


def _kind(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    _tensor(random, proto).data_type = int(random.integers(0, 26))


def _input_shape(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    if not proto.graph.input:
        return
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    if len(dims) and random.random() < 0.7:
        dims[int(random.integers(len(dims)))].dim_value = int(random.choice(_ODD_INTEGERS))
    else:
        dims.add().dim_value = 1


def _interface(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    kind = random.integers(5)
    made = _node(random, proto).output
    name = made[0] if made else "x"
    if kind == 0:
        proto.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    elif kind == 1 and proto.graph.output:
        proto.graph.output[0].name = name
    elif kind == 2:
        proto.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    elif kind == 3:
        del proto.graph.input[:]
    elif proto.opset_import:
        proto.opset_import[0].version = int(random.choice([-1, 0, 6, 9, 11, 13, 20, 99]))


_CHANGES: tuple[Change, ...] = (
    _drop_input,
    _blank_input,
    _rewire,
    _extra_input,
    _drop_output,
    _rename_op,
    _rename_op,
    _swap_ops,
    _drop_node,
    _set_attribute,
    _set_attribute,
    _set_attribute,
    _move_attributes,
    _values,
    _values,
    _values,
    _dtype,
    _shape,
    _shape,
    _dims,
    _kind,
    _input_shape,
    _interface,
    *HOSTILE,
)
