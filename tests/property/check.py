"""One network: simulator, reference, Verilog and token machine say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.rtl.timing import design_network, timing_of
from hwcompress.ir import Graph, trace
from hwcompress.sim import Simulator
from hwcompress.sim.timing import Timing, TokenNetwork, simulate
from tests.conformance.generators import random_inputs

from .bench import Bench, Run, Stream
from .cases import Case, pauses

__all__ = ["LENGTH", "Facts", "check_network", "compare_cycles", "modelled", "watchdog"]

LENGTH = 509  # cycles of a pattern of pauses, a prime
_FRAMES = 3  # back to back, at least
_MOST_FRAMES = 8  # for networks that take a few to settle


@dataclass
class Facts:
    """What was compared, over one network or many."""

    networks: int = 0
    settled: int = 0  # networks run until the period of their steady state was over
    frames: int = 0
    cycles: int = 0  # simulated
    beats: int = 0  # whose cycles were compared
    integers: int = 0  # compared, of all tensors
    buffers: int = 0  # deeper than a register slice
    slower_shown: int = 0  # buffers that, less deep, made the RTL slower
    deadlocks_shown: int = 0  # ... made it stand still
    proof_only: int = 0  # ... are refused by the proof, but no pauses were found that stop them
    buffers_left: int = 0  # ... took too many frames to settle for a simulation
    ops: Counter[str] = field(default_factory=Counter)

    def add(self, other: Facts) -> None:
        for name, value in vars(other).items():
            if name != "ops":
                setattr(self, name, getattr(self, name) + value)
        self.ops.update(other.ops)


def check_network(case: Case, folder: Path) -> Facts:
    """Back to back, then with pauses on every port; all integers and all cycles.

    Raises:
        AssertionError: names the tensor or the stream that differs, a deadlock, or
            a violation of the stream protocol.
    """
    graph = case.graph
    design = generate(graph, case.folding, folder, fifo_depths=case.sizes.depths)
    assert Design.load(folder) == design
    network = design_network(design)
    timing = timing_of(design)
    assert timing.interval == case.sizes.interval >= case.sizes.bound
    period = timing.steady.settled + timing.steady.frames + 1
    frames = min(max(period, _FRAMES), _MOST_FRAMES)
    bench = Bench(design, length=LENGTH, most_frames=frames)
    facts = Facts(
        1, buffers=sum(fifo.depth > 2 for fifo in design.fifos),
        ops=Counter(op.kind for op in graph.layers),
    )  # fmt: skip
    rng = np.random.default_rng([case.number, 82])
    for count, seed, pattern in (
        (frames, 2 * case.number, ({}, {})),
        (_FRAMES, 2 * case.number + 1, pauses(design, rng, LENGTH)),
    ):
        offers, accepts = pattern
        feeds = random_inputs(graph, count, seed)
        values = _values(graph, feeds)
        model = modelled(design, network, count, offers, accepts)
        run = bench.run(
            feeds, offers=offers, accepts=accepts, limit=4 * model.cycles + 10_000,
            watchdog=watchdog(design), strict=bool(accepts),
        )  # fmt: skip
        assert not run.deadlock, f"deadlock with {'pauses' if accepts else 'no pauses'}"
        facts.integers += _compare_integers(run, values, count)
        facts.beats += compare_cycles(design, run, model)
        facts.frames += count
        facts.cycles += model.cycles
        if not accepts and period <= frames:
            ends = run.outputs[0].ends()
            first, last = timing.steady.settled, timing.steady.settled + timing.steady.frames
            assert ends[last] - ends[first] == timing.interval * timing.steady.frames
            facts.settled = 1
    return facts


def watchdog(design: Design) -> int:
    """Cycles without any beat anywhere that cannot be work or pauses any more."""
    return 2 * LENGTH + 1000 + 2 * design.interval


def modelled(
    design: Design,
    network: TokenNetwork,
    frames: int,
    offers: Mapping[str, np.ndarray],
    accepts: Mapping[str, np.ndarray],
) -> Timing:
    """What the token machine says of every port and tap."""
    channels = [port.port for port in (*design.inputs, *design.outputs)]
    channels += [_channel(design, network, tap.wires) for tap in design.taps]
    watched = tuple(dict.fromkeys(channels))
    return simulate(network, frames, offers=offers, accepts=accepts, watched=watched)


def _channel(design: Design, network: TokenNetwork, stream: str) -> str:
    """The channel of a stream; some modules are wires, and only give it another name."""
    makers = {result: item.sources[0] for item in design.instances for result in item.results
              if item.module == "hwc_wires"}  # fmt: skip
    while stream not in network.channels:
        stream = makers[stream]
    return stream


def _values(graph: Graph, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor by the simulator, equal to the reference interpreter's."""
    values = Simulator(graph, threads=1).trace(feeds)
    reference = trace(graph, feeds)
    assert values.keys() == reference.keys()
    for tensor, expected in reference.items():
        np.testing.assert_array_equal(values[tensor], expected, err_msg=f"simulator, {tensor}")
    return values


def _compare_integers(run: Run, values: Mapping[str, np.ndarray], frames: int) -> int:
    """Every tensor that passes, in the order of the design: the first that differs is named."""
    count = 0
    for stream in [*run.taps, *run.outputs]:
        found, expected = stream.integers(), values[stream.spec.tensor]
        where = f"RTL, tensor {stream.spec.tensor} on {stream.spec.port}"
        assert len(stream.cycles) == frames * stream.spec.beats_per_frame, f"{where}: beats"
        np.testing.assert_array_equal(found, expected, err_msg=where)
        count += found.size
    for stream, last in zip(run.outputs, run.last, strict=True):
        assert last == ([0] * (stream.spec.beats_per_frame - 1) + [1]) * frames, "tlast"
    return count


def compare_cycles(design: Design, run: Run, model: Timing) -> int:
    """Every beat passed in the cycle of the model, which ends with the last output beat."""
    network = design_network(design)
    streams: list[tuple[str, Stream]] = [
        (stream.spec.port, stream) for stream in (*run.inputs, *run.outputs)
    ]
    streams += [
        (_channel(design, network, tap.wires), stream)
        for tap, stream in zip(design.taps, run.taps, strict=True)
    ]
    count = 0
    for channel, stream in streams:
        seen = [cycle for cycle in stream.cycles if cycle < model.cycles]
        expected = model.beats[channel].tolist()
        place = next(
            (i for i, pair in enumerate(zip(seen, expected, strict=False)) if pair[0] != pair[1]),
            min(len(seen), len(expected)),
        )
        assert seen == expected, (
            f"{stream.spec.port} ({stream.spec.tensor}), beat {place}: RTL in cycle"
            f" {seen[place : place + 1]}, model {expected[place : place + 1]}"
        )
        count += len(seen)
    return count
