"""What an inspection finds out: plain values, printed as a table or as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "SCHEMA",
    "Gap",
    "InputFacts",
    "Inspection",
    "LayerFacts",
    "NodeFacts",
    "OutputFacts",
    "PortFacts",
    "Problem",
    "SourceFormat",
    "Totals",
]

SCHEMA = "hwcompress-inspect-1"
"""Changes whenever a key is removed or means something else (docs/inspect.md)."""


@dataclass(frozen=True)
class PortFacts:
    """An input or output of the source; a length of 0 is not stated in the file.

    ``annotation`` is FINN's data type for it, such as ``UINT8``, or empty.
    """

    name: str
    element: str
    shape: tuple[int, ...]
    annotation: str = ""


@dataclass(frozen=True)
class SourceFormat:
    """What the source file says of itself.

    Attributes:
        kind: ``QONNX``, ``FINN-ONNX``, ``QDQ``, ``QLinear`` or ``float``.
        producer: the tool that wrote it, as far as it says.
        opsets: version of each operator domain; the standard one is ``ai.onnx``.
        operators: how often each operator occurs, most frequent first.
        quantizers: likewise each kind of quantizer.
        nodes: number of nodes.
        parameters: number of elements of all initializers that are not scalars.
    """

    kind: str
    producer: str
    opsets: dict[str, int]
    operators: dict[str, int]
    quantizers: dict[str, int]
    inputs: tuple[PortFacts, ...]
    outputs: tuple[PortFacts, ...]
    nodes: int
    parameters: int


@dataclass(frozen=True)
class NodeFacts:
    """One node of the source.

    ``status`` is ``ok``, ``constant`` (its result does not depend on the
    input), ``removed`` (no output depends on it), ``refused`` (then
    ``message`` says why), or ``behind`` (it reads what a refused one makes, so
    that nothing is known about it).
    """

    name: str
    operator: str
    domain: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    status: str
    message: str = ""


@dataclass(frozen=True)
class Problem:
    """Why the model is refused: the node (empty for the model as a whole), and what to do."""

    node: str
    message: str
    remedy: str


@dataclass(frozen=True)
class InputFacts:
    """An input of the integer graph.

    ``encoding`` says in words how a real sample becomes integers; ``why`` how
    the type came to be.
    """

    name: str
    source: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]
    type: str
    encoding: str
    why: str


@dataclass(frozen=True)
class OutputFacts:
    """An output of the integer graph; ``host`` is what is left to do on the real values."""

    name: str
    source_shape: tuple[int, ...]
    type: str
    scale: str
    host: tuple[str, ...]


@dataclass(frozen=True)
class LayerFacts:
    """One operation of the integer graph. Counts are per sample.

    Attributes:
        operation: its class, as in docs/integer-graph.md.
        macs: multiplications and additions with weights.
        weights, weight_type, weight_bits: number, type and bits of all weights.
        scale_kind: of the result: ``power of two``, ``per tensor``,
            ``powers of two per channel`` or ``per channel``.
        scale: its value, or the range over the channels.
        detail: thresholds, rescale or table in words.
        parameters: stored integers besides weights (biases, thresholds,
            multipliers, table entries), of all channels.
        accumulator_bits: bits of the sum, for operations that add up.
    """

    name: str
    operation: str
    input_types: tuple[str, ...]
    shape: tuple[int, ...]
    type: str
    macs: int
    weights: int
    weight_type: str
    weight_bits: int
    scale_kind: str
    scale: str
    detail: str
    parameters: int
    accumulator_bits: int | None


@dataclass(frozen=True)
class Totals:
    """Sums over the layers; ``operations`` counts layers by operation."""

    layers: int
    operations: dict[str, int]
    macs: int
    weights: int
    weight_bits: int
    parameters: int
    widest_accumulator: int


@dataclass(frozen=True)
class Gap:
    """A layer that one realisation cannot do: ``rtl``, ``hls4ml`` or ``sim``."""

    realisation: str
    message: str


@dataclass(frozen=True)
class Inspection:
    """Everything about one model.

    ``accepted`` is whether there is an integer graph; if not, ``problems`` is
    not empty, and there are no layers; ``remedy`` is what helps against several
    of them. ``source`` is ``None`` for a stored
    graph. ``assumptions`` say what was taken for granted because the command
    was not told; ``notes`` what was moved, removed or rounded.
    """

    model: str
    accepted: bool
    source: SourceFormat | None
    assumptions: tuple[str, ...] = ()
    inputs: tuple[InputFacts, ...] = ()
    outputs: tuple[OutputFacts, ...] = ()
    layers: tuple[LayerFacts, ...] = ()
    totals: Totals | None = None
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problems: tuple[Problem, ...] = ()
    remedy: str = ""
    nodes: tuple[NodeFacts, ...] = ()
    schema: str = field(default=SCHEMA)
