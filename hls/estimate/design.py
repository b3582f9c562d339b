"""Resources of a whole streaming design before synthesis, from its plan alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.estimate.coefficients import Coefficients, HeldOut, load_coefficients
from hwcompress.hls.estimate.estimate import Estimate, Estimator
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import tree_luts
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.design import Design, ReloadSpec
from hwcompress.hls.rtl.plan import Plan, plan
from hwcompress.ir import Graph

__all__ = [
    "DesignEstimate",
    "InstanceEstimate",
    "estimate_design",
    "estimate_graph",
    "estimate_plan",
]

_INSTANCE = re.compile(
    r"^    (hwc_\w+) #\(\n((?:        \.\w+\(.*\),?\n)+)    \) (\w+) \(", re.MULTILINE
)
_PARAMETER = re.compile(r"^        \.(\w+)\((.*)\),?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class InstanceEstimate:
    """One instance of the top, and the operation that it belongs to, if to one alone."""

    name: str
    module: str
    op: str | None
    estimate: Estimate


@dataclass(frozen=True)
class DesignEstimate:
    """Resources of a design as :func:`hwcompress.hls.synth.synthesize` counts them.

    Modules kept apart, out of context, neither placed nor routed.

    Args:
        family: device family.
        yosys: version whose counts are estimated.
        total: the whole design.
        instances: every instance, in order.
        errors: of the modules' estimates; None if nobody looked at them.
    """

    family: str
    yosys: str
    total: Estimate
    instances: tuple[InstanceEstimate, ...]
    errors: HeldOut | None = None

    @property
    def layers(self) -> dict[str, Estimate]:
        """By operation, in order."""
        found: dict[str, Estimate] = {}
        for item in self.instances:
            if item.op is not None:
                found[item.op] = found.get(item.op, Estimate()).plus(item.estimate)
        return found


def estimate_graph(
    graph: Graph,
    folding: Folding,
    *,
    family: str = "xc7",
    fifo_depths: Mapping[str, int] | None = None,
    coefficients: Coefficients | None = None,
) -> DesignEstimate:
    """The estimate of the design that ``generate`` would write.

    Args:
        graph: what the design computes.
        folding: lanes of every engine.
        family: device family.
        fifo_depths: beats of every buffer; computed where it is None.
        coefficients: default: those of this package.

    Raises:
        InputError: the folding does not fit the graph, or there are no
            coefficients for the family or a module.
        UnsupportedError: an operation has no engine, or a module no model.
    """
    made = plan(graph, folding)
    if fifo_depths is None:
        fifo_depths = {}
        if made.builder.fifos:
            # Compiled by Numba, which takes its time; a chain has nothing to size.
            from hwcompress.hls.rtl.timing.sizing import fifo_depths as computed

            fifo_depths = computed(made.design()).depths
    return estimate_plan(made, fifo_depths, family=family, coefficients=coefficients)


def estimate_plan(
    made: Plan,
    fifo_depths: Mapping[str, int],
    *,
    family: str = "xc7",
    coefficients: Coefficients | None = None,
) -> DesignEstimate:
    """The estimate of a planned design; arguments as in :func:`estimate_graph`."""
    texts = {
        item.name: {k: v for k, v in item.parameters.items() if isinstance(v, str)}
        for item in made.builder.netlist.instances
    }
    modules = {item.name: item.module for item in made.builder.netlist.instances}
    design = made.design(depths=fifo_depths)
    instances = []
    for spec in design.instances:
        given: dict[str, int | str] = dict(spec.parameters)
        if modules.get(spec.name) == spec.module:
            given |= texts[spec.name]
        instances.append((spec.name, Part.of(spec.module, given)))
    if design.reloads:
        instances.insert(len(design.inputs), ("s_axil_port", _port(design.reloads)))
    return _estimated(design, instances, made.builder.hex_files, family, coefficients)


def estimate_design(
    design: Design, *, family: str = "xc7", coefficients: Coefficients | None = None
) -> DesignEstimate:
    """The estimate of a design that was generated, from its top module and its hex files.

    Args:
        design: with its folder.
        family: device family.
        coefficients: default: those of this package.

    Raises:
        InputError: a file of the design is missing, or there are no coefficients.
        UnsupportedError: a module has no model.
    """
    try:
        top = (design.folder / f"{design.top}.v").read_text(encoding="utf-8")
        files = {item.file: (design.folder / item.file).read_text() for item in design.memories}
    except OSError as error:
        raise InputError(
            "a file of the design is missing",
            where=str(error.filename),
            why=error.strerror or str(error),
            remedy="generate the design again",
        ) from None
    instances = [
        (name, Part.of(module, {k: _value(v) for k, v in _PARAMETER.findall(given)}))
        for module, given, name in _INSTANCE.findall(top)
    ]
    return _estimated(design, instances, files, family, coefficients)


def _value(text: str) -> int | str:
    """A parameter as the generator writes it: a text, a number, or a sized one."""
    if text.startswith('"'):
        return text.strip('"')
    found = re.fullmatch(r"(-?)(?:\d+'(s?[dh]))?([0-9a-f]+)", text)
    if found is None:
        raise InputError(f"no parameter of a generated design: {text!r}")
    value = int(found[3], 16 if (found[2] or "d").endswith("h") else 10)
    return -value if found[1] else value


def _estimated(
    design: Design,
    instances: Iterable[tuple[str, Part]],
    files: Mapping[str, str],
    family: str,
    coefficients: Coefficients | None,
) -> DesignEstimate:
    coefficients = coefficients or load_coefficients()
    estimator = Estimator(family, coefficients, partial(_bits, files))
    ops = {name: layer.op for layer in design.layers for name in layer.modules}
    found = []
    total = Estimate(lut_logic=1.0)  # the reset is active low outside
    for name, part in instances:
        one = estimator.of(part)
        found.append(InstanceEstimate(name, part.module, ops.get(name), one))
        total = total.plus(one)
    if design.reloads:  # an enable for every memory
        enables = tree_luts(_select_bits(design.reloads) + 1) * len(design.reloads)
        total = total.plus(Estimate(lut_logic=enables))
    errors = coefficients.errors.get(family)
    return DesignEstimate(family, coefficients.yosys, total, tuple(found), errors)


def _select_bits(reloads: tuple[ReloadSpec, ...]) -> int:
    return max(1, (len(reloads) - 1).bit_length())


def _port(reloads: tuple[ReloadSpec, ...]) -> Part:
    """The port that writes weights, as ``reload_lines`` makes it."""
    return Part.of(
        "hwc_axil",
        {
            "PIECES": max(-(-item.width // 32) for item in reloads),
            "SELECT_BITS": _select_bits(reloads),
            "ADDR_BITS": max(1, *((item.depth - 1).bit_length() for item in reloads)),
        },
    )


def _bits(files: Mapping[str, str], name: str, width: int, depth: int) -> np.ndarray | None:
    """The words of a hex file, uint8 ``(depth, width)``, lowest bit first."""
    text = files.get(name)
    if text is None:
        return None
    size = (width + 7) // 8
    words = b"".join(int(line, 16).to_bytes(size, "little") for line in text.split())
    raw = np.frombuffer(words, np.uint8).reshape(-1, size)
    return np.unpackbits(raw, axis=1, count=width, bitorder="little")[:depth]
