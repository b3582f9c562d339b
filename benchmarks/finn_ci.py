"""Designs of finn-plus' own continuous integration: estimates beside synthesis."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CI_DESIGNS", "CiDesign"]


@dataclass(frozen=True, slots=True)
class CiDesign:
    """A design; each pair is FINN's estimate and the count of the whole design."""

    name: str
    lut: tuple[int, int]
    bram18: tuple[int, int]
    dsp: tuple[int, int]


CI_DESIGNS = (
    CiDesign("tfc-w1a1", (8_362, 17_675), (26, 29), (0, 0)),
    CiDesign("tfc-w1a2", (15_213, 28_465), (52, 51), (0, 0)),
    CiDesign("tfc-w2a2", (15_178, 28_515), (52, 51), (0, 0)),
    CiDesign("cnv-w1a1", (23_928, 30_807), (147, 162), (0, 0)),
    CiDesign("cnv-w1a2", (19_758, 34_673), (202, 214), (0, 0)),
    CiDesign("cnv-w2a2", (19_756, 36_855), (202, 214), (0, 0)),
    CiDesign("gtsrb cnv w1a1", (23_912, 31_338), (148, 169), (0, 0)),
    CiDesign("kws w3a3", (31_891, 45_449), (72, 77), (0, 0)),
    CiDesign("cybersec w2a2", (9_354, 17_254), (45, 40), (0, 0)),
    CiDesign("vgg10 radioml w4a4", (10_628, 96_818), (379, 36), (1_080, 1_098)),
    CiDesign("mobilenetv1 w4a4", (67_427, 142_631), (1_070, 1_038), (684, 696)),
)
"""Metrics in git refs of ``eki-project/finn-plus`` (DVC experiments, March and April 2026):
RFSoC2x2, 100 MHz, Vivado 2024.2; counted with shell, DMA and instrumentation. Four transformers
are left out, whose figures were noted in thousands alone."""
