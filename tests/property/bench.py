"""A whole design under Icarus: every port and every tap, cycles and integers of all beats.

Compiled once, run as often as wanted with other frames and pauses.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.hls.rtl import Design
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.tools import need
from tests.rtl.icarus import to_bytes, to_words

__all__ = ["Bench", "Run", "Stream"]

_BENCH = """
`timescale 1ns/1ps
module tb;
    reg clk = 0, rstn = 0;
    reg [{ni}-1:0] offer [0:{length}-1];
    reg [{no}-1:0] accept [0:{length}-1];
    reg [{ni}-1:0] s_valid = 0, taken = 0, s_ready_before;
    reg [{no}-1:0] m_ready = 0, m_valid_before, waiting = 0;
    wire [{ni}-1:0] s_ready;
    wire [{no}-1:0] m_valid;
    wire [{nt}:0] fire;
    integer t, file, left, still = 0, rest = 0;
    integer frames, run, limit, watchdog, strict;
    reg [8*32-1:0] path;
{declarations}
    {dut}

    always #5 clk = ~clk;
    always @(posedge clk) taken <= s_valid & s_ready;

    initial begin
        if (!$value$plusargs("run=%d", run)) $finish;
        if (!$value$plusargs("frames=%d", frames)) $finish;
        if (!$value$plusargs("limit=%d", limit)) $finish;
        if (!$value$plusargs("watchdog=%d", watchdog)) $finish;
        if (!$value$plusargs("strict=%d", strict)) $finish;
        $sformat(path, "offer_%0d.mem", run);
        $readmemb(path, offer);
        $sformat(path, "accept_%0d.mem", run);
        $readmemb(path, accept);
        $sformat(path, "seen_%0d.txt", run);
        file = $fopen(path, "w");
{openings}
        repeat (4) @(posedge clk);
        #1 rstn = 1;
        for (t = 0; t < limit && rest < 60 && still <= watchdog; t = t + 1) begin
{drives}
            m_ready = accept[t % {length}];
            #1;
            if (strict) begin  // no path from one side to the other but through registers
                s_ready_before = s_ready;
                m_valid_before = m_valid;
                m_ready = ~m_ready;
                #0.5 if (s_ready !== s_ready_before || m_valid !== m_valid_before)
                    $fwrite(file, "PATH from ready in cycle %0d\\n", t);
                m_ready = ~m_ready;
                s_valid = ~s_valid;
                #0.5 if (s_ready !== s_ready_before || m_valid !== m_valid_before)
                    $fwrite(file, "PATH from valid in cycle %0d\\n", t);
                s_valid = ~s_valid;
                #0.5;
            end
            if (^{{s_ready, m_valid, fire}} === 1'bx)
                $fwrite(file, "UNKNOWN control in cycle %0d\\n", t);
            still = (|(s_valid & s_ready) | |(m_valid & m_ready) | |fire) ? 0 : still + 1;
            left = 0;
{checks}
            if (left <= 0) rest = rest + 1;
            @(posedge clk);
            #1 s_valid = s_valid & ~taken;
        end
        if (left > 0 && still > watchdog) $fwrite(file, "DEADLOCK in cycle %0d\\n", t);
        $fclose(file);
        $finish;
    end
endmodule
"""

_INPUT = """    reg [{w}-1:0] stimulus_{i} [0:{most}-1];
    reg [{w}-1:0] s_data_{i} = {{{w}{{1'bx}}}};
    integer sent_{i} = 0;
"""
_OUTPUT = """    wire [{w}-1:0] m_data_{i};
    reg [{w}-1:0] held_{i};
    integer got_{i} = 0;
"""
_OPENING = """        $sformat(path, "in{i}_%0d.hex", run);
        $readmemh(path, stimulus_{i});
"""
_DRIVE = """            if (~s_valid[{i}]) begin
                s_valid[{i}] = offer[t % {length}][{i}] & (sent_{i} < frames * {beats});
                s_data_{i} = s_valid[{i}] ? stimulus_{i}[sent_{i}] : {{{w}{{1'bx}}}};
            end
"""
_SENT = """            if (s_valid[{i}] & s_ready[{i}]) begin
                $fwrite(file, "i{i} %0d %h\\n", t, s_data_{i});
                sent_{i} = sent_{i} + 1;
            end
"""
_GOT = """            if (waiting[{i}] & (m_valid[{i}] !== 1'b1 | m_data_{i} !== held_{i}))
                $fwrite(file, "UNSTABLE output {i} in cycle %0d\\n", t);
            waiting[{i}] = m_valid[{i}] & ~m_ready[{i}];
            held_{i} = m_data_{i};
            if (m_valid[{i}] & m_ready[{i}]) begin
                $fwrite(file, "o{i} %0d %h\\n", t, m_data_{i});
                got_{i} = got_{i} + 1;
            end
            if (got_{i} < frames * {beats}) left = left + 1;
"""
_TAP = """            if (fire[{i}]) begin
                $fwrite(file, "t{i} %0d %h\\n", t, tap_{i});
                seen_{i} = seen_{i} + 1;
            end
            if (seen_{i} < frames * {beats}) left = left + 1;
"""


@dataclass(frozen=True)
class Stream:
    """What passed on a stream: ``cycles`` of the beats, 0 the first one after reset, and words."""

    spec: StreamSpec
    cycles: list[int]
    words: list[int]

    def integers(self) -> np.ndarray:
        """int64 ``(frames, *shape)`` of the whole frames; bits above the elements must be 0."""
        assert all(word >> self.spec.data_bits == 0 for word in self.words), self.spec.port
        whole = len(self.words) // self.spec.beats_per_frame * self.spec.beats_per_frame
        return self.spec.unpack(to_bytes(self.words[:whole], self.spec.tdata_bytes))

    def ends(self) -> list[int]:
        """Cycles of the last beats of frames."""
        return self.cycles[self.spec.beats_per_frame - 1 :: self.spec.beats_per_frame]


@dataclass(frozen=True)
class Run:
    """A run. ``last``: the bits ``tlast`` of every output beat."""

    inputs: list[Stream]
    outputs: list[Stream]
    taps: list[Stream]
    last: list[list[int]]
    deadlock: bool


class Bench:
    """A design, compiled with its taps.

    Args:
        design: in its folder, where the files of the bench go, too.
        length: cycles after which patterns of pauses repeat.
        most_frames: of any run.
    """

    def __init__(self, design: Design, *, length: int, most_frames: int) -> None:
        self.design = design
        self.length = length
        self.most_frames = most_frames
        self._runs = 0
        folder = design.folder
        (folder / "tb.v").write_text(self._text())
        compiler = need("iverilog", purpose="simulating random networks")
        build = [*compiler.argv, "-g2005", "-DHWC_TAPS", "-s", "tb", "-o", "tb.vvp", "tb.v"]
        done = subprocess.run([*build, *design.files], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self._runner = str(Path(compiler.argv[0]).with_name("vvp"))

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        *,
        offers: Mapping[str, np.ndarray],
        accepts: Mapping[str, np.ndarray],
        limit: int,
        watchdog: int,
        strict: bool,
    ) -> Run:
        """Feed samples by input tensor until all streams are through, or ``limit`` cycles.

        (A layer may still compute what nobody uses when the last output beat has left.)

        ``offers`` and ``accepts`` are the patterns that the token machine takes. ``strict``
        also looks for combinational paths. Fails on an unknown or unstable signal.
        """
        number, design, folder = self._runs, self.design, self.design.folder
        self._runs += 1
        frames = len(next(iter(feeds.values())))
        assert frames <= self.most_frames
        for i, spec in enumerate(design.inputs):
            digits = spec.tdata_bytes * 2
            lines = [f"{word:0{digits}x}\n" for word in _noisy(spec, feeds[spec.tensor])]
            (folder / f"in{i}_{number}.hex").write_text("".join(lines))
        for name, given, ports in (
            ("offer", offers, design.inputs), ("accept", accepts, design.outputs),
        ):  # fmt: skip
            always = np.ones(self.length, int)
            rows = [np.asarray(given.get(spec.port, always), int) for spec in ports]
            words = np.stack(rows[::-1], axis=1)
            text = "".join("".join(map(str, word)) + "\n" for word in words)
            (folder / f"{name}_{number}.mem").write_text(text)
        options = {
            "run": number, "frames": frames, "limit": limit, "watchdog": watchdog,
            "strict": int(strict),
        }  # fmt: skip
        command = [self._runner, "-n", "tb.vvp", *(f"+{k}={v}" for k, v in options.items())]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        # $readmem warns of stimuli shorter than the most frames.
        assert done.returncode == 0 and "rror" not in done.stdout, done.stdout + done.stderr
        return self._read((folder / f"seen_{number}.txt").read_text(), frames)

    def _read(self, text: str, frames: int) -> Run:
        design = self.design
        specs: dict[str, StreamSpec] = {}
        for letter, found in (
            ("i", design.inputs), ("o", design.outputs), ("t", [tap.stream for tap in design.taps]),
        ):  # fmt: skip
            specs |= {f"{letter}{i}": spec for i, spec in enumerate(found)}
        cycles: dict[str, list[int]] = {name: [] for name in specs}
        words: dict[str, list[int]] = {name: [] for name in specs}
        deadlock = False
        for line in text.splitlines():
            stream, cycle, word = line.split(maxsplit=2)
            if stream == "DEADLOCK":
                deadlock = True
                continue
            assert stream in specs, f"protocol: {line}"
            assert "x" not in word, f"unknown bits {word} on {specs[stream].port}, cycle {cycle}"
            cycles[stream].append(int(cycle))
            words[stream].append(int(word, 16))
        last = []
        for i, spec in enumerate(design.outputs):
            raw, width = words[f"o{i}"], spec.tdata_bits
            last.append([word >> width for word in raw])
            words[f"o{i}"] = [word & ((1 << width) - 1) for word in raw]
        constants = {layer.op for layer in design.layers if layer.kind == "Constant"}
        for i, tap in enumerate(design.taps):
            if tap.op in constants:  # goes on after the last frame
                count = frames * tap.stream.beats_per_frame
                cycles[f"t{i}"], words[f"t{i}"] = cycles[f"t{i}"][:count], words[f"t{i}"][:count]
        made = {name: Stream(spec, cycles[name], words[name]) for name, spec in specs.items()}
        sides = [[made[name] for name in made if name[0] == letter] for letter in "iot"]
        return Run(*sides, last, deadlock)

    def _text(self) -> str:
        design = self.design
        pins = [".aclk(clk)", ".aresetn(rstn)"]
        declared, openings, drives, checks = [], [], [], []
        for i, spec in enumerate(design.inputs):
            size = {
                "i": i, "w": spec.tdata_bits, "beats": spec.beats_per_frame,
                "most": spec.beats_per_frame * self.most_frames, "length": self.length,
            }  # fmt: skip
            declared.append(_INPUT.format(**size))
            openings.append(_OPENING.format(**size))
            drives.append(_DRIVE.format(**size))
            checks.append(_SENT.format(**size))
            pins += _pins(spec.port, f"s_data_{i}", f"s_valid[{i}]", f"s_ready[{i}]")
        for i, spec in enumerate(design.outputs):
            width = spec.tdata_bits
            declared.append(_OUTPUT.format(i=i, w=width + 1))
            checks.append(_GOT.format(i=i, beats=spec.beats_per_frame))
            pins += _pins(spec.port, f"m_data_{i}[{width - 1}:0]", f"m_valid[{i}]", f"m_ready[{i}]")
            pins.append(f".{spec.port}_tlast(m_data_{i}[{width}])")
        for i, tap in enumerate(design.taps):
            width = tap.stream.tdata_bits
            declared.append(f"    wire [{width - 1}:0] tap_{i};\n    integer seen_{i} = 0;\n")
            checks.append(_TAP.format(i=i, beats=tap.stream.beats_per_frame))
            pins += [f".{tap.stream.port}_data(tap_{i})", f".{tap.stream.port}_fire(fire[{i}])"]
        if design.reloads:  # nothing is written over the AXI4-Lite port
            pins += [f".{name}(0)" for name in _quiet_pins(design)]
        count = len(design.taps)
        declared.append(f"    assign fire[{count}] = 1'b0;\n")
        return _BENCH.format(
            ni=len(design.inputs), no=len(design.outputs), nt=count, length=self.length,
            declarations="".join(declared), openings="".join(openings), drives="".join(drives),
            checks="".join(checks), dut=f"{design.top} dut ({', '.join(pins)});",
        )  # fmt: skip


def _pins(port: str, data: str, valid: str, ready: str) -> list[str]:
    return [f".{port}_tdata({data})", f".{port}_tvalid({valid})", f".{port}_tready({ready})"]


def _quiet_pins(design: Design) -> Sequence[str]:
    """Input pins of the port for weights: those whose lines say so."""
    text = (design.folder / f"{design.top}.v").read_text()
    lines = text.split("`ifdef")[0].splitlines()
    pins = [
        line.split()[-1].rstrip(",") for line in lines if " s_axil_" in line and "input" in line
    ]
    assert pins, "no AXI4-Lite port"
    return pins


def _noisy(spec: StreamSpec, samples: np.ndarray) -> list[int]:
    """Words of the beats; the bits above the elements, which a design ignores, are random."""
    words = to_words(spec.pack(samples))
    noise = np.random.default_rng(len(words)).integers(0, 256, len(words))
    room = (1 << spec.tdata_bits) - 1
    return [
        word | (int(fill) << spec.data_bits) & room for word, fill in zip(words, noise, strict=True)
    ]
