"""Streams through a Verilog module under Icarus, with random stalls on both sides."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcompress.tools import need

LIBRARY = Path(__file__).parents[2] / "hls" / "rtl" / "library"

# $random(seed) is the same in every simulator (IEEE 1364-2005, 17.9).
_BENCH = """
`timescale 1ns/1ps
module tb;
    reg aclk = 0, aresetn = 0;
    reg [{iw}-1:0] stimulus [0:{n_in}-1];
    reg [{iw}-1:0] s_data;
    reg s_valid = 0, m_ready = 0;
    wire s_ready, m_valid;
    wire [{ow}-1:0] m_data;
    integer sent = 0, got = 0, cycle = 0, file, pauses, seed = {seed};
    reg held = 0, refused = 0;
    reg [{ow}-1:0] held_data;
    reg s_ready_before;
    wire clk = aclk, rst = ~aresetn;

    {dut}

    always #5 aclk = ~aclk;

    initial begin
        $readmemh("stimulus.hex", stimulus);
        file = $fopen("response.txt", "w");
        pauses = $fopen("pauses.txt", "w");
        repeat (4) @(posedge aclk);
        #1 aresetn = 1;
        if ({cut} > 0) begin
            // Break off with something everywhere on the way, and start again.
            while (sent < {cut}) @(posedge aclk);
            #0.5 aresetn = 0;
            s_valid = 0;
            m_ready = 0;
            repeat (3) @(posedge aclk);
            $fclose(file);
            $fclose(pauses);
            file = $fopen("response.txt", "w");
            pauses = $fopen("pauses.txt", "w");
            sent = 0;
            got = 0;
            cycle = 0;
            refused = 0;
            waiting = 0;
            #1 aresetn = 1;
        end
    end

    // Inputs change after the rising edge; outputs are looked at before the next one.
    always @(posedge aclk) #1 if (aresetn) begin
        if (~s_valid | refused == 0) begin
            s_valid = (sent < {n_in}) & (($random(seed) & 255) >= {in_stall});
            s_data = s_valid ? stimulus[sent < {n_in} ? sent : 0] : {{{iw}{{1'bx}}}};
        end
        m_ready = ($random(seed) & 255) >= {out_stall};
        // No combinational path: a change of valid or ready must not reach the other side.
        #1 s_ready_before = s_ready;
        m_ready = ~m_ready;
        #1 if (s_ready !== s_ready_before) $fwrite(file, "PATH ready\\n");
        m_ready = ~m_ready;
        held = m_valid;
        s_valid = ~s_valid;
        #1 if (m_valid !== held) $fwrite(file, "PATH valid\\n");
        if (s_ready !== s_ready_before) $fwrite(file, "PATH valid to ready\\n");
        s_valid = ~s_valid;
    end

    reg waiting = 0;
    always @(negedge aclk) if (aresetn) begin
        cycle = cycle + 1;
        $fwrite(pauses, "%b%b\\n", s_valid, m_ready);
        refused = s_valid & ~s_ready;
        if (s_valid & s_ready) sent = sent + 1;
        if (^{{s_ready, m_valid}} === 1'bx) $fwrite(file, "UNKNOWN control\\n");
        if (waiting & (m_valid !== 1'b1 | m_data !== held_data)) $fwrite(file, "UNSTABLE\\n");
        waiting = m_valid & ~m_ready;
        held_data = m_data;
        if (m_valid & m_ready) begin
            $fwrite(file, "%0d %h\\n", cycle, m_data);
            got = got + 1;
        end
        if (got == {n_out} + {extra} || cycle > {limit}) begin
            $fclose(file);
            $finish;
        end
        if (got == {n_out}) extra_time = extra_time + 1;
        if (extra_time > 60) begin
            $fclose(file);
            $finish;
        end
    end
    integer extra_time = 0;
endmodule
"""


@dataclass(frozen=True)
class Response:
    """Output beats as Python integers, and the cycle in which each one passed, from 1.

    ``offered`` and ``accepted``: whether the input was valid and this output ready, 0 or 1
    for every cycle; those of all inputs, in their order.
    """

    beats: list[int]
    cycles: list[int]
    offered: list[np.ndarray] = field(default_factory=list)
    accepted: np.ndarray = field(default_factory=lambda: np.ones(1, np.int64))


def simulate(
    folder: Path,
    dut: str,
    stimulus: list[int],
    *,
    in_width: int,
    out_width: int,
    expected: int,
    stalls: tuple[int, int] = (0, 0),
    seed: int = 1,
    files: list[str] | None = None,
    limit: int = 400_000,
    cut: int = 0,
) -> Response:
    """Send ``stimulus``, collect ``expected`` beats; ``stalls`` in 256ths (in, out).

    ``dut`` is the text of an instance between ``s_data``/``s_valid``/``s_ready``
    and ``m_data``/... Fails on an unstable output, an unknown control signal,
    a combinational path between the two sides, or one beat too many. With
    ``cut`` there is a reset after so many beats, and all starts from the beginning.
    """
    compiler = need("iverilog")
    digits = (in_width + 3) // 4
    (folder / "stimulus.hex").write_text("".join(f"{beat:0{digits}x}\n" for beat in stimulus))
    text = _BENCH.format(
        iw=in_width, ow=out_width, n_in=len(stimulus), n_out=expected, extra=1, dut=dut,
        in_stall=stalls[0], out_stall=stalls[1], seed=seed, limit=limit, cut=cut,
    )  # fmt: skip
    (folder / "tb.v").write_text(text)
    sources = files if files is not None else [f"-y{LIBRARY}"]
    build = [*compiler.argv, "-g2005", "-s", "tb", "-o", "tb.vvp", "tb.v", *sources]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runner = str(Path(compiler.argv[0]).with_name("vvp"))
    done = subprocess.run([runner, "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "rror" not in done.stdout, done.stdout + done.stderr
    beats, cycles = [], []
    for line in (folder / "response.txt").read_text().splitlines():
        cycle, value = line.split()
        assert cycle.isdigit(), f"protocol: {line}"
        assert "x" not in value, f"unknown bits {value} in beat {len(beats)}"
        cycles.append(int(cycle))
        beats.append(int(value, 16))
    assert len(beats) == expected, f"{len(beats)} beats, expected {expected}"
    (offered,), (accepted,) = read_pauses(folder, 1)
    return Response(beats, cycles, [offered], accepted)


def read_pauses(folder: Path, inputs: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Valid of every input and ready of every output, 0 or 1 by cycle; a line a cycle."""
    lines = (folder / "pauses.txt").read_text().split()
    bits = np.frombuffer("".join(lines).encode(), np.uint8).reshape(len(lines), -1) - ord("0")
    columns = [column.astype(np.int64) for column in bits.T]
    return columns[:inputs], columns[inputs:]


def to_words(beats: np.ndarray) -> list[int]:
    """Rows of bytes, little endian, to integers."""
    return [int.from_bytes(row.tobytes(), "little") for row in beats]


def to_bytes(words: list[int], width: int) -> np.ndarray:
    """Inverse of :func:`to_words`, ``width`` bytes a row."""
    data = b"".join(word.to_bytes(width, "little") for word in words)
    return np.frombuffer(data, np.uint8).reshape(-1, width)
