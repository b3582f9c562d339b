"""Library modules under Icarus, fed and emptied by explicit patterns; the cycle of every beat."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.tools import need

LIBRARY = Path(__file__).parents[2] / "hls" / "rtl" / "library"

_BENCH = """
`timescale 1ns/1ps
module tb;
    reg clk = 0, rst = 1;
    reg [{ni}-1:0] offer [0:{length}-1];
    reg [{no}-1:0] accept [0:{length}-1];
    reg [{ni}-1:0] s_valid = 0;
    reg [{no}-1:0] m_ready = 0;
    wire [{ni}-1:0] s_ready;
    wire [{no}-1:0] m_valid;
    reg [{iw}-1:0] s_data = 0;
    wire [{ow}-1:0] m_data;
    integer t, i, file, total;
    integer sent [0:{ni}-1];
    integer most [0:{ni}-1];
    integer got [0:{no}-1];
    integer wanted [0:{no}-1];

    {dut}

    always #5 clk = ~clk;

    initial begin
        $readmemb("offer.mem", offer);
        $readmemb("accept.mem", accept);
        file = $fopen("cycles.txt", "w");
        for (i = 0; i < {ni}; i = i + 1) sent[i] = 0;
        for (i = 0; i < {no}; i = i + 1) got[i] = 0;
        {most}
        {wanted}
        repeat (4) @(posedge clk);
        #1 rst = 0;
        total = 0;
        for (t = 0; t < {limit} && total < {expected}; t = t + 1) begin
            for (i = 0; i < {ni}; i = i + 1)
                if (~s_valid[i])
                    s_valid[i] = offer[t % {length}][i] & (sent[i] < most[i]);
            m_ready = accept[t % {length}];
            #3;
            if (^{{s_ready, m_valid}} === 1'bx) $fwrite(file, "unknown control\\n");
            for (i = 0; i < {no}; i = i + 1)
                if (m_valid[i] & m_ready[i]) begin
                    $fwrite(file, "m %0d %0d\\n", i, t);
                    // A constant goes on after the last frame.
                    if (got[i] < wanted[i]) total = total + 1;
                    got[i] = got[i] + 1;
                end
            for (i = 0; i < {ni}; i = i + 1)
                if (s_valid[i] & s_ready[i]) begin
                    $fwrite(file, "s %0d %0d\\n", i, t);
                    sent[i] = sent[i] + 1;
                end
            @(posedge clk);
            #1;
            for (i = 0; i < {ni}; i = i + 1)
                if (taken[i]) s_valid[i] = 0;
        end
        $fclose(file);
        $finish;
    end
    reg [{ni}-1:0] taken;
    always @(posedge clk) taken <= s_valid & s_ready;
endmodule
"""


@dataclass(frozen=True)
class Cycles:
    """Cycles of the beats of every input and output, cycle 0 the first one after reset."""

    inputs: list[list[int]]
    outputs: list[list[int]]


def measure(
    folder: Path,
    dut: str,
    *,
    in_width: int,
    out_width: int,
    beats: Sequence[int],
    expected: Sequence[int],
    offers: Sequence[np.ndarray],
    accepts: Sequence[np.ndarray],
    limit: int = 200_000,
    options: Sequence[str] = (f"-y{LIBRARY}",),
) -> Cycles:
    """Send ``beats[i]`` beats into input ``i`` until every output ``j`` gave ``expected[j]``.

    Beats of an output beyond those are left out.

    ``dut`` is the text of an instance between ``clk``, ``rst`` and the buses
    ``s_data``, ``s_valid``, ``s_ready``, ``m_data``, ``m_valid``, ``m_ready``; the patterns
    are integers 0 and 1 of one length, repeated. ``options``: of the compiler.
    """
    compiler = need("iverilog")
    length = len(offers[0])
    for name, rows in (("offer", offers), ("accept", accepts)):
        words = np.stack(list(rows)[::-1], axis=1)
        text = "".join("".join(map(str, word)) + "\n" for word in words)
        (folder / f"{name}.mem").write_text(text)
    text = _BENCH.format(
        ni=len(beats), no=len(expected), iw=in_width, ow=out_width, length=length, dut=dut,
        limit=limit, expected=sum(expected),
        most=" ".join(f"most[{i}] = {count};" for i, count in enumerate(beats)),
        wanted=" ".join(f"wanted[{i}] = {count};" for i, count in enumerate(expected)),
    )  # fmt: skip
    (folder / "tb.v").write_text(text)
    build = [*compiler.argv, "-g2005", "-s", "tb", "-o", "tb.vvp", *options, "tb.v"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runner = str(Path(compiler.argv[0]).with_name("vvp"))
    done = subprocess.run([runner, "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "rror" not in done.stdout, done.stdout + done.stderr
    sides: dict[str, list[list[int]]] = {"s": [[] for _ in beats], "m": [[] for _ in expected]}
    for line in (folder / "cycles.txt").read_text().splitlines():
        side, port, cycle = line.split()
        sides[side][int(port)].append(int(cycle))
    outputs = [row[:count] for row, count in zip(sides["m"], expected, strict=True)]
    assert [len(row) for row in outputs] == list(expected)
    return Cycles(sides["s"], outputs)
