"""How often the tests compare each realisation with the reference on every operation.

The conformance tests take their seeds from here, and the coverage page its
numbers, so that neither can say what the other does not do.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SWEEPS", "Sweep"]


@dataclass(frozen=True)
class Sweep:
    """Random configurations of one realisation.

    Attributes:
        realisation: column of the coverage table.
        title: what is compared.
        default: seeds per operation in a plain test run.
        full: seeds per operation in the long run, those of the plain run included.
        networks: random networks with branches in the long run.
        samples: samples per configuration.
        command: runs all ``full`` seeds.
    """

    realisation: str
    title: str
    default: int
    full: int
    networks: int
    samples: int
    command: str


def _command(file: str) -> str:
    return f"./hwc test tests/conformance/{file} -m 'long or not long'"


SWEEPS = {
    sweep.realisation: sweep
    for sweep in (
        Sweep("sim", "every tensor of the Numba simulator", 40, 1000, 2000, 37,
              _command("test_simulator.py")),
        Sweep("rtl", "every beat of the Verilog under Icarus, random foldings and stalls", 6, 60,
              60, 3, _command("test_rtl.py")),
        Sweep("hls4ml", "the C++ compiled by g++, as arrays and as streams", 1, 30, 30, 100,
              _command("test_hls4ml.py")),
    )
}  # fmt: skip
"""By realisation."""
