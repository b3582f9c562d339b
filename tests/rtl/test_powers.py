"""Weights that are zero or powers of two: engines that shift, and their codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.boards import load
from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes, Style, engine, legal_foldings
from hwcompress.hls.folding.powers import PowerCode, power_code
from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.reload import reload_writes
from hwcompress.hls.synth import synthesize
from hwcompress.ir import BIPOLAR, TERNARY, Conv, ConvTranspose, Dense, Graph, IntType, Op

from .designs import check_design, random_frames
from .graphs import chain, random_folding
from .icarus import simulate

_XTYPES = (
    IntType(0, 15), IntType(-8, 7), IntType(0, 255), IntType(-5, 6), IntType(0, 1), BIPOLAR,
    TERNARY, IntType(3, 9), IntType(0, 0), IntType(-1, -1),
)  # fmt: skip
_SHAPES = ("dense", "conv", "groups", "depthwise", "transposed")


def _powers(
    rng: np.random.Generator, shape: tuple[int, ...], base: int, count: int, zeros: float
) -> np.ndarray:
    """Signed powers of two, the least and the largest among them, some zeros."""
    exponent = rng.integers(base, base + count, shape)
    exponent.flat[0], exponent.flat[-1] = base, base + count - 1
    weight = rng.choice([-1, 1], shape) << exponent
    weight = np.where(rng.random(shape) < zeros, 0, weight)
    weight.flat[0], weight.flat[-1] = -(1 << base), 1 << (base + count - 1)
    return weight


def _layer(shape: str, rng: np.random.Generator, number: int, xtype: IntType) -> Graph:
    base, count = int(rng.choice([0, 0, 1, 5])), int(rng.choice([1, 2, 3, 4, 7, 8]))
    zeros = (0.0, 0.3)[number % 2]
    wtype = IntType(-(1 << (base + count)), (1 << (base + count)) - 1)
    names = ("op", ("t0",), ("t1",))
    image = (4, 3, 4)
    groups = {"groups": 2, "depthwise": 4}.get(shape, 1)
    sizes = (6, 8) if shape == "dense" else (4, 2, 3, 4 // groups)
    weight = _powers(rng, sizes, base, count, zeros)
    bias = rng.integers(-99, 99, len(weight)) if rng.integers(2) else None
    op: Op
    if shape == "dense":
        op = Dense(*names, weight, wtype, bias)
    elif shape == "transposed":
        op = ConvTranspose(*names, weight, wtype, bias, (2, 2))
    else:
        pad = min(max(0, xtype.lo), xtype.hi) if xtype != BIPOLAR else -1
        op = Conv(*names, weight, wtype, bias, (1, 1), (1, 1, 0, 1), (1, 1), groups, pad)
    return chain(shape, (8,) if shape == "dense" else image, xtype, [op])


@pytest.mark.parametrize("number", range(len(_XTYPES)))
@pytest.mark.parametrize("shape", _SHAPES)
def test_layers_of_powers(tmp_path: Path, shape: str, number: int) -> None:
    """Exact with stalls; the memory holds codes, and nothing is multiplied."""
    rng = np.random.default_rng([number, 61, *shape.encode()])
    graph = _layer(shape, rng, number, _XTYPES[number])
    (op,) = graph.layers
    assert isinstance(op, Dense | Conv | ConvTranspose)
    folding = random_folding(graph, rng)
    if number % 4 == 1:  # all at once: weights are constants
        every = legal_foldings(graph)["op"]
        folding = Folding({"op": max(every, key=lambda lanes: lanes.pe * lanes.simd)})
    stalls = ((0, 0), (110, 110))[number % 2]
    samples = random_frames(graph, 3, rng)
    design, _ = check_design(graph, folding, tmp_path, samples=samples, stalls=stalls)
    (unit,) = (item for item in design.instances if item.module == "hwc_mvu")
    code = PowerCode.of(op.weight)
    assert code and (unit.parameters["W_KIND"], unit.parameters["W_BITS"]) == (4, code.bits)
    assert unit.parameters.get("W_BASE", 0) == code.base
    (memory,) = (item for item in design.memories if item.kind == "weights")
    assert memory.width * memory.depth == op.weight.size * code.bits


@pytest.mark.parametrize(("w_bits", "fixed"), [(2, 0), (3, 0), (3, 1), (4, 0), (4, 1)])
@pytest.mark.parametrize("x_kind", range(4))
def test_every_product(tmp_path: Path, x_kind: int, w_bits: int, fixed: int) -> None:
    """All elements by all codes, in the fewest bits."""
    x_bits = {0: 3, 1: 3, 2: 1, 3: 2}[x_kind]
    low, high = {0: (0, 7), 1: (-4, 3), 2: (-1, 1), 3: (-1, 1)}[x_kind]
    zero, base = (1 << (w_bits - 1)) - 1, (x_kind + w_bits) % 3
    words, expected = [], []
    for x in range(low, high + 1, 2 if x_kind == 2 else 1):
        for exponent in range(zero + 1):
            for sign in (0, 1):
                raw = (x + 1) // 2 if x_kind == 2 else x & ((1 << x_bits) - 1)
                words.append(raw | (exponent | sign << (w_bits - 1)) << x_bits)
                value = 0 if exponent == zero else (-x if sign else x) << (exponent + base)
                expected.append(value)
    most = max(-low, high) << (zero - 1 + base)
    bits = 1 + (most.bit_length() if high == -low or x_kind == 0 else (most - 1).bit_length() + 1)
    assert all(-(1 << (bits - 1)) <= value < 1 << (bits - 1) for value in expected)
    dut = f"""wire [{bits - 1}:0] p;
    hwc_mul #(.X_BITS({x_bits}), .X_KIND({x_kind}), .W_BITS({w_bits}), .W_KIND(4),
        .W_BASE({base}), .P_BITS({bits}), .FIXED({fixed})) mul (
        .x(s_data[{x_bits - 1}:0]), .w(s_data[{x_bits + w_bits - 1}:{x_bits}]), .p(p));
    hwc_skid #(.WIDTH({bits})) slice (.clk(clk), .rst(rst), .s_data(p), .s_valid(s_valid),
        .s_ready(s_ready), .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready));"""
    got = simulate(
        tmp_path, dut, words, in_width=x_bits + w_bits, out_width=bits, expected=len(words)
    )
    assert got.beats == [value & ((1 << bits) - 1) for value in expected]


def test_codes() -> None:
    """As wide as zero and all signed powers between the ends need, and read back exactly."""
    for base, count in ((0, 1), (0, 3), (2, 4), (0, 7), (3, 8), (30, 31)):
        weight = np.array([0, 1 << base, -(1 << (base + count - 1))])
        code = PowerCode.of(weight)
        assert code == PowerCode(base, count)
        assert code.bits == int(np.ceil(np.log2(2 * count + 1)))
        every = np.array([0, *(s << e for e in range(base, base + count) for s in (1, -1))])
        raw = code.encode(every, "here")
        top = 1 << (code.bits - 1)
        back = [
            0 if r & (top - 1) == top - 1 else (1 - 2 * (r // top)) << (base + r % top)
            for r in (int(r) for r in raw)
        ]
        assert back == every.tolist()
        with pytest.raises(InputError, match="weight 3 has no code"):
            code.encode(np.array([[3]]), "here")
        with pytest.raises(InputError, match="no code"):
            code.encode(np.array([1 << (base + count)]), "here")
    assert PowerCode.of(np.array([1, 2, 3])) is None
    assert PowerCode.of(np.array([0, 0])) == PowerCode(0, 1)


def test_when_weights_are_coded() -> None:
    powers, eight = np.array([[0, 1, -4, 64]]), IntType(-128, 127)
    found = PowerCode(0, 7)
    assert power_code(powers, eight) == found
    assert power_code(powers, eight, Style(multiplier="lut")) == found
    assert power_code(powers, eight, Style(multiplier="dsp")) is None
    assert power_code(powers, eight, Style(multiplier="packed")) is None
    assert power_code(powers + 2, eight) is None
    # Any weights of the type may be written later, unless the user says that these will do.
    assert power_code(powers, eight, Style(reload=True)) is None
    assert power_code(powers, eight, Style(reload=True, multiplier="shift")) == found
    with pytest.raises(InputError, match="not all weights"):
        power_code(powers + 2, eight, Style(multiplier="shift"), "here")
    # A code must not be wider than the number.
    assert power_code(np.array([0, 1]), IntType(0, 1)) is None
    assert power_code(np.array([0, 1]), IntType(0, 1), Style(multiplier="shift")) is not None
    for kind in (BIPOLAR, TERNARY):
        assert power_code(np.array([-1, 1]), kind, Style(multiplier="shift")) is None


def test_folding_ranks_shifts_below_products() -> None:
    rng = np.random.default_rng(3)
    powers = _powers(rng, (8, 8), 0, 7, 0.1)
    weights = []
    for weight in (powers, powers + (powers == 4)):
        op = Dense("d", ("t0",), ("t1",), weight, IntType(-128, 127))
        made = engine(op, chain("d", (8,), IntType(0, 15), [op]))
        assert made is not None
        weights.append(made.weight(Lanes(4, 4)))
    assert weights[0] < weights[1]


def _reloadable(tmp_path: Path, style: Style) -> tuple[Graph, Folding, np.ndarray]:
    weight = np.array([[1, -8, 8, 8], [-8, -8, -8, -8], [8, 8, 8, 8]])
    op = Dense("d", ("t0",), ("t1",), weight, IntType(-128, 127))
    graph = chain("again", (4,), IntType(0, 15), [op])
    return graph, Folding({"d": Lanes(3, 2)}, {"d": style}), weight


def test_reload_writes_codes(tmp_path: Path) -> None:
    """The writes are what the memory file of the new weights holds; other weights are refused."""
    graph, folding, weight = _reloadable(tmp_path, Style(reload=True, multiplier="shift"))
    design = generate(graph, folding, tmp_path / "first")
    (spec,) = design.reloads
    assert spec.width == 3 * 2 * 4  # sign, and four exponents or zero
    other = np.array([[2, 0, 0, -4], [0, 1, 8, 8], [-8, -8, -1, 0]])
    code = PowerCode.of(weight)
    assert code
    raw = code.encode(other, "d").reshape(1, 3, 2, 2).transpose(0, 2, 1, 3).reshape(2, 6)
    words = [sum(int(r) << 4 * i for i, r in enumerate(word)) for word in raw]
    writes = reload_writes(design, graph, folding, "d", other)
    data = [value for address, value in writes if address == 0x0C]
    assert data == words
    with pytest.raises(InputError, match="weight 3 has no code"):
        reload_writes(design, graph, folding, "d", other + 3 * (other == 2) - 2 * (other == 2))
    with pytest.raises(InputError, match="weight 16 has no code"):
        reload_writes(design, graph, folding, "d", np.where(other == 2, 16, other))


def test_reload_of_numbers_stays_open(tmp_path: Path) -> None:
    """Without ``shift`` a layer of powers takes any weights, and powers as numbers."""
    graph, folding, weight = _reloadable(tmp_path, Style(reload=True))
    design = generate(graph, folding, tmp_path / "first")
    (spec,) = design.reloads
    assert spec.width == 3 * 2 * 8
    for other in (weight // 2, np.full_like(weight, 3)):
        writes = reload_writes(design, graph, folding, "d", other)
        first = next(value for address, value in writes if address == 0x0C)
        assert first & 0xFF == int(other[0, 0]) & 0xFF


@pytest.mark.long
def test_luts_of_a_folded_layer(tmp_path: Path) -> None:
    """Powers of two with codes of 4 bits take no more than their 4-bit twin, and no DSP block."""
    rng = np.random.default_rng(8)
    drawn = {
        "shift-only": (_powers(rng, (2, 72), 0, 7, 0.02), IntType(-128, 127)),
        "4-bit": (rng.integers(-7, 8, (2, 72)), IntType(-8, 7)),
    }
    found = {}
    for name, (weight, wtype) in drawn.items():
        op = Dense("d", ("t0",), ("t1",), weight, wtype)
        style = Style(multiplier="lut", memory="logic")
        folding = Folding({"d": Lanes(2, 8)}, {"d": style})
        graph = chain("luts", (72,), IntType(0, 15), [op])
        generate(graph, folding, tmp_path / name / "rtl")
        report = synthesize(tmp_path / name / "rtl", tmp_path / name / "synth", board=load("pynq"))
        found[name] = report.total
    print(f"\n2 x 8 products a cycle: { ({name: item.lut for name, item in found.items()}) }")
    assert found["shift-only"].lut <= found["4-bit"].lut
    assert found["shift-only"].dsp == 0
