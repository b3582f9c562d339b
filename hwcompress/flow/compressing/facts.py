"""What the steps of a compression find out; written to JSON as they are."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.report.facts import Accuracy, Utilization

__all__ = ["BeforeFacts", "FloatFacts", "GraphSize", "HardwareFacts", "ResultFacts"]


@dataclass(frozen=True)
class FloatFacts:
    """The float model, as given or trained.

    Args:
        kind: what it was made of.
        name: of the network.
        parameters: numbers in its parameters and buffers.
        size: bytes of these in float32.
        weights: of its convolutions and linear layers.
        zeros: how many of these are zero.
        notes: what was done to it.
    """

    kind: str
    name: str
    parameters: int
    size: int
    weights: int
    zeros: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GraphSize:
    """An integer graph in numbers.

    Args:
        size: bytes of its packed file (:mod:`hwcompress.packing`), everything included.
        weights: of its layers.
        zeros: how many of these are zero.
        weight_bits: mean of all weights, by the widths of their types.
        act_bits: mean of what the layers with weights read, an element each.
        macs: products of a weight and a value for each sample.
        bit_operations: sum over these of the width of the weight times that of the value: a
            count that follows from the graph, no resource.
    """

    size: int
    weights: int
    zeros: int
    weight_bits: float
    act_bits: float
    macs: int
    bit_operations: int


@dataclass(frozen=True)
class HardwareFacts:
    """A streaming design of an integer graph.

    Args:
        resources: after synthesis for the board's part, if it was wanted.
        by: what counted them.
        target: the interval that was asked for, in cycles.
        interval: cycles between two frames, by the cycle model, which the Verilog equals.
        latency: cycles until the first output, likewise.
        problem: why there is no design; all others are empty then.
    """

    resources: Utilization | None = None
    by: str = ""
    target: int | None = None
    interval: int | None = None
    latency: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class BeforeFacts:
    """The float model, and its 8-bit twin, calibrated without training.

    Args:
        accuracy: of the float model on the test samples, if they have labels.
        twin: accuracy of the twin in the simulator, likewise.
        size: of the twin, if it is an integer graph.
        hardware: of the twin.
        notes: for the report.
    """

    accuracy: Accuracy | None
    twin: Accuracy | None
    size: GraphSize | None
    hardware: HardwareFacts
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ResultFacts:
    """The whole result.

    Args:
        model: name of the network.
        recipe: name of the recipe.
        steps: of the recipe, as canonical JSON.
        board: for which the designs are.
        original: the float model.
        before: itself and its 8-bit twin.
        accuracy: of the compressed model in the simulator, if there are labels.
        size: of the compressed model.
        hardware: of the compressed model.
        notes: what was done.
    """

    model: str
    recipe: str
    steps: str
    board: str
    original: FloatFacts
    before: BeforeFacts
    accuracy: Accuracy | None
    size: GraphSize
    hardware: HardwareFacts
    notes: tuple[str, ...]
