"""Every configuration of the sweep, in an order in which each beginning is balanced."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from heapq import heapify, heapreplace
from types import MappingProxyType

from hwcompress.hls.estimate import draw_layers, draw_logic, draw_streams, draw_windows
from hwcompress.hls.estimate.config import Configuration
from hwcompress.hls.estimate.draw import Draw

__all__ = ["WEIGHTS", "configuration", "numbered"]

# How often a module comes, against the others: by what it takes in designs, and by
# how many parameters its cost depends on.
_OFTEN: dict[Callable[[Draw], Configuration], float] = {
    draw_streams.draw_skid: 1, draw_streams.draw_half: 0.5, draw_streams.draw_slice: 0.5,
    draw_streams.draw_fifo: 5, draw_streams.draw_last: 2, draw_streams.draw_width_down: 3,
    draw_streams.draw_width_up: 3, draw_streams.draw_replay: 5, draw_streams.draw_subsample: 2,
    draw_streams.draw_constant: 2, draw_streams.draw_fork: 1, draw_streams.draw_unzip: 0.5,
    draw_streams.draw_split: 1, draw_streams.draw_turn: 2, draw_streams.draw_concat: 1.5,
    draw_streams.draw_zip: 1, draw_streams.draw_add: 5, draw_streams.draw_gate: 1,
    draw_streams.draw_permute: 2,
    draw_logic.draw_adder_tree: 5, draw_logic.draw_max_tree: 2, draw_logic.draw_cast: 0.5,
    draw_logic.draw_reduce_lane: 3, draw_logic.draw_mul: 12, draw_logic.draw_mul_pack: 3,
    draw_logic.draw_products: 1, draw_logic.draw_popcount: 2, draw_logic.draw_signs: 4,
    draw_logic.draw_rom: 14, draw_logic.draw_weights: 3, draw_logic.draw_threshold_stage: 4,
    draw_logic.draw_axil: 0.5,
    draw_layers.draw_mvu: 10, draw_layers.draw_threshold: 8, draw_layers.draw_threshold_search: 2,
    draw_layers.draw_rescale: 6, draw_layers.draw_table: 2, draw_layers.draw_pool: 4,
    draw_layers.draw_reduce: 2, draw_layers.draw_reduce_taps: 2, draw_layers.draw_argmax: 1,
    draw_layers.draw_topk: 1,
    draw_windows.draw_window: 8, draw_windows.draw_window_parallel: 6,
    draw_windows.draw_window_up: 1.5,
}  # fmt: skip

_DRAWS = MappingProxyType({f"hwc_{f.__name__.removeprefix('draw_')}": f for f in _OFTEN})

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {f"hwc_{f.__name__.removeprefix('draw_')}": often for f, often in _OFTEN.items()}
)
"""The modules that the sweep draws, and how often each comes."""


def configuration(module: str, number: int) -> Configuration:
    """The module's configuration with this number, always the same one."""
    return _DRAWS[module](Draw([zlib.crc32(module.encode()), number]))


def numbered(modules: frozenset[str] | None = None) -> Iterator[tuple[str, int]]:
    """Module and number of one configuration after the other, without end.

    Args:
        modules: only these.
    """
    queue = [
        (0.5 / often, module, 0)
        for module, often in sorted(WEIGHTS.items())
        if modules is None or module in modules
    ]
    heapify(queue)
    while queue:
        _, module, number = queue[0]
        yield module, number
        heapreplace(queue, ((number + 1.5) / WEIGHTS[module], module, number + 1))
