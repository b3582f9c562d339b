"""Sums, products, concatenation of branches, and the cutting of channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from hwcompress.hls.folding.join_engines import JoinEngine
from hwcompress.hls.rtl.builder import RTL, Layer, kind_code, value_code
from hwcompress.hls.rtl.memory import signed_bits, to_bits
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import Add, Concat, IntType, Mul, Split

__all__ = ["add", "concat", "mul", "split"]

_FIXED = 255  # the place of an input that is not in the table


@RTL.register(Add)
def add(layer: Layer, op: Add, *streams: Stream) -> Stream:
    """Multipliers that hold for all channels are constants, others come from a table."""
    pe, target = layer.lanes.pe, layer.target
    inputs = [layer.convert(stream, pe) for stream in streams]
    rows = op.rows(target.channels)
    fixed = np.all(rows == rows[:, :1], axis=1)
    factors = np.where(fixed, rows[:, 0], 0)
    slots = np.where(fixed, _FIXED, np.cumsum(~fixed) - 1)
    free = all(int(abs(factor)).bit_count() <= 1 for factor in factors)
    parameters: dict[str, int | str | Literal] = {
        "LANES": pe,
        **_inputs(inputs),
        "FACTORS": Literal.fields([int(abs(factor)) for factor in factors], 64),
        "NEGATIVE": Literal.fields([int(factor < 0) for factor in factors], 1),
        "SLOTS": Literal.fields([int(slot) for slot in slots], 8),
        "STAGES": 3 if not fixed.all() else 1 if free else 2,
        "OUT_BITS": target.dtype.bits,
    }
    if not fixed.all():
        tabled = rows[~fixed]
        width = signed_bits(int(tabled.min()), int(tabled.max()))
        if pe > target.channels:  # several pixels
            tabled = np.tile(tabled, pe // target.channels)
        bits = to_bits(tabled.T, width).reshape(-1, pe * len(tabled) * width)
        file, folds = layer.table("factors", bits)
        parameters |= {"TABLES": len(tabled), "MUL_BITS": width, "FOLDS": folds, "TABLE": file}
    return layer.put(
        "hwc_add", "sum", inputs, parameters, dtype=target.dtype, lanes=pe, size=target.size
    )


@RTL.register(Mul)
def mul(layer: Layer, op: Mul, x: Stream, gate: Stream) -> Stream:
    """A gate per channel is a vector that is replayed for every pixel."""
    pe, otype = layer.lanes.pe, layer.target.dtype
    x, gate = layer.convert(x, pe), layer.convert(gate, _input_lanes(layer, 1))
    times = x.beats // gate.beats
    if times > 1:
        gate = layer.put(
            "hwc_replay",
            "replay",
            gate,
            {"WIDTH": gate.width, "WORDS": gate.beats, "TIMES": times},
            dtype=gate.dtype,
            lanes=gate.lanes,
            size=gate.size * times,
        )
    return layer.put(
        "hwc_gate",
        "product",
        [x, gate],
        {
            "LANES": pe,
            "G_LANES": gate.lanes,
            "X_BITS": x.dtype.bits,
            "X_KIND": kind_code(x.dtype),
            "G_BITS": gate.dtype.bits,
            "G_KIND": kind_code(gate.dtype),
            "P_BITS": max(signed_bits(otype.lo, otype.hi), otype.bits),
            "OUT_BITS": otype.bits,
        },
        dtype=otype,
        lanes=pe,
        size=x.size,
    )


@RTL.register(Concat)
def concat(layer: Layer, op: Concat, *streams: Stream) -> Stream:
    """Beats of one input after the other, or whole pixels side by side."""
    pe, target = layer.lanes.pe, layer.target
    channels = [source.channels for source in layer.builder.graph.input_types(op)]
    bits = target.dtype.bits
    if pe >= target.channels:
        inputs = [layer.convert(s, _input_lanes(layer, i)) for i, s in enumerate(streams)]
        parameters: dict[str, int | str | Literal] = {
            "PIXELS": pe // target.channels,
            "PIXEL": target.channels * bits,
            "LANES": Literal.fields(channels, 32),
            **_inputs(inputs),
            "KINDS": _kinds(inputs, target.dtype),
            "PLACES": Literal.fields(_starts([count * bits for count in channels]), 32),
            "OUT_BITS": bits,
        }
        module = "hwc_zip"
    else:
        inputs = [layer.convert(stream, pe) for stream in streams]
        fed = layer.builder.graph.fed
        lead = next((i for i, tensor in enumerate(op.inputs) if tensor in fed), 0)
        parameters = {
            "LANES": pe,
            **_inputs(inputs),
            "KINDS": _kinds(inputs, target.dtype),
            **_turns(channels, pe),
            **({"LEAD": lead} if lead else {}),
            "OUT_BITS": bits,
        }
        module = "hwc_concat"
    return layer.put(
        module, "concat", inputs, parameters, dtype=target.dtype, lanes=pe, size=target.size
    )


@RTL.register(Split)
def split(layer: Layer, op: Split, stream: Stream) -> tuple[Stream, ...]:
    """Beats dealt out to one output after the other, or every pixel cut at once."""
    pe, source = layer.lanes.pe, layer.source
    stream = layer.convert(stream, pe)
    pixels = source.size // source.channels
    sizes = [pixels * size for size in op.sizes]
    count = len(sizes)
    if pe >= source.channels:
        several = pe // source.channels
        widths = [size * stream.dtype.bits for size in op.sizes]
        return layer.put_many(
            "hwc_unzip",
            "split",
            stream,
            {
                "PIXELS": several,
                "PIXEL": stream.width // several,
                "COUNT": count,
                "OFFSETS": Literal.fields(_starts(widths), 32),
                "WIDTHS": Literal.fields(widths, 32),
            },
            lanes=[size * several for size in op.sizes],
            sizes=sizes,
        )
    return layer.put_many(
        "hwc_split",
        "split",
        stream,
        {"WIDTH": stream.width, "COUNT": count, **_turns(op.sizes, pe)},
        lanes=[pe] * count,
        sizes=sizes,
    )


def _input_lanes(layer: Layer, position: int) -> int:
    item = layer.engine
    assert isinstance(item, JoinEngine)
    return item.lanes_of(layer.lanes, position)


def _inputs(streams: Sequence[Stream]) -> dict[str, int | str | Literal]:
    """Where the elements of every input lie in the common bus, and how they are read."""
    return {
        "COUNT": len(streams),
        "S_WIDTH": sum(stream.width for stream in streams),
        "OFFSETS": Literal.fields(_starts([stream.width for stream in streams]), 32),
        "WIDTHS": Literal.fields([stream.dtype.bits for stream in streams], 16),
        "KINDS": Literal.fields([value_code(stream.dtype) for stream in streams], 4),
    }


def _kinds(streams: Sequence[Stream], target: IntType) -> Literal:
    """How the elements of every input are read, to become elements of ``target``."""
    constant = IntType(-1, -1)  # one bit, as in the bipolar type, but the other one
    return Literal.fields(
        [3 if target.is_bipolar and s.dtype == constant else value_code(s.dtype) for s in streams],
        4,
    )


def _turns(channels: Sequence[int], lanes: int) -> dict[str, int | str | Literal]:
    beats = [count // lanes for count in channels]
    return {"BEATS": Literal.fields(beats, 32), "LONGEST": max(beats)}


def _starts(widths: Sequence[int]) -> list[int]:
    return [0, *accumulate(widths)][:-1]
