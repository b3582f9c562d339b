"""Networks of the zoo as Verilog: exact, and to the cycle what the model says, with pauses too."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.network_runs import TARGETS, build, check
from benchmarks.network_samples import samples
from hwcompress.models.zoo import ZOO, Entry

# Small images for the default run; all that is in the networks stays.
_SMALL = {
    "autoencoder_64": ((64,), 512),
    "conv1d_net": ((2, 128), 2_048),
    "shufflenet_v2_unit": ((3, 16, 16), 4_096),
    "squeeze_excite_hard": ((3, 8, 8), 1_024),
    "tiny_unet": ((1, 16, 16), 4_096),
}


def _check(name: str, folder: Path, *, entry: Entry | None, target: int, real: bool) -> None:
    start = time.process_time()  # others may be using the machine
    built = build(name, folder, entry=entry, target=target, x=samples(name) if real else None)
    assert time.process_time() - start < 60
    for values in built.expected.values():
        assert len(np.unique(values, axis=0)) > 1  # the frames do differ
    assert built.timing.interval == built.design.interval <= target
    found = check(built)
    assert found.frames >= 20
    # Ports that are open for longer than they are needed cost no rate.
    assert min(found.paused.values()) >= 0.2
    assert found.interval == found.short == found.short_model == built.timing.interval
    assert found.long >= built.timing.interval


@pytest.mark.parametrize("name", _SMALL)
def test_small(name: str, tmp_path: Path) -> None:
    shape, target = _SMALL[name]
    entry = Entry(ZOO[name].file, ZOO[name].function, shape)
    _check(name, tmp_path, entry=entry, target=target, real=False)


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_whole(name: str, tmp_path: Path) -> None:
    """In their full size, on real samples."""
    _check(name, tmp_path, entry=None, target=TARGETS[name], real=True)


def test_every_network_has_a_target() -> None:
    assert set(TARGETS) == set(ZOO)
