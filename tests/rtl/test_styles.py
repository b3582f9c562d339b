"""Multipliers, memories and run-time weights: every choice gives the same integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes, Style, legal_foldings
from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.reload import reload_writes, with_weights
from hwcompress.ir import TERNARY, Conv, Dense, Graph, IntType, Op, evaluate

from .designs import check_design, random_frames
from .graphs import chain
from .icarus import simulate, to_bytes, to_words

_TYPES = (
    (IntType(0, 255), IntType(-128, 127)),
    (IntType(-128, 127), IntType(-128, 127)),
    (IntType(0, 15), IntType(-8, 7)),
    (IntType(-8, 7), IntType(-7, 7)),
    (IntType(0, 3), IntType(-2, 1)),
    (IntType(0, 1), IntType(-8, 7)),
    (IntType(0, 7), IntType(0, 5)),
    (IntType(0, 15), TERNARY),
    (IntType(0, 0), IntType(-8, 7)),
    (IntType(-8, 7), IntType(0, 0)),
)


def _conv(rng: np.random.Generator, xtype: IntType, wtype: IntType) -> Graph:
    """A convolution, sometimes depthwise, with extreme weights among the others."""
    channels = int(rng.choice([2, 4]))
    groups = channels if rng.integers(3) == 0 else 1
    rows = channels if groups > 1 else int(rng.choice([3, 4, 6]))
    weight = rng.integers(wtype.lo, wtype.hi + 1, (rows, 2, 2, channels // groups))
    ends = rng.choice([wtype.lo, wtype.hi], weight.shape)
    weight = np.where(rng.random(weight.shape) < 0.4, ends, weight)
    op = Conv("c", ("t0",), ("t1",), weight, wtype, None, (1, 1), (0, 0, 0, 0), (1, 1), groups)
    return chain("styles", (3, 5, channels), xtype, [op])


def _extreme_frames(graph: Graph, rng: np.random.Generator) -> np.ndarray:
    frames = random_frames(graph, 4, rng)
    dtype = graph.inputs[0].dtype
    ends = rng.choice([dtype.lo, dtype.hi], frames.shape)
    return np.where(rng.random(frames.shape) < 0.5, ends, frames)


@pytest.mark.parametrize("multiplier", ["lut", "dsp", "packed"])
@pytest.mark.parametrize("number", range(len(_TYPES)))
def test_multipliers(tmp_path: Path, number: int, multiplier: str) -> None:
    rng = np.random.default_rng([number, 7, len(multiplier)])
    graph = _conv(rng, *_TYPES[number])
    legal = legal_foldings(graph)["c"]
    several = [lanes for lanes in legal if lanes.pixels > 1]
    for index, choices in enumerate((legal, several)):
        if choices:
            lanes = choices[rng.integers(len(choices))]
            folding = Folding({"c": lanes}, {"c": Style(multiplier=multiplier)})  # type: ignore[arg-type]
            frames = _extreme_frames(graph, rng)
            check_design(graph, folding, tmp_path / str(index), samples=frames, stalls=(100, 100))


def test_packing_fills_a_dsp_block() -> None:
    """Two 8-bit products, three or four 4-bit ones, in 25 x 18 bits."""
    style = Style(multiplier="packed")
    assert style.packing(8, 1, 8, 8, 16) == (2, 1)
    assert style.packing(8, 1, 4, 4, 8) == (3, 1)
    count_w, count_x = style.packing(8, 2, 4, 4, 8)
    assert count_w * count_x == 4
    assert Style(multiplier="packed", dsp=(18, 18)).packing(8, 1, 8, 8, 16) == (1, 1)


def test_packed_lanes_are_instantiated(tmp_path: Path) -> None:
    graph = _dense(np.random.default_rng(3))
    folding = Folding({"d": Lanes(6, 2)}, {"d": Style(multiplier="packed")})
    design = generate(graph, folding, tmp_path)
    (engine,) = (item for item in design.instances if item.module == "hwc_mvu")
    assert (engine.parameters["MULT"], engine.parameters["PACK_W"]) == (3, 3)
    assert "hwc_mul_pack.v" in design.files


def _dense(rng: np.random.Generator, rows: int = 6, columns: int = 8) -> Graph:
    weight = rng.integers(-8, 8, (rows, columns))
    ops: list[Op] = [Dense("d", ("t0",), ("t1",), weight, IntType(-8, 7))]
    return chain("dense", (columns,), IntType(0, 15), ops)


@pytest.mark.parametrize("memory", ["logic", "distributed", "block"])
def test_memories(tmp_path: Path, memory: str) -> None:
    graph = _dense(np.random.default_rng(4))
    folding = Folding({"d": Lanes(2, 2)}, {"d": Style(memory=memory)})  # type: ignore[arg-type]
    check_design(graph, folding, tmp_path)


def test_folding_file_keeps_styles() -> None:
    folding = Folding(
        {"d": Lanes(2, 2)},
        {"d": Style(multiplier="packed", memory="block", reload=True, dsp=(27, 18))},
    )
    assert Folding.from_json(folding.to_json()) == folding
    with pytest.raises(InputError, match="multiplier is 'fast'"):
        Folding.from_json(folding.to_json().replace("packed", "fast"))


# An AXI4-Lite master that reads the identity, then makes the writes of a file; frames wait.
_RELOAD_DUT = """
    reg [31:0] writes [0:{count}*2-1];
    reg        done = 1'b0;
    reg  [4:0] awaddr = 5'd0;
    reg [31:0] wdata = 32'd0;
    reg        awvalid = 1'b0, wvalid = 1'b0, bready = 1'b0, arvalid = 1'b0, rready = 1'b0;
    wire       awready, wready, bvalid, arready, rvalid, ready;
    wire [31:0] rdata;
    integer    k;
    assign s_ready = ready & done;
    {top} dut (.aclk(aclk), .aresetn(aresetn),
        .s_axis_tdata(s_data), .s_axis_tvalid(s_valid & done), .s_axis_tready(ready),
        .m_axis_tdata(m_data[{ow}-1:0]), .m_axis_tvalid(m_valid), .m_axis_tready(m_ready),
        .m_axis_tlast(m_data[{ow}]),
        .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(wdata), .s_axil_wstrb(4'hF), .s_axil_wvalid(wvalid),
        .s_axil_wready(wready), .s_axil_bresp(), .s_axil_bvalid(bvalid), .s_axil_bready(bready),
        .s_axil_araddr(5'd0), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(), .s_axil_rvalid(rvalid), .s_axil_rready(rready));
    // Called between edges: the transfer happens at the next rising edge with ready.
    task address; begin
        awvalid = 1'b1;
        while (~awready) @(negedge aclk);
        @(negedge aclk) awvalid = 1'b0;
    end endtask
    task data; begin
        wvalid = 1'b1;
        while (~wready) @(negedge aclk);
        @(negedge aclk) wvalid = 1'b0;
    end endtask
    initial begin
        $readmemh("writes.hex", writes);
        @(posedge aresetn);
        @(negedge aclk) arvalid = 1'b1;
        while (~arready) @(negedge aclk);
        @(negedge aclk) arvalid = 1'b0;
        while (~rvalid) @(negedge aclk);
        if (rdata === 32'h48574357) begin
            rready = 1'b1;
            for (k = 0; k < {count}; k = k + 1) begin
                awaddr = writes[2*k][4:0];
                wdata = writes[2*k+1];
                case (k % 3)
                    0: begin address; data; end
                    1: begin data; address; end
                    default: fork address; data; join
                endcase
                repeat (k % 4) @(negedge aclk);
                while (~bvalid) @(negedge aclk);
                bready = 1'b1;
                @(negedge aclk) bready = 1'b0;
            end
            repeat (3) @(negedge aclk);
            @(posedge aclk) #0.5 done = 1'b1;  // before the bench looks
        end
    end
"""


@pytest.mark.parametrize("memory", ["auto", "block"])
def test_weights_written_at_run_time(tmp_path: Path, memory: str) -> None:
    """Two layers, words of one piece and of several: the design computes with what it was given."""
    rng = np.random.default_rng(5)
    full = IntType(-8, 7)
    first = np.where(rng.integers(2, size=(6, 8)) > 0, 7, -8)
    second = np.where(rng.integers(2, size=(5, 6)) > 0, 7, -8)
    first[0], first[1], second[0], second[1] = -8, 7, -8, 7  # all sums that weights can reach
    ops: list[Op] = [
        Dense("a", ("t0",), ("t1",), first, full),
        Dense("b", ("t1",), ("t2",), second, full),
    ]
    graph = chain("reload", (8,), IntType(0, 15), ops)
    style = Style(reload=True, memory=memory)  # type: ignore[arg-type]
    folding = Folding({"a": Lanes(3, 4), "b": Lanes(5, 1)}, {"a": style, "b": style})
    design = generate(graph, folding, tmp_path)
    assert {item.width for item in design.reloads} == {48, 20}
    wanted = graph
    writes = []
    for name, shape in (("b", (5, 6)), ("a", (6, 8))):
        weight = rng.integers(-8, 8, shape)
        writes += reload_writes(design, wanted, folding, name, weight)
        wanted = with_weights(wanted, name, weight)
    text = "".join(f"{address:x} {value:x}\n" for address, value in writes)
    (tmp_path / "writes.hex").write_text(text)
    samples = random_frames(graph, 3, rng)
    (inp,), (out,) = design.inputs, design.outputs
    response = simulate(
        tmp_path,
        _RELOAD_DUT.format(top=design.top, ow=out.tdata_bits, count=len(writes)),
        to_words(inp.pack(samples)),
        in_width=inp.tdata_bits,
        out_width=out.tdata_bits + 1,
        expected=3 * out.beats_per_frame,
        stalls=(100, 100),
        files=list(design.files),
    )
    data = [beat & ((1 << out.tdata_bits) - 1) for beat in response.beats]
    result = out.unpack(to_bytes(data, out.tdata_bytes))
    expected = evaluate(wanted, samples)[out.tensor]
    np.testing.assert_array_equal(result, expected)
    assert not np.array_equal(expected, evaluate(graph, samples)[out.tensor])


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    graph = _dense(np.random.default_rng(6))
    lanes = {"d": Lanes(2, 2)}
    design = generate(graph, Folding(lanes), tmp_path / "fixed")
    weight = np.zeros((6, 8), np.int64)
    with pytest.raises(InputError, match="cannot be written at run time"):
        reload_writes(design, graph, Folding(lanes), "d", weight)
    folding = Folding(lanes, {"d": Style(reload=True)})
    design = generate(graph, folding, tmp_path / "open")
    with pytest.raises(InputError, match="reach sums"):
        reload_writes(design, graph, folding, "d", weight + 7)
    with pytest.raises(InputError, match="shape"):
        reload_writes(design, graph, folding, "d", weight[:3])
    with pytest.raises(InputError, match="constants in logic"):
        Style(reload=True, memory="logic")
