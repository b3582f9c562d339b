"""The hls4ml C++ and the Verilog of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.levels.level import Block, LevelKind, Stopped, register
from hwcompress.levels.subject import Subject
from hwcompress.tools import need, package_version

if TYPE_CHECKING:
    from hwcompress.hls.cosim.verilated import VerilatedDesign
    from hwcompress.hls.hls4ml import HlsProject

__all__: list[str] = []

_HLS_SAMPLES = 200  # hls4ml's ap_int runs a few hundred a second
_CYCLES = 50_000_000  # that a verilated design with observation ports runs in about a minute
_FEWEST = 4
_PART, _CLOCK_NS = "xc7z020clg400-1", 10.0  # of which integers do not depend


@dataclass(frozen=True, eq=False)
class _Hls4ml:
    project: HlsProject
    who: str = "hls4ml C++"
    real: bool = False

    @property
    def by(self) -> str:
        return f"hls4ml {package_version('hls4ml')}"

    @property
    def tensors(self) -> tuple[str, ...]:
        roots = self.project.plan.roots
        return tuple(name for name in self.project.graph.tensors if name in roots)

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        found = self.project.trace(block.feeds)
        return {name: found[name] for name in tensors}


def _open_hls4ml(subject: Subject) -> _Hls4ml:
    """The project of the graph, with recording layers: a build's own has no such code."""
    from hwcompress.hls.hls4ml import HlsProject
    from hwcompress.hls.hls4ml.plan import make_plan

    plan = make_plan(subject.graph, "auto", None)
    place = subject.work / "hls4ml"
    return _Hls4ml(HlsProject(subject.graph, place, plan, _PART, _CLOCK_NS, "hwcompress"))


@dataclass(frozen=True, eq=False)
class _Rtl:
    graph: Graph
    design: VerilatedDesign
    by: str
    who: str = "RTL"
    real: bool = False

    @property
    def tensors(self) -> tuple[str, ...]:
        design = self.design.design
        seen = {tap.stream.tensor for tap in design.taps}
        seen |= {port.tensor for port in design.outputs}
        return tuple(name for name in self.graph.tensors if name in seen)

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        run, failure = self.design.observe(block.feeds)
        found = {**run.taps, **run.values}
        laid = {
            name: found[name].reshape(-1, *self.graph.tensors[name].shape)
            for name in tensors
            if name in found
        }
        if failure is not None:
            raise Stopped(failure, laid)
        return laid


def _open_rtl(subject: Subject) -> _Rtl:
    """The Verilog in the build folder, as it is there; of a model without one, made anew."""
    from hwcompress.hls.cosim.verilated import VerilatedDesign

    if subject.folder is not None:
        place = subject.folder / "rtl"
    else:
        from hwcompress.hls.folding import default_folding
        from hwcompress.hls.rtl import generate

        place = subject.work / "rtl"
        generate(subject.graph, default_folding(subject.graph), place)
    tool = need("verilator", purpose="running the Verilog")
    design = VerilatedDesign.build(place, subject.work / "verilated", taps=True)
    for spec in (*design.design.inputs, *design.design.outputs):
        tensor = subject.graph.tensors.get(spec.tensor)
        if tensor is None or tensor.type.size != spec.size:
            raise InputError(
                f"the Verilog has a port for tensor {spec.tensor!r}, which the graph has not",
                where=str(place),
                remedy="run hwcompress build again",
            )
    by = f"Verilator {'.'.join(map(str, tool.version))}"
    return _Rtl(subject.graph, design, by)


def _cycles(subject: Subject) -> int:
    from hwcompress.hls.rtl.design import Design

    if subject.folder is None:
        return _HLS_SAMPLES
    return max(_FEWEST, _CYCLES // Design.load(subject.folder / "rtl").interval)


register(
    LevelKind(
        "hls4ml",
        "hls4ml's C++, compiled",
        _open_hls4ml,
        compiled=True,
        most=lambda subject: _HLS_SAMPLES,
    )
)
register(LevelKind("rtl", "the Verilog, verilated", _open_rtl, compiled=True, most=_cycles))
