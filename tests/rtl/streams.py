"""Several streams into and out of a Verilog module under Icarus, with random stalls on each."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.tools import need

from .icarus import LIBRARY, Response, read_pauses

__all__ = ["Source", "simulate_streams"]

_BENCH = """
`timescale 1ns/1ps
module tb;
    reg aclk = 0, aresetn = 0;
    wire clk = aclk, rst = ~aresetn;
    integer cycle = 0, still = 0, rest = 0, pauses, seed = {seed};
    wire [{ni}-1:0] s_ready;
    wire [{no}-1:0] m_valid;
    reg  [{ni}-1:0] s_valid = 0, refused = 0, s_ready_before, offered;
    reg  [{no}-1:0] m_ready = 0, m_valid_before;
    reg  [{ni}-1:0] sent_all = 0;
    reg  [{no}-1:0] got_all = 0;
{declarations}
    {dut}

    always #5 aclk = ~aclk;

    initial begin
        pauses = $fopen("pauses.txt", "w");
{openings}
        repeat (4) @(posedge aclk);
        #1 aresetn = 1;
    end

    // Inputs change after the rising edge; outputs are looked at before the next one.
    always @(posedge aclk) #1 if (aresetn) begin
{drives}
        #1 s_ready_before = s_ready;
        m_valid_before = m_valid;
        m_ready = ~m_ready;
        #1 if (s_ready !== s_ready_before) $display("PATH ready to ready");
        if (m_valid !== m_valid_before) $display("PATH ready to valid");
        m_ready = ~m_ready;
        offered = s_valid;
        s_valid = ~s_valid;
        #1 if (m_valid !== m_valid_before) $display("PATH valid to valid");
        if (s_ready !== s_ready_before & {strict}) $display("PATH valid to ready");
        s_valid = offered;
    end

    always @(negedge aclk) if (aresetn) begin
        cycle = cycle + 1;
        // Lowest first, as the reader's columns are.
{pauses}
        still = (|(s_valid & s_ready) | |(m_valid & m_ready)) ? 0 : still + 1;
        refused = s_valid & ~s_ready;
        if (^{{s_ready, m_valid}} === 1'bx) $display("UNKNOWN control in cycle %0d", cycle);
{checks}
        if (still > {watchdog} & ~&got_all) begin
            $display("DEADLOCK in cycle %0d", cycle);
            $finish;
        end
        if (&got_all & &sent_all) rest = rest + 1;
        if (rest > 60) $finish;
    end
endmodule
"""

_INPUT = """    reg [{w}-1:0] stimulus_{i} [0:{n}-1];
    reg [{w}-1:0] s_data_{i};
    integer sent_{i} = 0;
"""
_OUTPUT = """    wire [{w}-1:0] m_data_{i};
    reg [{w}-1:0] held_{i};
    reg waiting_{i} = 0;
    integer got_{i} = 0, file_{i};
"""
_DRIVE = """        if (~s_valid[{i}] | ~refused[{i}]) begin
            s_valid[{i}] = (sent_{i} < {n}) & (($random(seed) & 255) >= {stall});
            s_data_{i} = s_valid[{i}] ? stimulus_{i}[sent_{i} < {n} ? sent_{i} : 0]
                                      : {{{w}{{1'bx}}}};
        end
"""
_SENT = """        if (s_valid[{i}] & s_ready[{i}]) sent_{i} = sent_{i} + 1;
        sent_all[{i}] = (sent_{i} == {n});
"""
_GOT = """        if (waiting_{i} & (m_valid[{i}] !== 1'b1 | m_data_{i} !== held_{i}))
            $display("UNSTABLE output {i} in cycle %0d", cycle);
        waiting_{i} = m_valid[{i}] & ~m_ready[{i}];
        held_{i} = m_data_{i};
        if (m_valid[{i}] & m_ready[{i}]) begin
            $fwrite(file_{i}, "%0d %h\\n", cycle, m_data_{i});
            got_{i} = got_{i} + 1;
        end
        got_all[{i}] = (got_{i} >= {n});
"""


@dataclass(frozen=True)
class Source:
    """The beats of one input, of ``width`` bits."""

    width: int
    beats: Sequence[int]


def simulate_streams(
    folder: Path,
    dut: str,
    inputs: Sequence[Source],
    outputs: Sequence[tuple[int, int]],
    *,
    stalls: tuple[int, int] = (0, 0),
    seed: int = 1,
    files: Sequence[str] | None = None,
    joins: bool = False,
    watchdog: int = 2000,
) -> list[Response]:
    """Send all inputs, collect outputs of ``(width, beats)``; ``stalls`` in 256ths (in, out).

    ``dut`` is the text of an instance between the buses ``s_valid``, ``s_ready``,
    ``m_valid``, ``m_ready``, with a bit a stream, and ``s_data_<i>``, ``m_data_<i>``.
    Fails on an unstable output, an unknown control signal, a combinational
    path (``joins`` allows those from valid to ready), a deadlock, or one beat too many.
    """
    compiler = need("iverilog")
    for i, source in enumerate(inputs):
        digits = (source.width + 3) // 4
        text = "".join(f"{beat:0{digits}x}\n" for beat in source.beats)
        (folder / f"stimulus_{i}.hex").write_text(text)
    text = _BENCH.format(
        ni=len(inputs), no=len(outputs), seed=seed, dut=dut, strict=int(not joins),
        watchdog=watchdog,
        declarations="".join(
            [_INPUT.format(i=i, w=s.width, n=len(s.beats)) for i, s in enumerate(inputs)]
            + [_OUTPUT.format(i=i, w=width) for i, (width, _) in enumerate(outputs)]
        ),
        openings="\n".join(
            [f'        $readmemh("stimulus_{i}.hex", stimulus_{i});' for i in range(len(inputs))]
            + [
                f'        file_{i} = $fopen("response_{i}.txt", "w");'
                for i in range(len(outputs))
            ]
        ),
        drives="".join(
            [
                _DRIVE.format(i=i, w=s.width, n=len(s.beats), stall=stalls[0])
                for i, s in enumerate(inputs)
            ]
            + [
                f"        m_ready[{i}] = ($random(seed) & 255) >= {stalls[1]};\n"
                for i in range(len(outputs))
            ]
        ),
        pauses="".join(
            f'        $fwrite(pauses, "%b", {name}[{i}]);\n'
            for name, count in (("s_valid", len(inputs)), ("m_ready", len(outputs)))
            for i in range(count)
        )
        + '        $fwrite(pauses, "\\n");',
        checks="".join(
            [_SENT.format(i=i, n=len(s.beats)) for i, s in enumerate(inputs)]
            + [_GOT.format(i=i, n=count) for i, (_, count) in enumerate(outputs)]
        ),
    )  # fmt: skip
    (folder / "tb.v").write_text(text)
    sources = files if files is not None else [f"-y{LIBRARY}"]
    build = [*compiler.argv, "-g2005", "-s", "tb", "-o", "tb.vvp", "tb.v", *sources]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runner = str(Path(compiler.argv[0]).with_name("vvp"))
    done = subprocess.run([runner, "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout.strip(), done.stdout[:2000]
    offered, accepted = read_pauses(folder, len(inputs))
    return [
        _read(folder / f"response_{i}.txt", count, offered, accepted[i])
        for i, (_, count) in enumerate(outputs)
    ]


def _read(path: Path, expected: int, offered: list[np.ndarray], accepted: np.ndarray) -> Response:
    beats, cycles = [], []
    for line in path.read_text().splitlines():
        cycle, value = line.split()
        assert "x" not in value, f"unknown bits {value} in beat {len(beats)} of {path.name}"
        cycles.append(int(cycle))
        beats.append(int(value, 16))
    assert len(beats) == expected, f"{len(beats)} beats in {path.name}, expected {expected}"
    return Response(beats, cycles, offered, accepted)
