"""Damage that an attacker would do: sizes, paths, names, cycles, wrong kinds of things."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["HOSTILE", "NAMES", "PLACES"]

NAMES = (
    "../../outside",
    "/etc/passwd",
    "a\nb",
    "a\0b",
    "\x1b[31mred\x1b]0;title\x07",
    "[bold]x[/]",
    "[/]",
    "<script>alert(1)</script>",
    "'; DROP TABLE x; --",
    "module",
    "endmodule",
    "always",
    "\u202eevil",
    "\ud7ff\uffff",
    "{{7*7}}",
    "$(touch outside)",
    " ",
    "",
    "x" * 300,
    "y" * 20_000,
)
PLACES = (
    "../../outside.bin",
    "../outside.bin",
    "/etc/passwd",
    "/dev/zero",
    "link.bin",
    "folder",
    "fifo",
    "weights.bin",
    "missing.bin",
    "a\0b",
    "..",
    ".",
    "",
    "model.onnx",
    "folder/../../outside.bin",
    "x" * 5000,
)
_HUGE = (2**31, 2**40, 2**60, 2**63 - 1, 10**6, 10**8, -1, -(2**60))


def _pick(random: np.random.Generator, items: object) -> int:
    return int(random.integers(len(items)))  # type: ignore[arg-type]


def _node(random: np.random.Generator, proto: onnx.ModelProto) -> onnx.NodeProto:
    return proto.graph.node[_pick(random, proto.graph.node)]


def _weight(random: np.random.Generator, proto: onnx.ModelProto) -> onnx.TensorProto:
    if not proto.graph.initializer:
        return onnx.TensorProto()
    return proto.graph.initializer[_pick(random, proto.graph.initializer)]


def _add(proto: onnx.ModelProto, value: object, kind: str = "int64") -> str:
    name = f"hostile{len(proto.graph.initializer)}"
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(value).astype(kind), name))
    return name


def grow(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """A node that asks for a huge tensor, between two nodes or on a constant."""
    place = _pick(random, proto.graph.node)
    reader = proto.graph.node[place]
    if not reader.input:
        return
    slot = _pick(random, reader.input)
    source, size = reader.input[slot], int(random.choice(_HUGE))
    other = int(random.choice((1, 3, 10**4, 10**6, size)))
    fresh = f"grown{len(proto.graph.node)}"
    rank = int(random.integers(1, 5))

    def made(op: str, *inputs: str, **more: object) -> onnx.NodeProto:
        return helper.make_node(op, list(inputs), [fresh], name=op, **more)

    shape = [1] * (rank - 1) + [size]
    match int(random.integers(12)):
        case 0:
            node = made("Expand", source, _add(proto, [other, size]))
        case 1:
            node = made("Tile", source, _add(proto, shape))
        case 2:
            node = made("ConstantOfShape", _add(proto, [other, size]))
        case 3:
            node = made("Range", *(_add(proto, item) for item in (0, size, 1)))
        case 4:
            node = made("Pad", source, _add(proto, [0] * rank + shape))
        case 5:
            node = made("Resize", source, "", _add(proto, np.array(shape, float), "float32"))
        case 6:
            node = made("Resize", source, "", "", _add(proto, [1, 4, other, size]))
        case 7:
            node = made("OneHot", source, _add(proto, size), _add(proto, [0, 1]))
        case 8:
            node = made("Gather", source, _add(proto, np.zeros((10**3, 10**2))), axis=0)
        case 9:
            node = made("Concat", *[source] * 3000, axis=int(random.integers(-1, 3)))
        case 10:
            node = made(
                "MaxPool", source, kernel_shape=[2, 2], pads=[0, 0, size % 2**62, size % 2**62]
            )
        case _:
            node = made("Upsample", source, _add(proto, np.array(shape, float), "float32"))
    reader.input[slot] = fresh
    proto.graph.node.insert(place, node)


def huge_dims(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """A stored tensor that says it is huge."""
    tensor = _weight(random, proto)
    for place in range(len(tensor.dims)):
        if random.random() < 0.5:
            tensor.dims[place] = int(random.choice(_HUGE))


def raw_length(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """Stored data of another length than the shape needs."""
    tensor = _weight(random, proto)
    extra = bytes(int(random.integers(1, 100)))
    tensor.raw_data = tensor.raw_data[:-1] if random.random() < 0.5 else tensor.raw_data + extra


def external(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """Data outside of the file."""
    tensor = _weight(random, proto)
    if random.random() < 0.2:
        tensor = onnx.TensorProto(name="value", data_type=1, dims=[1])
        node = _node(random, proto)
        node.attribute.append(onnx.AttributeProto(name="value", type=4, t=tensor))
        tensor = node.attribute[-1].t
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    facts = {"location": str(PLACES[_pick(random, PLACES)])}
    if random.random() < 0.4:
        facts["offset"] = str(random.choice(["-1", "0", "4", "99999999999999999999", "x", "1e3"]))
    if random.random() < 0.4:
        facts["length"] = str(random.choice(["-1", "0", "4", "99999999999999999999", "x"]))
    if random.random() < 0.1:
        facts.pop("location")
    for key, value in facts.items():
        tensor.external_data.add(key=key, value=value)


def twice(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """Something that is there twice."""
    graph = proto.graph
    match int(random.integers(5)):
        case 0 if graph.initializer:
            graph.initializer.append(_weight(random, proto))
        case 1 if graph.input:
            graph.input.append(graph.input[0])
        case 2:
            graph.node.append(_node(random, proto))
        case 3 if _node(random, proto).attribute:
            node = _node(random, proto)
            node.attribute.extend(list(node.attribute))
        case _:
            if graph.output:
                graph.output.append(graph.output[0])


def cycle(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """A node that reads what comes after it, or itself."""
    first, second = sorted(int(random.integers(len(proto.graph.node))) for _ in range(2))
    early, late = proto.graph.node[first], proto.graph.node[second]
    if early.input and late.output:
        early.input[_pick(random, early.input)] = late.output[0]


def rename(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """A name that does harm in a file name, a terminal, a page or Verilog; used consistently."""
    name = str(NAMES[_pick(random, NAMES)])
    node = _node(random, proto)
    match int(random.integers(5)):
        case 0:
            node.name = name
        case 1:
            node.op_type = name
        case 2:
            node.domain = name
        case _:
            names = [item.name for item in (*proto.graph.input, *proto.graph.initializer)]
            names += [item for node in proto.graph.node for item in node.output]
            old = names[_pick(random, names)] if names else ""
            for item in (*proto.graph.input, *proto.graph.initializer, *proto.graph.output):
                item.name = name if item.name == old else item.name
            for node in proto.graph.node:
                for names_of in (node.input, node.output):
                    for place, item in enumerate(names_of):
                        names_of[place] = name if item == old else item


def odd_attribute(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """An attribute of a kind that no operator here has, or a very long one."""
    node = _node(random, proto)
    name = node.attribute[0].name if node.attribute else "axis"
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(int(random.integers(0, 25))):
        outer = helper.make_node("If", ["c"], ["d"])
        outer.attribute.append(helper.make_attribute("then_branch", graph))
        graph = helper.make_graph([outer], "g", [], [])
    match int(random.integers(5)):
        case 0:
            item = helper.make_attribute(name, graph)
        case 1:
            item = helper.make_attribute(name, ["a", "b" * 10**5])
        case 2:
            item = helper.make_attribute(name, [1] * 10**5)
        case 3:
            item = onnx.AttributeProto(name=name, type=int(random.integers(0, 15)))
        case _:
            item = helper.make_attribute(name, "z" * 10**6)
    del node.attribute[:1]
    node.attribute.append(item)


def long_chain(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """Hundreds of scalar operators in a row."""
    place = _pick(random, proto.graph.node)
    reader = proto.graph.node[place]
    if not reader.input:
        return
    slot, count = _pick(random, reader.input), int(random.choice((30, 300, 1500)))
    kind = str(random.choice(["Relu", "Neg", "Identity", "Sigmoid", "Abs", "Floor", "Transpose"]))
    last, chain = reader.input[slot], []
    for index in range(count):
        chain.append(helper.make_node(kind, [last], [f"chain{place}_{index}"]))
        last = chain[-1].output[0]
    reader.input[slot] = last
    nodes = list(proto.graph.node)
    nodes[place:place] = chain
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def scales(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """Scales, zero points, numbers of bits: not finite, zero, negative, huge, fractions."""
    single = [item for item in proto.graph.initializer if int(np.prod(item.dims)) <= 8]
    if not single:
        return
    tensor = single[_pick(random, single)]
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    try:
        array = np.array(numpy_helper.to_array(tensor))
    except (TypeError, ValueError):
        return
    if array.dtype.kind not in "iuf" or not array.size:
        return
    value = float(
        random.choice([np.nan, np.inf, -np.inf, 0, -1, -0.25, 1e-45, 1e-300, 3e38, 2.5, 64, 1e6])
    )
    with np.errstate(all="ignore"):
        array.reshape(-1)[_pick(random, array.reshape(-1))] = (
            value if array.dtype.kind == "f" else np.int64(np.clip(np.nan_to_num(value), -99, 99))
        )
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def versions(random: np.random.Generator, proto: onnx.ModelProto) -> None:
    """Versions of the operators."""
    kind = int(random.integers(4))
    if kind == 0:
        del proto.opset_import[:]
    elif kind == 1:
        proto.opset_import.add(domain="evil", version=2**40)
    else:
        for item in proto.opset_import:
            item.version = int(random.choice([-(2**40), 0, 1, 6, 7, 9, 10, 12, 18, 23, 2**40]))
    proto.ir_version = int(random.choice([-1, 0, 3, 8, 2**40]))


HOSTILE = (
    grow,
    grow,
    huge_dims,
    raw_length,
    external,
    twice,
    cycle,
    rename,
    odd_attribute,
    long_chain,
    scales,
    scales,
    versions,
)
