"""Scalar operators between quantizers, in every form that exporters write, against qonnx."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir import Add, Input, Mul
from tests.frontend.onnx_builder import DOMAIN, ModelBuilder
from tests.frontend.test_legal_forms import agrees, dense, image, refused, weights

Piece = Callable[[ModelBuilder], object]


def node(op: str, *constants: object, **attributes: object) -> Piece:
    return lambda model: model.node(
        op, model.last, *[model.constant(item) for item in constants], **attributes
    )


def gated(op: str, **attributes: object) -> Piece:
    """``x * op(x)``."""
    return lambda model: model.node("Mul", model.last, model.node(op, model.last, **attributes))


def gelu_erf(model: ModelBuilder) -> None:
    x = model.last
    model.node("Div", x, model.constant(1.4142135))
    model.node("Add", model.node("Erf", model.last), model.constant(1.0))
    model.node("Mul", x, model.last)
    model.node("Mul", model.last, model.constant(0.5))


def gelu_tanh(model: ModelBuilder) -> None:
    x = model.last
    cube = model.node("Pow", x, model.constant(3.0))
    inner = model.node("Add", x, model.node("Mul", cube, model.constant(0.044715)))
    model.node("Tanh", model.node("Mul", inner, model.constant(0.7978845608)))
    half = model.node("Mul", model.constant(0.5), x)
    tanh = model.nodes[-2].output[0]
    model.node("Mul", half, model.node("Add", tanh, model.constant(1.0)))


def mish(model: ModelBuilder) -> None:
    x = model.last
    model.node("Mul", x, model.node("Tanh", model.node("Softplus", x)))


def hard_swish_by_hand(model: ModelBuilder) -> None:
    """As torch exports nn.Hardswish below opset 14."""
    x = model.last
    model.node("Clip", model.node("Add", x, model.constant(3.0)), *map(model.constant, (0.0, 6.0)))
    model.node("Mul", x, model.node("Div", model.last, model.constant(6.0)))


def leaky_by_hand(model: ModelBuilder) -> None:
    x = model.last
    positive = model.node("Greater", x, model.constant(0.0))
    model.node("Where", positive, x, model.node("Mul", x, model.constant(0.125)))


def prelu_by_hand(model: ModelBuilder) -> None:
    """As tf2onnx writes it: relu(x) - slope * relu(-x)."""
    x = model.last
    up = model.node("Relu", x)
    down = model.node("Relu", model.node("Neg", x))
    slope = model.constant(np.array([0.5, 0.25, 0.0, 0.75, 1.0]))
    model.node("Sub", up, model.node("Mul", down, slope))


def xor(model: ModelBuilder) -> None:
    x = model.last
    above = model.node("Greater", x, model.constant(-0.7))
    model.node("Xor", above, model.node("Less", x, model.constant(0.9)))
    model.node("Cast", model.last, to=1)


PIECES: dict[str, Piece] = {
    "celu": node("Celu", alpha=0.5),
    "elu": node("Elu", alpha=0.5),
    "exp": lambda m: m.node("Exp", m.node("Neg", m.node("Abs", m.last))),
    "floor": node("Floor"),
    "gelu erf": gelu_erf,
    "gelu tanh": gelu_tanh,
    "hard sigmoid": node("HardSigmoid", alpha=0.25),
    "hard swish": node("HardSwish"),
    "hard swish by hand": hard_swish_by_hand,
    "leaky by hand": leaky_by_hand,
    "log": lambda m: m.node("Log", m.node("Add", m.node("Abs", m.last), m.constant(0.25))),
    "max and min": lambda m: m.node(
        "Min", m.node("Max", m.last, m.constant(-1.0)), m.constant(np.array([1.0, 2, 0, 1, 3]))
    ),
    "mean of three": lambda m: m.node("Mean", m.last, m.node("Relu", m.last), m.constant(0.5)),
    "mish": mish,
    "mod": lambda m: m.node("Mod", m.last, m.constant(1.5), fmod=1),
    "prelu": node("PRelu", np.array([0.5, -0.25, 0.0, 0.75, 1.5])),
    "prelu by hand": prelu_by_hand,
    "prelu shared": node("PRelu", np.array([0.125])),
    "reciprocal": lambda m: m.node(
        "Reciprocal", m.node("Add", m.node("Abs", m.last), m.constant(0.5))
    ),
    "round": node("Round"),
    "selu": node("Selu"),
    "sign": node("Sign"),
    "silu": gated("Sigmoid"),
    "softplus": node("Softplus"),
    "softsign": node("Softsign"),
    "sqrt": lambda m: m.node("Sqrt", m.node("Abs", m.last)),
    "square": node("Pow", 2.0),
    "sum of three": lambda m: m.node("Sum", m.last, m.node("Relu", m.last), m.constant(0.25)),
    "tanh": node("Tanh"),
    "thresholded": node("ThresholdedRelu", alpha=0.5),
    "xor": xor,
}


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("moved", [False, True])
def test_operator(name: str, moved: bool, tmp_path: Path) -> None:
    """On a sum; the second time behind a batch norm and with an odd scale and zero point."""
    model = dense(opset=14)
    if moved:
        model.batch_norm(np.random.default_rng(4), 5, 1.0)
    PIECES[name](model)
    if moved:
        model.act(np.array([0.11, 0.07, 0.2, 0.13, 0.1]), 5, zero=3.0)
    else:
        model.act(0.125, 4)
    model.dense(weights(3, 5), 0.25, 4) if not moved else None
    agrees(model, tmp_path, explained=True)


@pytest.mark.parametrize("name", ["silu", "gelu erf", "gelu tanh", "mish", "hard swish by hand"])
def test_on_a_wide_sum(name: str, tmp_path: Path) -> None:
    """Over a sum that no table holds: two step functions, one minus the other."""
    model = ModelBuilder((1, 6), 14)
    model.act(2.0**-10, 12)
    model.dense(weights(5, 6), 2.0**-7, 10)
    PIECES[name](model)
    model.act(0.03125, 8)
    imported = agrees(model, tmp_path, explained=True)
    assert [op.kind for op in imported.graph.layers][1:] == [
        "Threshold",
        "Threshold",
        "Add",
        "Rescale",
    ]


def plain_quantizer(model: ModelBuilder, scale: float, low: float, high: float) -> str:
    """A quantizer in plain operators."""
    model.node("Div", model.last, model.constant(scale))
    model.node("Clip", model.node("Round", model.last), *map(model.constant, (low, high)))
    return model.node("Mul", model.last, model.constant(scale))


@pytest.mark.parametrize("raw", [False, True])
def test_quantizers_in_plain_operators(raw: bool, tmp_path: Path) -> None:
    """Div, Round, Clip, Mul instead of Quant: in front of a layer, twice read, at the end."""
    model = ModelBuilder((1, 6))
    if raw:
        plain_quantizer(model, 0.125, -8.0, 7.0)
    else:
        model.act(0.125, 4)
    model.dense(weights(5, 6), 0.125, 4)
    model.node("Relu", model.last)
    source = plain_quantizer(model, 0.25, 0.0, 15.0)
    first = model.dense(weights(3, 5), 0.125, 4)
    model.last = source
    model.node("Add", first, model.dense(weights(3, 5), 0.125, 4))
    plain_quantizer(model, 0.5, -7.0, 7.0)
    imported = agrees(model, tmp_path)
    kinds = [op.kind for op in imported.graph.layers]
    assert sorted(kinds) == ["Add", "Dense", "Dense", "Dense", "Rescale", "Rescale"]
    assert isinstance(imported.graph.ops[0], Input)
    assert imported.graph.ops[0].dtype.bits == 4


@pytest.mark.parametrize("op", ["Max", "Min"])
@pytest.mark.parametrize("scales", [(0.25, 0.25), (0.25, 0.125), (0.375, 0.25)])
@pytest.mark.parametrize("zero", [0.0, 3.0])
def test_extreme_of_two_branches(
    op: str, scales: tuple[float, float], zero: float, tmp_path: Path
) -> None:
    model = image()
    source = model.last
    ends = []
    for index, scale in enumerate(scales):
        model.last = source
        model.conv(weights(4, 2, 3, 3) * (1 + index), 0.125, 4)
        ends.append(model.act(scale, 4, zero=zero * index))
    model.node(op, *ends)
    model.conv(weights(2, 4, 3, 3), 0.125, 4)
    imported = agrees(model, tmp_path, explained=True)
    assert sum(isinstance(item, Add) for item in imported.graph.ops) == 2


def test_extreme_of_unrelated_scales_is_refused(tmp_path: Path) -> None:
    model = dense()
    source = model.last
    first = model.act(0.21, 4)
    model.last = source
    model.node("Max", first, model.act(0.137, 5, signed=False))
    model.dense(weights(3, 5), 0.25, 4)
    message = refused(model, tmp_path)
    assert "Max of branches with unrelated scales" in message or "two different" in message


@pytest.mark.parametrize("op", ["Greater", "LessOrEqual", "Equal"])
def test_comparison_of_two_branches(op: str, tmp_path: Path) -> None:
    model = image(opset=14)
    source = model.last
    model.conv(weights(4, 2, 3, 3), 0.125, 4)
    first = model.act(0.25, 4)
    model.last = source
    model.conv(weights(4, 2, 3, 3) * 2, 0.125, 4)
    model.node("Cast", model.node(op, first, model.act(0.125, 4)), to=1)
    model.conv(weights(2, 4, 3, 3), 0.125, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("op", ["Sigmoid", "HardSigmoid"])
@pytest.mark.parametrize("zero", [0.0, -128.0])
def test_gate_from_a_table(op: str, zero: float, tmp_path: Path) -> None:
    """Squeeze and excite: one gate per channel, with a zero point or without."""
    model = image()
    source = model.last
    model.node("GlobalAveragePool", source)
    model.act(0.0625, 8)
    model.conv(weights(2, 2, 1, 1), 0.125, 4)
    model.node(op, model.last)
    gate = model.act(1 / 256, 8, signed=zero != 0, zero=zero)
    model.node("Mul", source, gate)
    model.act(0.125, 4)
    model.conv(weights(2, 2, 3, 3), 0.125, 4)
    imported = agrees(model, tmp_path)
    assert sum(isinstance(item, Mul) for item in imported.graph.ops) == 1


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("op", ["Sum", "Mean"])
def test_many_branches(op: str, count: int, tmp_path: Path) -> None:
    model = image()
    source = model.last
    ends = []
    for index in range(count):
        model.last = source
        model.conv(weights(4, 2, 3, 3) * (1 + index), 0.125, 4)
        ends.append(model.act(0.25 if index else 0.5, 4))
    model.node(op, *ends)
    model.act(0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_two_wide_sums_with_batch_norms(seed: int, tmp_path: Path) -> None:
    """A residual block whose branches end in float batch norms, no quantizer in between."""
    random = np.random.default_rng(seed)
    model = image(channels=4)
    source = model.last
    ends = []
    for _ in range(2):
        model.last = source
        model.conv(random.normal(0, 1, (4, 4, 3, 3)), 0.0625, 6, pads=[1, 1, 1, 1])
        ends.append(model.batch_norm(random, 4, 2.0))
    model.node("Add", *ends)
    model.node("Relu", model.last) if seed % 2 else gated("Sigmoid")(model)
    model.act(0.11, 6, signed=seed % 2 == 0)
    imported = agrees(model, tmp_path, explained=True)
    assert any("order the integer sums" in note for note in imported.graph.notes)


def test_quantizer_parameters_that_are_computed(tmp_path: Path) -> None:
    """The scale as QKeras writes it: powers and products of constants."""
    model = dense()
    source = model.last
    power = model.node("Pow", model.constant(2.0), model.constant(-2.0))
    scale = model.node("Mul", power, model.constant(0.5))
    bits = model.node("Add", model.constant(3.0), model.constant(1.0))
    model.node("Quant", source, scale, model.constant(0.0), bits, domain=DOMAIN, signed=1, narrow=0)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)


def test_weights_times_constants(tmp_path: Path) -> None:
    """Quantized weights scaled per row, negated, divided: they stay integers."""
    model = image()
    quantized = model.quant(model.constant(weights(3, 2, 3, 3)), 0.125, 4)
    scaled = model.node(
        "Mul", quantized, model.constant(np.array([0.5, 2.0, 0.3]).reshape(3, 1, 1, 1))
    )
    scaled = model.node("Neg", model.node("Div", scaled, model.constant(0.7)))
    source = model.nodes[0].output[0]
    model.node("Conv", source, scaled, kernel_shape=[3, 3])
    model.act(0.25, 4)
    agrees(model, tmp_path, explained=True)


def test_a_quantized_bias_with_its_own_bits(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    weight = model.quant(model.constant(weights(5, 6)), 0.125, 4)
    bias = model.quant(model.constant(weights(5)), 0.0078125, 16)
    model.node("Gemm", source, weight, bias, transB=1)
    model.act(0.25, 3)
    model.act(0.5, 2)  # a quantizer on a quantizer
    agrees(model, tmp_path)


def test_channels_that_are_constant(tmp_path: Path) -> None:
    """Weights of zero, a batch norm without gain, and both in a sum."""
    model = image(channels=4)
    source = model.last
    model.conv(weights(4, 4, 3, 3) * np.array([1, 0, 1, 1]).reshape(4, 1, 1, 1), 0.125, 4)
    gamma = model.constant(np.array([1.0, 0.5, 0.0, 2.0]))
    rows = [model.constant(np.full(4, item)) for item in (0.25, 0.5, 1.0)]
    first = model.node("BatchNormalization", model.last, gamma, *rows)
    model.last = source
    model.conv(weights(4, 4, 3, 3), 0.125, 4)
    second = model.node(
        "Mul", model.last, model.constant(np.array([1, 1, 0, 1.0]).reshape(4, 1, 1))
    )
    model.node("Add", first, second)
    model.act(0.25, 4)
    model.conv(weights(2, 4, 3, 3), 0.125, 4)
    agrees(model, tmp_path, explained=True)


@pytest.mark.parametrize("bits", [1, 2, 3, 8, 12, 16, 24, 32])
@pytest.mark.parametrize("signed", [False, True])
def test_bit_widths(bits: int, signed: bool, tmp_path: Path) -> None:
    model = dense()
    scale = 2.0 ** -min(bits, 10)
    model.act(scale, bits, signed=signed)
    imported = agrees(model, tmp_path)
    dtype = imported.graph.tensors[imported.graph.outputs[0].inputs[0]].dtype
    assert dtype.bits <= bits


def multi_threshold(model: ModelBuilder, rows: np.ndarray, **attributes: object) -> str:
    return model.node(
        "MultiThreshold",
        model.last,
        model.constant(rows),
        domain="finn.custom_op.general",
        **{"out_dtype": "INT4", **attributes},
    )


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("scale", "bias", "count"), [(1.0, 0.0, 3), (0.5, -2.0, 7), (2.0, -1.0, 1), (0.3, 0.1, 4)]
)
def test_multi_threshold(
    shared: bool, scale: float, bias: float, count: int, tmp_path: Path
) -> None:
    random = np.random.default_rng(count)
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.batch_norm(random, 3, 1.0)
    rows = np.sort(random.normal(0, 1, (1 if shared else 3, count)), axis=1)
    multi_threshold(model, rows, out_scale=scale, out_bias=bias)
    model.conv(weights(2, 3, 3, 3), 0.125, 4)
    imported = agrees(model, tmp_path, explained=True)
    kinds = [op.kind for op in imported.graph.layers]
    assert kinds == ["Conv", "Threshold", "Conv"]


def test_multi_threshold_with_channels_last(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.node("Transpose", model.last, perm=[0, 2, 3, 1])
    multi_threshold(model, np.sort(random.normal(0, 1, (3, 7)), axis=1), data_layout="NHWC")
    model.node("Transpose", model.last, perm=[0, 3, 1, 2])
    model.conv(weights(2, 3, 3, 3), 0.125, 4)
    agrees(model, tmp_path, explained=True)


def test_multi_threshold_on_the_input_and_weights_without_a_quantizer(tmp_path: Path) -> None:
    """As FINN writes its models: integer weights are plain constants."""
    model = ModelBuilder((1, 6))
    model.node("Div", model.last, model.constant(2.0))
    multi_threshold(model, np.array([[-0.5, 0.5]]), out_dtype="UINT2")
    model.node("Add", model.last, model.constant(-1.0))
    random = np.random.default_rng(8)
    model.node("MatMul", model.last, model.constant(random.integers(-1, 2, (6, 5)).astype(float)))
    multi_threshold(model, np.array([[0.0]]), out_scale=2.0, out_bias=-1.0, out_dtype="BIPOLAR")
    model.node("MatMul", model.last, model.constant(random.choice([-1.0, 1.0], (5, 4))))
    imported = agrees(model, tmp_path)
    types = [str(imported.graph.tensors[op.outputs[0]].dtype) for op in imported.graph.layers]
    assert types[1] == "bipolar"


REFUSED: dict[str, tuple[Piece, str]] = {
    "float quantizer": (
        lambda m: m.node("FloatQuant", m.last, domain=DOMAIN),
        "FloatQuant_3': operator 'FloatQuant' is not supported (it rounds to floating-point"
        " numbers, which lie on no grid of integers). Remedy: quantize to integers",
    ),
    "instance norm": (
        lambda m: m.node("InstanceNormalization", m.last, *[m.constant(np.ones(5))] * 2),
        "it divides by a mean and variance of the sample itself, which no integers hold)."
        " Remedy: use BatchNorm",
    ),
    "logarithm of a negative number": (
        lambda m: m.node("Log", m.node("Neg", m.node("Abs", m.last))),
        "a reachable integer gives no finite value. Remedy: clip before the function",
    ),
    "power of two tensors": (
        lambda m: m.node("Pow", m.last, m.act(0.125, 4)),
        "of two different computed tensors",
    ),
    "negative scale": (
        lambda m: m.act(-0.125, 4),
        "scale -0.125 is not a positive number",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    piece, part = REFUSED[name]
    model = dense()
    piece(model)
    model.act(0.25, 4)
    assert part in refused(model, tmp_path)
