"""Timing of a whole design: interval, latencies, and where the layers stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hwcompress.errors import InputError
from hwcompress.hls.rtl.design import Design, InstanceSpec
from hwcompress.hls.rtl.timing.registry import model_of
from hwcompress.hls.rtl.timing.up import tagged_sums
from hwcompress.sim.timing import Buffer, Stage, Steady, TokenNetwork, steady

__all__ = ["DesignTiming", "LayerTiming", "design_network", "network_of", "timing_of"]

_WIRES = "hwc_wires"  # the one module without a register: only another name of a stream
_NEVER_FULL = 1 << 40  # beats that stand for a buffer of DEPTH 0


@dataclass(frozen=True, slots=True)
class LayerTiming:
    """An observed tensor, when frames come back to back.

    Cycles are counted from the one in which the first input beat is taken.

    Args:
        op: operation that makes the tensor.
        tensor: its name.
        first: cycle in which its first beat passed.
        last: cycle in which the last beat of its first frame passed.
        interval: cycles a frame that the operation's own modules need when
            nothing around them waits; 0 where it has none.
    """

    op: str
    tensor: str
    first: int
    last: int
    interval: Fraction


@dataclass(frozen=True)
class DesignTiming:
    """What a design takes, to the cycle, with inputs never empty and outputs never full.

    Args:
        interval: cycles a frame in the steady state, exactly.
        latency_first_output: cycles from taking the first input beat to
            taking the first output beat (of any port).
        latency_frame: to taking the last output beat of the first frame.
        outputs: the two latencies of every output port, by name.
        layers: every tap, in graph order.
        steady: the run behind these figures, with all streams and buffers.
    """

    interval: Fraction
    latency_first_output: int
    latency_frame: int
    outputs: Mapping[str, tuple[int, int]]
    layers: tuple[LayerTiming, ...]
    steady: Steady


def network_of(
    instances: Iterable[InstanceSpec], inputs: Mapping[str, int], outputs: Iterable[str]
) -> TokenNetwork:
    """The models of all instances.

    Args:
        instances: of the top, in any order.
        inputs: beats of a frame of every input port.
        outputs: output ports.

    Raises:
        UnsupportedError: a module has no model.
        InputError: the instances do not fit together.
    """
    alias: dict[str, str] = {}
    stages: list[Stage] = []
    found = list(instances)
    makers = {result: item for item in found for result in item.results}
    for item in found:
        if item.module == _WIRES:
            alias[item.results[0]] = item.sources[0]
    for item in found:
        if item.module == _WIRES:
            continue
        if item.module == "hwc_fifo" and not item.parameters["DEPTH"]:
            model = model_of(item.module, {**item.parameters, "DEPTH": _NEVER_FULL})
        elif item.parameters.get("TAGGED"):  # its beats tell it when a sum ends
            model = tagged_sums(makers[item.sources[0]].parameters)
        else:
            model = model_of(item.module, item.parameters)
        sources = tuple(_origin(name, alias) for name in item.sources)
        stages.append(Stage(item.name, sources, item.results, model))
    ends = tuple(_origin(name, alias) for name in outputs)
    return TokenNetwork(tuple(stages), tuple(inputs), ends, dict(inputs))


def design_network(design: Design) -> TokenNetwork:
    """The token network of a design, from its record.

    Raises:
        InputError: its record lacks the instances.
        UnsupportedError: a module has no model.
    """
    if not design.instances:
        raise InputError(
            "the record of this design lacks its instances",
            where=design.graph,
            remedy="generate it again",
        )
    inputs = {port.port: port.beats_per_frame for port in design.inputs}
    return network_of(design.instances, inputs, [port.port for port in design.outputs])


def timing_of(design: Design, *, frames: int = 4096) -> DesignTiming:
    """Measure a design in the token machine; reads only its record, no Verilog.

    Args:
        design: as generated or loaded.
        frames: limit of the search for the steady state.

    Raises:
        CheckFailed: the design stands still, or no steady state is found.
        InputError: its record lacks the instances.
        UnsupportedError: a module has no model.
    """
    network = design_network(design)
    result = steady(network, frames=frames)
    start = min(int(result.streams[port.port].first[0]) for port in design.inputs)
    outputs = {
        port.port: (
            int(result.streams[port.port].first[0]) - start,
            int(result.streams[port.port].last[0]) - start,
        )
        for port in design.outputs
    }
    return DesignTiming(
        interval=result.interval,
        latency_first_output=min(first for first, _ in outputs.values()),
        latency_frame=max(last for _, last in outputs.values()),
        outputs=outputs,
        layers=_layers(design, network, result, start),
        steady=result,
    )


def _layers(
    design: Design, network: TokenNetwork, result: Steady, start: int
) -> tuple[LayerTiming, ...]:
    alias = {item.results[0]: item.sources[0] for item in design.instances if item.module == _WIRES}
    buffers = {s.name for s in network.stages if isinstance(s.model, Buffer)} & {
        fifo.name for fifo in design.fifos
    }
    present = {stage.name for stage in network.stages} - buffers
    alone: dict[str, Fraction] = {}
    for layer in design.layers:
        names = set(layer.modules) & present
        alone[layer.op] = _alone(network, names) if names else Fraction(0)
    found = []
    for tap in design.taps:
        stream = result.streams[_origin(tap.wires, alias)]
        first, last = int(stream.first[0]) - start, int(stream.last[0]) - start
        found.append(LayerTiming(tap.op, tap.stream.tensor, first, last, alone[tap.op]))
    return tuple(found)


def _alone(network: TokenNetwork, names: set[str]) -> Fraction:
    """Interval of some stages in free surroundings."""
    return steady(network.part(names)).interval


def _origin(name: str, alias: Mapping[str, str]) -> str:
    while name in alias:
        name = alias[name]
    return name
