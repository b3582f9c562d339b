"""The least depths of buffers that leave a network its full rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from hwcompress.errors import CheckFailed, InputError
from hwcompress.sim.timing.models import Model
from hwcompress.sim.timing.network import TokenNetwork
from hwcompress.sim.timing.steady import Steady, steady
from hwcompress.sim.timing.untimed import deadlock_free

__all__ = ["FifoSizes", "size_fifos"]

_DOUBLINGS = 4  # of a frame, for what stands for no limit


@dataclass(frozen=True)
class FifoSizes:
    """Depths that leave a network its full rate.

    Args:
        depths: beats per buffer.
        interval: cycles a frame with these depths; the least that any depths
            give (see ``bound``).
        bound: cycles a frame of the slowest stage on its own. No depths give
            less; where ``interval`` equals it, it is proven to be the least,
            else it is the least among depths up to ``limit`` frames.
        limit: frames that every buffer could hold in the search.
        wanted: most beats that each buffer held while it was never full.
        run: the steady state with ``depths``.
        runs: steady states that were computed.
    """

    depths: Mapping[str, int]
    interval: Fraction
    bound: Fraction
    limit: int
    wanted: Mapping[str, int]
    run: Steady
    runs: int


class _Search:
    """Networks with depths filled in, and what they reach."""

    def __init__(
        self,
        network: TokenNetwork,
        model: Callable[[int], Model | None],
        frames: int,
    ) -> None:
        self._network = network
        self._model = model
        self._frames = frames
        self._known: dict[frozenset[tuple[str, int]], bool] = {}
        self.runs = 0

    def run(self, depths: Mapping[str, int]) -> Steady:
        self.runs += 1
        return steady(self.network(depths), frames=self._frames)

    def network(self, depths: Mapping[str, int]) -> TokenNetwork:
        return self._network.with_models({n: self._model(d) for n, d in depths.items()})

    def reaches(self, depths: Mapping[str, int], goal: Steady, keep_latency: bool) -> bool:
        """Whether depths do; of one search there is only one goal, so answers are kept."""
        key = frozenset(depths.items())
        if key not in self._known:
            self._known[key] = self._tried(depths, goal, keep_latency)
        return self._known[key]

    def _tried(self, depths: Mapping[str, int], goal: Steady, keep_latency: bool) -> bool:
        try:
            found = self.run(depths)
            if found.interval != goal.interval:
                return False
            if keep_latency and latency(found, self._network) > latency(goal, self._network):
                return False
            deadlock_free(self.network(depths), frames=self._frames)
        except CheckFailed:  # a deadlock
            return False
        return True


def latency(run: Steady, network: TokenNetwork) -> int:
    """Cycles until the first frame has left all outputs."""
    names = {stage.results[0]: stage.sources[0] for stage in network.stages}

    def last(channel: str) -> int:
        while channel not in run.streams:  # a buffer that has become a connection
            channel = names[channel]
        return int(run.streams[channel].last[0])

    return max(last(channel) for channel in network.outputs)


def size_fifos(
    network: TokenNetwork,
    names: Sequence[str],
    model: Callable[[int], Model | None],
    *,
    keep_latency: bool = False,
    frames: int = 4096,
) -> FifoSizes:
    """Find depths that no single buffer could do with less of.

    Depths do if the network keeps its full rate, that with buffers that are
    never full, and is :func:`deadlock_free` under any stalls. In the order of
    ``names``, every buffer is tried with depth 0; then each other one gets the
    least depth that does, the others being as they are at that moment; then,
    round after round, every buffer is tried one beat shallower, until none of
    them can be. So in the end
    one beat less in any one buffer costs rate (or latency, if that is kept) or
    allows a deadlock. The sum of depths is not always the least one possible.
    Parts of a network that share no channel are sized on their own.

    Args:
        network: with any models for the buffers.
        names: stages that are buffers of free depth.
        model: the stage of a depth; None for a mere connection. Its depths 0
            and above must never lose rate by growing, which the last rounds
            make sure of where they end.
        keep_latency: also keep the first frame's latency as it is with
            buffers that are never full.
        frames: limit of each search for a steady state.

    Raises:
        CheckFailed: the network stands still even so, or does not settle.
        InputError: a name is no stage of one input and one result.
    """
    parts = network.parts()
    if len(parts) > 1:
        return _together(network, names, model, parts, keep_latency, frames)
    search = _Search(network, model, frames)
    bound = max(
        steady(network.part({stage.name}), frames=frames).interval
        for stage in network.stages
        if stage.name not in set(names)
    )
    limit = 1
    goal = search.run(_frames_deep(network, names, limit))
    for _ in range(_DOUBLINGS):
        if goal.interval == bound:
            break
        deeper = search.run(_frames_deep(network, names, 2 * limit))
        limit *= 2
        goal = deeper
    # A buffer that could hold a beat more than it ever did is never full.
    wanted = {name: goal.most_held.get(name, 0) for name in names}
    depths = {name: most + 2 for name, most in wanted.items()}
    if not search.reaches(depths, goal, keep_latency):
        depths = _frames_deep(network, names, limit)
    for name in names:  # most places need no buffer
        if search.reaches({**depths, name: 0}, goal, keep_latency):
            depths[name] = 0
    # Without those, streams run ahead less, and the others hold less.
    held = search.run(depths).most_held
    lower = {name: min(depth, held.get(name, 0) + 2) for name, depth in depths.items()}
    if lower != depths and search.reaches(lower, goal, keep_latency):
        depths = lower

    def enough(name: str, depth: int) -> bool:
        return search.reaches({**depths, name: depth}, goal, keep_latency)

    for name in names:
        depths[name] = _least(depths[name], partial(enough, name))
    lowered = True
    while lowered:
        lowered = False
        for name in names:
            while depths[name] and search.reaches(
                {**depths, name: depths[name] - 1}, goal, keep_latency
            ):
                depths[name] -= 1
                lowered = True
    run = search.run(depths)
    return FifoSizes(depths, run.interval, bound, limit, wanted, run, search.runs)


def _together(
    network: TokenNetwork,
    names: Sequence[str],
    model: Callable[[int], Model | None],
    parts: Sequence[TokenNetwork],
    keep_latency: bool,
    frames: int,
) -> FifoSizes:
    """Every part at its own full rate."""
    sizes = []
    for part in parts:
        present = {stage.name for stage in part.stages}
        own = [name for name in names if name in present]
        sizes.append(size_fifos(part, own, model, keep_latency=keep_latency, frames=frames))
    depths = {name: depth for size in sizes for name, depth in size.depths.items()}
    run = steady(network.with_models({n: model(d) for n, d in depths.items()}), frames=frames)
    return FifoSizes(
        {name: depths[name] for name in names},
        run.interval,
        max(size.bound for size in sizes),
        max(size.limit for size in sizes),
        {name: most for size in sizes for name, most in size.wanted.items()},
        run,
        1 + sum(size.runs for size in sizes),
    )


def _least(high: int, enough: Callable[[int], bool]) -> int:
    """The least number up to ``high``, which is enough, expected to be near to it."""
    low, step = high, 1
    while low > 0:
        low = max(0, high - step)
        if not enough(low):
            break
        high, step = low, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _frames_deep(network: TokenNetwork, names: Sequence[str], count: int) -> dict[str, int]:
    depths = {}
    for name in names:
        stage = network.stage(name)
        if len(stage.sources) != 1 or len(stage.results) != 1:
            raise InputError(f"stage {name!r} is no buffer")
        depths[name] = count * network.beats[stage.results[0]] + 16
    return depths
