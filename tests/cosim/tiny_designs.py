"""Two hand-written designs, in the form that the generator writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwcompress.hls.rtl.design import Design, LayerSpec, MemorySpec, TapSpec
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.ir.types import IntType

BUGS = (
    "wrong", "unstable", "retract", "no_last", "early_last", "surplus", "deadlock", "no_reset",
)  # fmt: skip
WEIGHTS = np.array([3, -8, 7])

# Sums six numbers of a frame (two a beat), then gives the sum times three
# weights, a beat each. A bit in bugs.hex breaks it, each in one way, so that one
# compiled model serves all of them.
_SCALE = """\
module tiny_rom (input wire [1:0] address, output wire [3:0] value);
  reg [3:0] memory [0:3];
  initial $readmemh("weights.hex", memory);
  assign value = memory[address];
endmodule

module tiny_sum (
    input wire aclk, input wire take, input wire first, input wire [9:0] data,
    output wire [7:0] total
);
  reg [7:0] acc;
  wire [7:0] low = {{3{data[4]}}, data[4:0]};
  wire [7:0] high = {{3{data[9]}}, data[9:5]};
  assign total = (first ? 8'd0 : acc) + low + high;
  always @(posedge aclk) if (take) acc <= total;
endmodule

module tiny_top (
    input wire aclk, input wire aresetn,
    input wire [15:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    output wire [15:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready,
    output wire m_axis_tlast
`ifdef HWC_TAPS
    , output wire [7:0] tap_0_data, output wire tap_0_fire,
    output wire [15:0] tap_1_data, output wire tap_1_fire
`endif
);
  reg emitting;
  reg [1:0] step;
  reg [7:0] sum;
  reg [7:0] frames;
  wire [7:0] total;
  wire [3:0] weight;
  wire take = s_axis_tvalid & s_axis_tready;
  wire give = m_axis_tvalid & m_axis_tready;
  wire done = step == 2'd2;
  tiny_sum u_sum (
      .aclk(aclk), .take(take), .first(step == 2'd0), .data(s_axis_tdata[9:0]), .total(total)
  );
  tiny_rom u_rom (.address(step), .value(weight));
  wire [11:0] product = {{4{sum[7]}}, sum} * {{8{weight[3]}}, weight};
  assign s_axis_tready = ~emitting;
  reg [7:0] bugs [0:0];
  initial $readmemh("bugs.hex", bugs);
  wire bug_wrong = bugs[0][0];
  wire bug_unstable = bugs[0][1];
  wire bug_retract = bugs[0][2];
  wire bug_no_last = bugs[0][3];
  wire bug_early_last = bugs[0][4];
  wire bug_surplus = bugs[0][5];
  wire bug_deadlock = bugs[0][6];
  wire bug_no_reset = bugs[0][7];
  reg [3:0] noise;
  reg shy;
  always @(posedge aclk) noise <= aresetn ? noise + 4'd1 : 4'd0;
  always @(posedge aclk) shy <= aresetn & emitting & ~shy & ~m_axis_tready;
  wire [11:0] spoilt = (bug_wrong & frames == 8'd3 & done) ? product + 12'd1 : product;
  assign m_axis_tdata = {4'd0, spoilt ^ {8'd0, {4{bug_unstable & ~m_axis_tready}} & noise}};
  assign m_axis_tvalid = emitting & ~(bug_retract & shy);
  assign m_axis_tlast = (done & ~(bug_no_last & ~frames[0])) | (bug_early_last & step == 2'd1);
  wire stuck = bug_deadlock & frames == 8'd2;
  always @(posedge aclk) begin
    if (take) sum <= total;
    if (!aresetn) begin
      if (!bug_no_reset) emitting <= 1'b0;
      step <= 2'd0;
      frames <= 8'd0;
    end else begin
      if (take | give) step <= done ? 2'd0 : step + 2'd1;
      if (take & done & stuck) step <= 2'd3;
      if (take & done & ~stuck) emitting <= 1'b1;
      if (give & done & ~(bug_surplus & frames == 8'd7)) begin
        emitting <= 1'b0;
        frames <= frames + 8'd1;
      end
    end
  end
`ifdef HWC_TAPS
  assign tap_0_data = total;
  assign tap_0_fire = take & done;
  assign tap_1_data = {4'd0, product};
  assign tap_1_fire = give;
`endif
endmodule
"""

# Twenty numbers of five bits in one beat of 104 bits, each plus one modulo 32.
_WIDE = """\
module wide_top (
    input wire aclk, input wire aresetn,
    input wire [103:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    output wire [103:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready,
    output wire m_axis_tlast
);
  reg [99:0] data;
  reg full;
  reg odd;
  assign s_axis_tready = ~full;
  assign m_axis_tvalid = full;
  assign m_axis_tdata = {4'd0, data};
  assign m_axis_tlast = odd;
  integer i;
  always @(posedge aclk) begin
    if (s_axis_tvalid & s_axis_tready)
      for (i = 0; i < 20; i = i + 1) data[5*i +: 5] <= s_axis_tdata[5*i +: 5] + 5'd1;
    if (!aresetn) begin
      full <= 1'b0;
      odd <= 1'b0;
    end else if (full) begin
      if (m_axis_tready) full <= 1'b0;
      if (m_axis_tready) odd <= ~odd;
    end else full <= s_axis_tvalid;
  end
endmodule
"""

I5, I8, I12 = (IntType.signed_bits(bits) for bits in (5, 8, 12))
U5 = IntType.unsigned_bits(5)


def write_scale(folder: Path, bug: str = "") -> Design:
    """The scaling design, broken in the way ``bug``, one of BUGS, if one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.v").write_text(_SCALE)
    (folder / "bugs.hex").write_text(f"{1 << BUGS.index(bug) if bug else 0:02x}\n")
    words = [*WEIGHTS, 0]
    (folder / "weights.hex").write_text("".join(f"{int(w) & 15:x}\n" for w in words))
    design = Design(
        folder=folder,
        graph="tiny",
        top="tiny_top",
        inputs=(StreamSpec("x", "s_axis", (6,), I5, 2),),
        outputs=(StreamSpec("y", "m_axis", (3,), I12, 1),),
        taps=(
            TapSpec("total", StreamSpec("s", "tap_0", (1,), I8, 1)),
            TapSpec("scale", StreamSpec("y", "tap_1", (3,), I12, 1)),
        ),
        files=("tiny.v",),
        memories=(
            MemorySpec("weights.hex", "scale", "weights", 4, 4),
            MemorySpec("bugs.hex", "scale", "bugs", 8, 1),
        ),
        layers=(
            LayerSpec("total", "Sum", ("u_sum",), 1, 2, 6),
            LayerSpec("scale", "Dense", ("u_rom",), 1, 1, 6),
        ),
    )
    design.save()
    return design


def write_wide(folder: Path) -> Design:
    """The wide design."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wide.v").write_text(_WIDE)
    design = Design(
        folder=folder,
        graph="wide",
        top="wide_top",
        inputs=(StreamSpec("x", "s_axis", (40,), U5, 20),),
        outputs=(StreamSpec("y", "m_axis", (40,), U5, 20),),
        taps=(),
        files=("wide.v",),
        memories=(),
        layers=(LayerSpec("inc", "Table", (), 20, 20, 4),),
    )
    design.save()
    return design


def samples(count: int, seed: int = 5) -> np.ndarray:
    """Inputs of the scaling design, ``(count, 6)``."""
    return np.random.default_rng(seed).integers(-16, 16, (count, 6))


def expected(values: np.ndarray) -> dict[str, np.ndarray]:
    """Integers of every tensor of the scaling design."""
    total = values.sum(axis=1, keepdims=True)
    return {"x": values, "s": total, "y": total * WEIGHTS}
