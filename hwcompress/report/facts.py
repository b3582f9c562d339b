"""What the steps of a build find out: plain values, written to JSON as they are.

Every figure says where it comes from: ``basis`` is ``measured`` or
``estimated``, ``by`` names the tool with its version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ESTIMATED",
    "MEASURED",
    "Accuracy",
    "BenchFacts",
    "Check",
    "Confusion",
    "DataFacts",
    "DataInput",
    "DesignFacts",
    "EstimateFacts",
    "EstimatedUse",
    "ExpectedFacts",
    "FifoFacts",
    "Figure",
    "FoldFacts",
    "GraphFacts",
    "GraphInput",
    "HlsFacts",
    "LayerFacts",
    "LayerHardware",
    "ModuleFacts",
    "PackageFacts",
    "SimulateFacts",
    "SourceFacts",
    "SynthFacts",
    "Utilization",
    "VerifyFacts",
]

Basis = Literal["measured", "estimated"]
MEASURED = "measured"
ESTIMATED = "estimated"


@dataclass(frozen=True)
class Check:
    """One realisation compared with another, integer by integer.

    Args:
        level: the realisation under test.
        against: the one it must equal.
        scope: which tensors, ``outputs`` or ``every layer``.
        samples: samples compared.
        values: integers compared.
        mismatches: integers that differ, the explained ones not counted.
        explained: differences within float rounding of a quantizer's boundary.
        by: what ran the level, with its version.
    """

    level: str
    against: str
    scope: str
    samples: int
    values: int
    mismatches: int
    by: str
    explained: int = 0
    basis: str = MEASURED


@dataclass(frozen=True)
class Accuracy:
    """Right answers of one realisation on labelled test samples."""

    who: str
    correct: int
    samples: int
    by: str
    basis: str = MEASURED

    @property
    def share(self) -> float:
        """Correct share, 0 to 1."""
        return self.correct / self.samples


@dataclass(frozen=True)
class Confusion:
    """``counts[true][given]`` over the test samples."""

    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Figure:
    """One number with its unit and its origin."""

    name: str
    value: float
    unit: str
    basis: str
    by: str
    note: str = ""


@dataclass(frozen=True)
class DataInput:
    """The samples of one input as they are stored; the name of a single one is empty."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float


@dataclass(frozen=True)
class DataFacts:
    """The data set."""

    name: str
    train_samples: int
    test_samples: int
    inputs: tuple[DataInput, ...]
    classes: int | None
    labelled: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SourceFacts:
    """The source model: where it comes from and how it was trained.

    ``framework`` is who ran the source to get ``outputs.npz``, with version,
    or empty if only the exported file is executed.
    """

    kind: str
    name: str
    framework: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LayerFacts:
    """One operation of the integer graph. ``macs`` per sample."""

    name: str
    kind: str
    in_shape: tuple[int, ...]
    in_type: str
    out_shape: tuple[int, ...]
    out_type: str
    weights: int
    weight_type: str
    macs: int


@dataclass(frozen=True)
class GraphInput:
    """One input of the integer graph: its tensor, the source's input and the sample's shape."""

    tensor: str
    source: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class GraphFacts:
    """The integer graph."""

    name: str
    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]
    layers: tuple[LayerFacts, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SimulateFacts:
    """What the simulator found on the test samples."""

    checks: tuple[Check, ...]
    accuracy: tuple[Accuracy, ...]
    confusion: Confusion | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LayerHardware:
    """One operation's engine; all cycles by the cycle model.

    ``cycles`` per frame; ``first`` and ``last``: when the first and the last
    beat of the first frame pass its output, counted from the first input beat.
    """

    name: str
    pe: int
    simd: int
    cycles: int
    pixels: int = 1
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class FoldFacts:
    """The chosen parallelism."""

    layers: tuple[LayerHardware, ...]
    target_cycles: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FifoFacts:
    """A buffer on a branch: ``depth`` beats of ``width`` bits, computed by the token model."""

    name: str
    depth: int
    width: int
    why: str


@dataclass(frozen=True)
class DesignFacts:
    """The generated Verilog; ``interval`` in cycles, rounded up, by the cycle model."""

    top: str
    files: tuple[str, ...]
    memories: int
    memory_bits: int
    layers: tuple[LayerHardware, ...]
    interval: int
    figures: tuple[Figure, ...]
    fifos: tuple[FifoFacts, ...] = ()


@dataclass(frozen=True)
class HlsFacts:
    """The hls4ml project."""

    checks: tuple[Check, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VerifyFacts:
    """The verilated design on the test samples."""

    checks: tuple[Check, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class BenchFacts:
    """The cocotb bench."""

    checks: tuple[Check, ...]
    figures: tuple[Figure, ...]
    frames_free: int
    frames_stalled: int
    input_pauses: int
    output_pauses: int
    simulator: str


@dataclass(frozen=True)
class Utilization:
    """Resources of a design or a part of it; ``lut`` for logic and memory together."""

    lut: int
    ff: int
    bram36: float
    dsp: int


@dataclass(frozen=True)
class ModuleFacts:
    """One Verilog module with everything inside it, and how often it occurs."""

    module: str
    instances: int
    resources: Utilization


@dataclass(frozen=True)
class SynthFacts:
    """The synthesis: the whole design is the sum of its layers and of the rest."""

    total: Utilization
    layers: dict[str, Utilization]
    rest: Utilization
    modules: tuple[ModuleFacts, ...]
    basis: str
    by: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class EstimatedUse:
    """Estimated resources: ``lut`` is expected, nine of ten lie from ``low`` to ``high``.

    ``bram36`` counts the block RAMs of the board's family, see :class:`Utilization`.
    """

    lut: int
    low: int
    high: int
    ff: int
    bram36: float
    dsp: int


@dataclass(frozen=True)
class EstimateFacts:
    """Resources before synthesis: the whole design, and what belongs to one layer alone.

    ``by`` is what estimated, and whose counts are estimated.
    """

    total: EstimatedUse
    layers: dict[str, EstimatedUse]
    by: str
    notes: tuple[str, ...] = ()
    basis: str = ESTIMATED


@dataclass(frozen=True)
class ExpectedFacts:
    """The estimate of the generated design; ``None`` where a module has none, as a note says."""

    estimate: EstimateFacts | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PackageFacts:
    """What lies in ``deploy/``."""

    files: int
    vectors: int
    notes: tuple[str, ...]
