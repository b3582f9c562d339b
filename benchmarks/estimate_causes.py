"""Which modules make the error of a network's estimate: each one's own LUTs beside the estimate.

Usage, after ``python -m benchmarks.estimate_networks --synthesis --only NAME``::

    python -m benchmarks.estimate_causes NAME [--family xc7] [--folder build/estimate-networks]
        [--least 8]

Own LUTs are those for logic of a module without what it instantiates; times: how often it
stands in the design. Modules whose contribution is off by less than ``--least`` are left out.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from hwcompress.errors import HwcompressError
from hwcompress.hls.estimate.coefficients import load_coefficients
from hwcompress.hls.estimate.design import _bits as bits_in
from hwcompress.hls.estimate.estimate import Estimate, Estimator
from hwcompress.hls.estimate.measure import read_headers
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import Contents, shape_of
from hwcompress.hls.rtl import Design
from hwcompress.hls.synth.cells import Resources, resources_of
from hwcompress.hls.synth.hierarchy import read_hierarchy
from hwcompress.tools import need, run

__all__ = ["Cause", "causes"]


@dataclass(frozen=True)
class Cause:
    """A module of a design, own counts only.

    Args:
        module: with its parameters.
        times: how often it stands in the design.
        real: its own resources.
        guess: what is estimated for it alone.
        why: why there is no estimate.
    """

    module: Part
    times: int
    real: Resources
    guess: Estimate | None
    why: str = ""

    @property
    def excess(self) -> float:
        """LUTs for logic that are estimated too much, all its instances together."""
        return self.times * ((self.guess.lut_logic if self.guess else 0) - self.real.lut_logic)

    @property
    def exact(self) -> bool:
        """Whether all else is as estimated."""
        if self.guess is None:
            return False
        return all(
            getattr(self.guess, name) == getattr(self.real, name)
            for name in ("lut_memory", "ff", "bram18", "bram36", "dsp")
        )


def causes(work: Path, family: str) -> list[Cause]:
    """Modules of a design that was synthesized.

    Args:
        work: with ``rtl`` and ``synth``.
        family: of the coefficients.
    """
    design = Design.load(work / "rtl")
    synth = work / "synth"
    hierarchy = read_hierarchy(synth / "stat.json", synth / "instances.il", design.top)
    files = {path.name: path.read_text() for path in (work / "rtl").glob("*.hex")}
    contents = partial(bits_in, files)
    estimator = Estimator(family, load_coefficients(), contents)
    found = []
    headers = _headers(design, work)
    for name, times in hierarchy.occurrences().items():
        if name == design.top:
            continue
        library = re.search(r"\\(hwc_\w+)", name)
        part = Part(library[1] if library else name, headers[name])
        cells = {k: n for k, n in hierarchy.cells[name].items() if k not in hierarchy.cells}
        try:
            guess, why = _own(part, estimator, contents, family), ""
        except HwcompressError as error:
            guess, why = None, str(error)
        found.append(Cause(part, times, resources_of(cells), guess, why))
    return sorted(found, key=lambda cause: -abs(cause.excess))


def _headers(design: Design, work: Path) -> dict[str, str]:
    """Parameters of every module, by Yosys's name of it."""
    lines = [
        *(f'read_verilog -defer "{name}"' for name in design.files),
        f"hierarchy -check -top {design.top}",
        "tee -q -o ../headers.out dump -m",
    ]
    (work / "headers.ys").write_text("\n".join([*lines, ""]))
    yosys = need("yosys", purpose="the names of modules")
    run(yosys, ["-q", "-s", "../headers.ys"], cwd=design.folder, log=work / "headers.log")
    return read_headers((work / "headers.out").read_text())


def _own(part: Part, estimator: Estimator, contents: Contents, family: str) -> Estimate:
    """A module without what it instantiates."""
    found = estimator.of(part)
    for inner, times in shape_of(part, contents, family).parts.items():
        one = estimator.of(inner)
        found = replace(
            found,
            lut_logic=found.lut_logic - times * one.lut_logic,
            lut_memory=found.lut_memory - times * one.lut_memory,
            ff=found.ff - times * one.ff,
            bram18=found.bram18 - times * one.bram18,
            bram36=found.bram36 - times * one.bram36,
            dsp=found.dsp - times * one.dsp,
        )
    return found


def main() -> None:
    """Print the modules, the largest contributions first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--family", default="xc7")
    parser.add_argument("--folder", type=Path, default=Path("build/estimate-networks"))
    parser.add_argument("--least", type=float, default=8.0)
    wanted = parser.parse_args()
    for name in wanted.names:
        found = causes(wanted.folder / wanted.family / name, wanted.family)
        real = sum(item.times * item.real.lut for item in found)
        excess = sum(item.excess for item in found)
        print(f"{name}: {real} LUTs, estimate off by {excess:+.0f} ({excess / real:+.1%})")
        for item in found:
            if abs(item.excess) < wanted.least and item.exact:
                continue
            guess = f"{item.guess.lut_logic:.1f}" if item.guess else item.why
            rest = "" if item.exact else f"; real {item.real}, estimated {item.guess}"
            print(
                f"  {item.excess:+8.1f}  {item.times} x {item.module.module}:"
                f" {item.real.lut_logic} measured, {guess}{rest}\n"
                f"            {item.module.parameters[:400]}"
            )


if __name__ == "__main__":
    main()
