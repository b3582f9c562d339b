"""A hand-written design with two inputs and two outputs, in the form of the generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwcompress.hls.rtl.design import Design, LayerSpec, MemorySpec, TapSpec
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.ir.types import IntType

BUGS = ("deadlock", "wrong", "unstable")

# z = a + 1, an element a beat; s = sums of pairs of a; y = s + b. The input b
# is taken together with the second element of a pair. A bit in bugs.hex breaks it.
_TWIN = """\
module twin_top (
    input wire aclk, input wire aresetn,
    input wire [7:0] s_axis_0_tdata, input wire s_axis_0_tvalid, output wire s_axis_0_tready,
    input wire [7:0] s_axis_1_tdata, input wire s_axis_1_tvalid, output wire s_axis_1_tready,
    output wire [7:0] m_axis_0_tdata, output wire m_axis_0_tvalid, input wire m_axis_0_tready,
    output wire m_axis_0_tlast,
    output wire [7:0] m_axis_1_tdata, output wire m_axis_1_tvalid, input wire m_axis_1_tready,
    output wire m_axis_1_tlast
`ifdef HWC_TAPS
    , output wire [7:0] tap_0_data, output wire tap_0_fire
    , output wire [7:0] tap_1_data, output wire tap_1_fire
    , output wire [7:0] tap_2_data, output wire tap_2_fire
`endif
);
  reg [7:0] bugs [0:0];
  initial $readmemh("bugs.hex", bugs);
  reg half, y_full, z_full;
  reg [3:0] first;
  reg [5:0] y;
  reg [4:0] z;
  reg [1:0] y_beat;
  reg [2:0] z_beat;
  reg [7:0] pairs;
  wire stuck = bugs[0][0] & (pairs == 8'd7);
  wire room = ~z_full & (~half | ~y_full) & ~stuck;
  wire [3:0] a = s_axis_0_tdata[3:0];
  wire [3:0] b = s_axis_1_tdata[3:0];
  wire [4:0] s = {1'b0, first} + {1'b0, a};
  wire join_now = half & room & s_axis_0_tvalid & s_axis_1_tvalid;
  assign s_axis_0_tready = room & (~half | s_axis_1_tvalid);
  assign s_axis_1_tready = room & half & s_axis_0_tvalid;
  wire take = s_axis_0_tvalid & s_axis_0_tready;
  assign m_axis_0_tdata = {2'd0, y};
  assign m_axis_0_tvalid = y_full;
  assign m_axis_0_tlast = y_beat == 2'd2;
  assign m_axis_1_tdata = {3'd0, z ^ {4'd0, bugs[0][2] & s_axis_0_tvalid}};
  assign m_axis_1_tvalid = z_full;
  assign m_axis_1_tlast = z_beat == 3'd5;
  always @(posedge aclk) begin
    if (take & ~half) first <= a;
    if (join_now) y <= {1'b0, s} + {2'b0, b};
    if (take) z <= {1'b0, a} + ((bugs[0][1] & pairs == 8'd4) ? 5'd2 : 5'd1);
    if (!aresetn) begin
      half <= 1'b0;
      y_full <= 1'b0;
      z_full <= 1'b0;
      y_beat <= 2'd0;
      z_beat <= 3'd0;
      pairs <= 8'd0;
    end else begin
      if (take) half <= ~half;
      if (join_now) pairs <= pairs + 8'd1;
      if (join_now) y_full <= 1'b1;
      else if (m_axis_0_tready) y_full <= 1'b0;
      if (take) z_full <= 1'b1;
      else if (m_axis_1_tready) z_full <= 1'b0;
      if (y_full & m_axis_0_tready) y_beat <= m_axis_0_tlast ? 2'd0 : y_beat + 2'd1;
      if (z_full & m_axis_1_tready) z_beat <= m_axis_1_tlast ? 3'd0 : z_beat + 3'd1;
    end
  end
`ifdef HWC_TAPS
  assign tap_0_data = {3'd0, s};
  assign tap_0_fire = join_now;
  assign tap_1_data = {3'd0, z};
  assign tap_1_fire = z_full & m_axis_1_tready;
  assign tap_2_data = {2'd0, y};
  assign tap_2_fire = y_full & m_axis_0_tready;
`endif
endmodule
"""

_U4, _U5, _U6 = (IntType.unsigned_bits(bits) for bits in (4, 5, 6))


def write_twin(folder: Path, bug: str = "") -> Design:
    """The design, broken in the way ``bug``, one of BUGS, if one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "twin.v").write_text(_TWIN)
    (folder / "bugs.hex").write_text(f"{1 << BUGS.index(bug) if bug else 0:02x}\n")
    design = Design(
        folder=folder,
        graph="twin",
        top="twin_top",
        inputs=(
            StreamSpec("a", "s_axis_0", (3, 2), _U4, 1),
            StreamSpec("b", "s_axis_1", (3,), _U4, 1),
        ),
        outputs=(
            StreamSpec("y", "m_axis_0", (3,), _U6, 1),
            StreamSpec("z", "m_axis_1", (6,), _U5, 1),
        ),
        taps=(
            TapSpec("pair", StreamSpec("s", "tap_0", (3,), _U5, 1)),
            TapSpec("plus", StreamSpec("z", "tap_1", (6,), _U5, 1)),
            TapSpec("join", StreamSpec("y", "tap_2", (3,), _U6, 1)),
        ),
        files=("twin.v",),
        memories=(MemorySpec("bugs.hex", "plus", "bugs", 8, 1),),
        layers=(LayerSpec("plus", "Table", (), 1, 1, 6),),
    )
    design.save()
    return design


def twin_samples(count: int, seed: int = 3) -> dict[str, np.ndarray]:
    """Inputs by tensor."""
    rng = np.random.default_rng(seed)
    return {"a": rng.integers(0, 16, (count, 3, 2)), "b": rng.integers(0, 16, (count, 3))}


def twin_expected(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Integers of every tensor."""
    s = values["a"].sum(axis=2)
    return {**values, "s": s, "y": s + values["b"], "z": values["a"].reshape(-1, 6) + 1}
