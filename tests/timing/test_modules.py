"""Every library module: the cycle of every beat, in its model and under Icarus."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.rtl.timing import model_of, modules
from hwcompress.sim.timing import Stage, TokenNetwork, simulate

from .bench import measure
from .modules import CASES

_ALWAYS, _SELDOM = 100, 30  # percent
_PAUSES = [(_ALWAYS, _ALWAYS), (_SELDOM, _ALWAYS), (_ALWAYS, _SELDOM), (55, 55)]
_LENGTH = 211  # cycles of a pattern, a prime


def _number(value: int | str) -> int:
    """Of a Verilog constant."""
    return value if isinstance(value, int) else int(value.split("d")[1])


def _check(folder: Path, module: str, seed: int, pauses: tuple[int, int]) -> None:
    rng = np.random.default_rng([seed, *module.encode()])
    case = CASES[module](rng)
    numbers = {k: _number(v) for k, v in case.parameters.items() if v != '""'}
    sources = tuple(f"s{i}" for i in range(len(case.frame)))
    results = tuple(f"m{i}" for i in range(case.results))
    stage = Stage("dut", sources, results, model_of(module, numbers))
    network = TokenNetwork((stage,), sources, results, dict(zip(sources, case.frame, strict=True)))
    frames = max(3, 40 // max(network.beats.values()))
    offers = [(rng.integers(0, 100, _LENGTH) < pauses[0]).astype(int) for _ in sources]
    accepts = [(rng.integers(0, 100, _LENGTH) < pauses[1]).astype(int) for _ in results]
    got = simulate(
        network, frames, offers=dict(zip(sources, offers, strict=True)),
        accepts=dict(zip(results, accepts, strict=True)), watched=(*sources, *results),
    )  # fmt: skip
    seen = measure(
        folder, case.dut(), in_width=256, out_width=256,
        beats=[frames * network.beats[c] for c in sources] or [0],
        expected=[frames * network.beats[c] for c in results],
        offers=offers or [np.ones(_LENGTH, int)], accepts=accepts,
    )  # fmt: skip
    for channel, cycles in zip(results, seen.outputs, strict=True):
        assert cycles == got.beats[channel].tolist(), (seed, case, channel)
    for channel, cycles in zip(sources, seen.inputs[: len(sources)], strict=True):
        # After the last output beat a buffer may still take beats that no output needs.
        last = got.cycles - 1
        assert [c for c in cycles if c <= last] == [
            c for c in got.beats[channel].tolist() if c <= last
        ], (seed, case, channel)


@pytest.mark.parametrize("pauses", _PAUSES)
@pytest.mark.parametrize("module", sorted(CASES))
def test_every_beat(tmp_path: Path, module: str, pauses: tuple[int, int]) -> None:
    """Random parameters, with and without pauses on both sides."""
    _check(tmp_path, module, sum(pauses), pauses)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("module", sorted(CASES))
def test_every_beat_of_many(tmp_path: Path, module: str, seed: int) -> None:
    """More parameters."""
    _check(tmp_path, module, seed, _PAUSES[seed % len(_PAUSES)])


def test_no_module_is_left_out() -> None:
    """Every library module with a stream has a model and a case here."""
    library = Path(__file__).parents[2] / "hls" / "rtl" / "library"
    streams = {
        path.stem for path in library.glob("*.v") if re.search(r"\bm_ready\b", path.read_text())
    }
    assert streams - {"hwc_slice", "hwc_wires"} <= set(modules())
    assert set(CASES) == set(modules())
