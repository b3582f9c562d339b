"""Batches that fit the memory, whatever size the activations have."""

from __future__ import annotations

import numpy as np
from torch import nn

from hwcompress.compress.memory import batch_within
from hwcompress.compress.train import results


def _net(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU()).eval()


def test_the_largest_activation_decides() -> None:
    x = np.zeros((20, 1, 8, 8), np.float32)
    activation = 16 * 8 * 8 * 4
    assert batch_within(_net(16), x, 500) == 500
    assert batch_within(_net(16), x, 500, memory=16 * activation * 7) == 7
    assert batch_within(_net(16), x, 500, memory=1) == 1
    assert batch_within(_net(16), x[:0], 500, memory=1) == 500


def test_no_hook_is_left() -> None:
    module = _net(4)
    batch_within(module, np.zeros((2, 1, 8, 8)), 5)
    assert not any(part._forward_hooks for part in module.modules())


def test_results_do_not_depend_on_the_batch(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    module = _net(4)
    x = np.random.default_rng(0).normal(size=(11, 1, 8, 8)).astype(np.float32)
    whole = results(module, x, {0: 0})[0]
    asked: list[int] = []

    def three(*given: object) -> int:
        asked.append(len(given))
        return 3

    monkeypatch.setattr("hwcompress.compress.train.batch_within", three)
    assert np.allclose(results(module, x, {0: 0})[0], whole, rtol=1e-6, atol=1e-6)
    assert asked == [3]
