"""Random scalar regions: what the import emits equals their evaluation on every integer.

A model is an integer input, a chain of one to six scalar operators, and a quantizer. Every
integer of the input is fed to every channel. The reference is NumPy with the formulas of
:mod:`tests.frontend.scalar_chains` and the quantizer of the package ``qonnx``, in float64.

The examples are the same in every run; ``HWC_SEED=7`` draws others for the long tests, and
``HWC_EXAMPLES=500`` sets how many.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st
from qonnx.custom_op.general.intquant import int_quant

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import import_model, region
from hwcompress.ir import Add, Rescale, Table, Threshold, trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.scalar_chains import UNARY, Link, chains, numbers

# Where a chain rounds in another way than the reference does (exp, a batch norm), a value may
# lie so near to a boundary, in levels, that the two round to different sides of it.
_ROUNDING = 1e-9
_ROUNDINGS = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")


@dataclass(frozen=True)
class Quantizer:
    """A Quant node's parameters."""

    scale: np.ndarray
    zero: float
    bits: int
    signed: bool
    narrow: bool
    rounding: str

    def units(self, real: np.ndarray) -> np.ndarray:
        """Values before rounding."""
        return real / self.scale + self.zero

    def levels(self, real: np.ndarray) -> np.ndarray:
        """Integers, by the code of the package ``qonnx``."""
        # The reference scales back; this takes the integers out again.
        back = int_quant(
            self.units(real),
            np.float64(1),
            np.float64(0),
            np.float64(self.bits),
            self.signed,
            self.narrow,
            self.rounding,
        )
        return np.asarray(back)


@dataclass(frozen=True)
class Case:
    """An integer input of so many bits, times a scale; a chain; a quantizer."""

    bits: int
    signed: bool
    scale: float
    channels: int
    chain: list[Link]
    quantizer: Quantizer


@st.composite
def quantizers(draw: st.DrawFn, channels: int) -> Quantizer:
    signed = draw(st.booleans())
    bits = draw(st.integers(1, 8))
    size = draw(st.sampled_from([1, 1, channels]))
    values = st.one_of(
        numbers(2.0**-6, 1), st.integers(-7, 1).map(lambda power: 2.0**power)
    ).filter(lambda item: item > 2.0**-8)
    scale = np.array(draw(st.lists(values, min_size=size, max_size=size)), np.float64)
    narrow = draw(st.booleans()) and bits > 1
    zero = float(draw(st.integers(-3, 3))) if draw(st.booleans()) else 0.0
    if signed and bits == 1:
        zero = 0.0
    rounding = draw(st.sampled_from(_ROUNDINGS)) if draw(st.booleans()) else "ROUND"
    return Quantizer(scale, zero, bits, signed, narrow, rounding)


@st.composite
def cases(draw: st.DrawFn, width: st.SearchStrategy[int]) -> Case:
    channels = draw(st.integers(1, 3))
    bits, signed = draw(width), draw(st.booleans())
    # The input reaches a few units, where the activations bend.
    reach = draw(st.sampled_from([1.0, 4.0, 8.0, 30.0]))
    scale = reach / 2.0 ** (bits - int(signed)) * draw(st.sampled_from([1.0, 0.7, 1.1]))
    chain = draw(chains(channels))
    return Case(bits, signed, float(np.float32(scale)), channels, chain, draw(quantizers(channels)))


def check(case: Case) -> set[str] | None:
    """Import the model of a case and compare it on every integer.

    Gives the kinds of the graph's operations; ``None`` if a value is not finite, or refused
    because the function changes too often for the bounds over runs.
    """
    bits, signed, channels = case.bits, case.signed, case.channels
    chain, quantizer = case.chain, case.quantizer
    model = ModelBuilder((1, channels), opset=20)
    for link in chain:
        link.append(model)
    model.act(
        quantizer.scale,
        quantizer.bits,
        signed=quantizer.signed,
        narrow=quantizer.narrow,
        zero=quantizer.zero,
        rounding=quantizer.rounding,
    )
    low = -(1 << (bits - 1)) if signed else 0
    q = np.arange(low, low + (1 << bits))
    x = np.repeat(q[:, None] * case.scale, channels, axis=1)
    with np.errstate(all="ignore"):
        for link in chain:
            x = link.evaluate(x)
    if not (np.all(np.isfinite(x)) and np.abs(x).max() < 1e30):
        return None
    kind = f"{'' if signed else 'u'}int{bits}*{case.scale!r}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            imported = import_model(model.save(Path(folder) / "model.onnx"), input_type=kind)
    except UnsupportedError as error:
        if "at too many integers" in str(error):
            return None
        raise
    graph = imported.graph
    result = trace(graph, np.repeat(q[:, None], channels, axis=1))[graph.outputs[0].inputs[0]]
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    real = tensor.affine.apply(result)
    found = np.rint(real / quantizer.scale + quantizer.zero)
    wanted = quantizer.levels(x)
    wrong = found != wanted
    if np.any(wrong):
        assert not all(link.exact for link in chain), describe(q, found, wanted, wrong)
        units = np.broadcast_to(quantizer.units(x), wrong.shape)[wrong]
        away = np.abs(units * 2 - np.rint(units * 2))
        near = away <= _ROUNDING * np.maximum(np.abs(units), 1.0)
        assert np.all(near), describe(q, found, wanted, wrong)
        assert np.mean(wrong) < 0.5
    return {op.kind for op in graph.layers}


def describe(q: np.ndarray, found: np.ndarray, wanted: np.ndarray, wrong: np.ndarray) -> str:
    row, channel = np.argwhere(wrong)[0]
    return (
        f"{wrong.sum()} wrong; first at {q[row]} in channel {channel}: {found[row, channel]}"
        f" instead of {wanted[row, channel]}"
    )


_SETTINGS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
    "derandomize": True,
}

Test = Callable[..., None]


def many(examples: int) -> Callable[[Test], Test]:
    """Settings of a long test, which the environment may change."""
    count, number = int(os.environ.get("HWC_EXAMPLES", examples)), os.environ.get("HWC_SEED")
    options = {**_SETTINGS, "derandomize": number is None, "database": None}

    def wrapped(test: Test) -> Test:
        result = settings(max_examples=count, **options)(test)
        return result if number is None else seed(int(number))(result)

    return wrapped


def narrow(case: Case) -> None:
    """Every integer of the accumulator is evaluated by the import, too."""
    kinds = check(case)
    assume(kinds is not None)
    assert kinds is not None
    assert kinds <= {"Threshold", "Rescale", "Table", "Add"}


def wide(case: Case) -> None:
    """The import may not look at every integer: bisection, and bounds over runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region, "_TABULATE", 0)
        assume(check(case) is not None)


@settings(max_examples=150, **_SETTINGS)
@given(cases(st.integers(2, 11)))
def test_narrow_regions(case: Case) -> None:
    narrow(case)


@settings(max_examples=120, **_SETTINGS)
@given(cases(st.integers(6, 14)))
def test_wide_regions(case: Case) -> None:
    wide(case)


@pytest.mark.long
@many(6000)
@given(cases(st.integers(1, 12)))
def test_many_narrow_regions(case: Case) -> None:
    narrow(case)


@pytest.mark.long
@many(4000)
@given(cases(st.integers(6, 16)))
def test_many_wide_regions(case: Case) -> None:
    wide(case)


@pytest.mark.long
@many(60)
@given(cases(st.integers(21, 22)))
def test_accumulators_of_millions(case: Case) -> None:
    """Wide enough that nothing needs to be forced."""
    assume(check(case) is not None)


@pytest.mark.parametrize("op", ["Gelu", "HardSwish", "Mish", "Abs"])
def test_wide_functions_that_rise_and_fall(op: str) -> None:
    """22 bits: two step functions and their difference."""
    link = Link(op, lambda model: model.node(op, model.last), UNARY[op][1], op != "Gelu")
    scale = float(np.float32(8.0 / 2**21))
    quantizer = Quantizer(np.array([0.03125]), 0.0, 8, True, False, "ROUND")
    kinds = check(Case(22, True, scale, 2, [link], quantizer))
    assert kinds == {Threshold.__name__, Add.__name__, Rescale.__name__}
    assert Table.__name__ not in kinds
