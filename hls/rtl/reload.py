"""Weights written at run time: the AXI4-Lite port of a design, and what to write to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding
from hwcompress.hls.folding.powers import PowerCode, power_code
from hwcompress.hls.rtl.design import Design, ReloadSpec
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, IntType

__all__ = ["SELECT", "reload_lines", "reload_ports", "reload_writes", "with_weights"]

# Byte addresses of hwc_axil.
SELECT, _ADDRESS, _DATA, _COMMIT = 0x04, 0x08, 0x0C, 0x10


def with_weights(graph: Graph, op_name: str, weight: np.ndarray) -> Graph:
    """The graph with other weights in one layer.

    A design is built for the sums that its weights can reach: widths and
    thresholds after the layer rest on them. Other weights fit if their sums
    stay within that interval.

    Args:
        graph: what the design was generated from.
        op_name: a Dense, Conv or ConvTranspose.
        weight: int64, of the layer's shape and weight type.

    Raises:
        InputError: no such layer, another shape, or sums beyond the design's.
        GraphError: a weight is outside the layer's type.
    """
    ops = {op.name: op for op in graph.ops}
    op = ops.get(op_name)
    if not isinstance(op, Dense | Conv | ConvTranspose):
        raise InputError(f"{op_name!r} is no layer with weights", where=graph.name)
    if weight.shape != op.weight.shape:
        raise InputError(
            f"weights of shape {weight.shape}, the layer has {op.weight.shape}", where=op_name
        )
    changed = replace(op, weight=np.asarray(weight, np.int64))
    (result,) = changed.infer(graph.input_types(op))
    built = graph.tensors[op.outputs[0]].dtype
    if built.union(result.dtype) != built:
        raise InputError(
            f"these weights reach sums {result.dtype}, the design was made for {built}",
            where=op_name,
            remedy="generate the design from the weights that reach most",
        )
    listed = [changed if item is op else item for item in graph.ops]
    affine = {name: tensor.affine for name, tensor in graph.tensors.items()}
    return Graph.build(graph.name, listed, affine, graph.notes)


def reload_writes(
    design: Design, graph: Graph, folding: Folding, op_name: str, weight: np.ndarray
) -> list[tuple[int, int]]:
    """Writes ``(byte address, 32 bits)``, in order, that replace a layer's weights.

    To be done while no frame is in the design.

    Args:
        design: generated with ``reload`` for this layer.
        graph: what it was generated from.
        folding: likewise.
        op_name: the layer.
        weight: see :func:`with_weights`.

    Raises:
        InputError: the layer cannot be reloaded; its engine shifts, and a weight is
            no power of two of its range; or see :func:`with_weights`.
    """
    from hwcompress.hls.rtl.plan import plan

    spec = next((item for item in design.reloads if item.op == op_name), None)
    if spec is None:
        names = ", ".join(item.op for item in design.reloads) or "none"
        raise InputError(
            f"the weights of {op_name!r} cannot be written at run time",
            why=f"layers of this design that can: {names}",
            remedy='give it "reload": true in the folding and generate again',
        )
    changed = with_weights(graph, op_name, weight)
    op = next(op for op in graph.ops if op.name == op_name)
    assert isinstance(op, Dense | Conv | ConvTranspose)
    style = folding.style(op)
    code = power_code(op.weight, op.wtype, style, op_name)
    if code:  # the code is that of the design's own weights
        code.encode(weight, op_name)
        numbers = replace(style, multiplier="auto")
        folding = Folding(folding.lanes, {**folding.styles, op_name: numbers})
    made = plan(changed, folding, top=design.top)
    file = next(
        item.file for item in made.builder.memories if item.op == op_name and item.kind == "weights"
    )
    words = [int(line, 16) for line in made.builder.hex_files[file].split()]
    if code:
        words = [_recoded(word, op.wtype, code, spec.width, op_name) for word in words]
    if len(words) != spec.depth:
        raise InputError(
            f"{len(words)} words of weights, the design has {spec.depth}", where=op_name
        )
    writes = [(SELECT, spec.number), (_ADDRESS, 0)]
    for word in words:
        for piece in range(-(-spec.width // 32)):
            writes.append((_DATA, (word >> (32 * piece)) & 0xFFFFFFFF))
        writes.append((_COMMIT, 0))
    return writes


def _recoded(word: int, wtype: IntType, code: PowerCode, width: int, where: str) -> int:
    """A word of weights, in stored form, with their codes in ``width`` bits instead."""
    mask = (1 << wtype.bits) - 1
    raw = [word >> wtype.bits * place & mask for place in range(width // code.bits)]
    codes = code.encode(wtype.from_raw(np.array(raw, np.int64)), where)
    return sum(int(item) << code.bits * place for place, item in enumerate(codes))


def reload_ports() -> list[str]:
    """Ports of the top."""
    return [
        "    input  wire [4:0] s_axil_awaddr",
        "    input  wire s_axil_awvalid",
        "    output wire s_axil_awready",
        "    input  wire [31:0] s_axil_wdata",
        "    input  wire [3:0] s_axil_wstrb",
        "    input  wire s_axil_wvalid",
        "    output wire s_axil_wready",
        "    output wire [1:0] s_axil_bresp",
        "    output wire s_axil_bvalid",
        "    input  wire s_axil_bready",
        "    input  wire [4:0] s_axil_araddr",
        "    input  wire s_axil_arvalid",
        "    output wire s_axil_arready",
        "    output wire [31:0] s_axil_rdata",
        "    output wire [1:0] s_axil_rresp",
        "    output wire s_axil_rvalid",
        "    input  wire s_axil_rready",
    ]


def reload_lines(reloads: Sequence[ReloadSpec]) -> list[str]:
    """The port's registers, and one enable for every memory."""
    pieces = max(-(-item.width // 32) for item in reloads)
    widest = max(item.width for item in reloads)
    select = max(1, (len(reloads) - 1).bit_length())
    address = max(1, *((item.depth - 1).bit_length() for item in reloads))
    signals = [line.split()[-1] for line in reload_ports()]
    lines = [
        "",
        "    // Weights that can be written at run time",
        "    wire load_en;",
        f"    wire [{select - 1}:0] load_select;",
        f"    wire [{address - 1}:0] load_addr;",
        f"    wire [{32 * pieces - 1}:0] load_data;",
        "    hwc_axil #(",
        f"        .PIECES({pieces}),",
        f"        .SELECT_BITS({select}),",
        f"        .ADDR_BITS({address})",
        "    ) s_axil_port (",
        "        .clk(aclk), .rst(rst),",
        *(f"        .{name}({name})," for name in signals),
        "        .load_en(load_en), .load_select(load_select), .load_addr(load_addr),",
        "        .load_data(load_data)",
        "    );",
    ]
    for item in reloads:
        wire = f"load_{item.number}_en"
        lines.append(
            f"    wire {wire} = load_en & (load_select == {select}'d{item.number});"
            f"  // weights of {item.op!r}"
        )
    if 32 * pieces > widest:
        lines.append(f"    wire load_unused = &{{1'b0, load_data[{32 * pieces - 1}:{widest}]}};")
    return lines
