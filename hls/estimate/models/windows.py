"""The windows in front of engines."""

from __future__ import annotations

from hwcompress.hls.estimate.memory import ram
from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import Contents, Shape, model, tree_luts

__all__: list[str] = []

_FEW_BANKS = 6  # fewer have a coefficient of their own
_KERNEL_BITS = 16


def _zeros(*values: int) -> int:
    """Low bits that are zero in all of some numbers."""
    word = 0
    for value in values:
        word |= abs(value)
    return (word & -word).bit_length() - 1 if word else 64


def _moved(width: int, *values: int, stay: int = 1) -> int:
    """Registers of a position that moves by these steps: of its constant bits one stays."""
    return width - max(min(_zeros(*values), width) - stay, 0)


@model("hwc_window")
def _window(part: Part, shape: Shape, contents: Contents) -> None:
    height, width, words, rows = part["HEIGHT"], part["WIDTH"], part["WORDS"], part["ROWS"]
    top, left = part["PAD_TOP"], part["PAD_LEFT"]
    out_height, out_width = part["OUT_HEIGHT"], part["OUT_WIDTH"]
    stride_h, stride_w = part["STRIDE_H"], part["STRIDE_W"]
    row, inner = width * words, words // part["GROUPS"]
    depth = rows * row
    reach_h = part["DILATION_H"] * (part["KERNEL_H"] - 1) + 1
    reach_w = part["DILATION_W"] * (part["KERNEL_W"] - 1) + 1
    span_h = (out_height - 1) * stride_h + reach_h
    span_w = (out_width - 1) * stride_w + reach_w
    padded = top > 0 or left > 0 or span_h - top > height or span_w - left > width
    address = bits_for(depth)
    position = bits_for((2 * height + rows + top + stride_h) * row + 2) + 1
    bits_in, bits_out = part["LANES"] * part["IN_BITS"], part["LANES"] * part["OUT_BITS"]

    shape.loops(
        inner, part["KERNEL_W"], part["KERNEL_H"], part["FOLDS"], part["GROUPS"], out_width,
        out_height,
    )  # fmt: skip
    row_start = min(max(reach_h - 1 - top, 0), height - 1) * row
    col_start = (min(max(reach_w - 1 - left, 0), width - 1) + 1) * words
    stay = int(part["KERNEL_H"] > 1)
    row_bits = _moved(position, row_start, (height - 1) * row, stride_h * row, stay=stay)
    col_bits = _moved(position, col_start, width * words, stride_w * words)
    top_bits = _moved(position, top * row, stride_h * row, height * row, stay=stay)
    shape.ff += 3 + position + row_bits + col_bits + top_bits + 2 * address
    ram(shape, bits_in, depth)
    shape.luts(one=1, position=position, row_bits=row_bits, col_bits=col_bits, top_bits=top_bits,
               address=address)  # fmt: skip
    if padded:
        vertical = bits_for(height + span_h + top + stride_h + part["DILATION_H"] + 2) + 1
        horizontal = bits_for(width + span_w + left + stride_w + part["DILATION_W"] + 2) + 1
        shape.ff += 2 * vertical + 2 * horizontal + 1
        shape.luts(padded=1, places=vertical + horizontal, pad_bits=bits_out)
    shape.part(
        "hwc_cast",
        {
            "LANES": part["LANES"], "IN_BITS": part["IN_BITS"], "KIND": part["KIND"],
            "OUT_BITS": part["OUT_BITS"],
        },
    )  # fmt: skip
    shape.part("hwc_skid", {"WIDTH": bits_out})


@model("hwc_window_parallel")
def _parallel(part: Part, shape: Shape, contents: Contents) -> None:
    height, width, words = part["HEIGHT"], part["WIDTH"], part["WORDS"]
    top, left, pixels, taken = part["PAD_TOP"], part["PAD_LEFT"], part["PIXELS"], part["PIXELS_IN"]
    stride_h, stride_w = part["STRIDE_H"], part["STRIDE_W"]
    kernel_h, kernel_w = part["KERNEL_H"], part["KERNEL_W"]
    dilation_h, dilation_w = part["DILATION_H"], part["DILATION_W"]
    out_height, depth = part["OUT_HEIGHT"], part["DEPTH"]
    banks = dilation_h * (kernel_h - 1) + 1
    reach_w = dilation_w * (kernel_w - 1) + 1
    row = width // taken * words
    step = pixels * stride_w // taken
    columns = part["OUT_WIDTH"] // pixels
    delay = ((pixels - 1) * stride_w + reach_w - 1 - left) // taken
    oldest = taken - 1 + left + delay * taken
    line = oldest * words + 1
    pixel_bits = part["LANES"] * part["OUT_BITS"]
    group_bits, beat_bits = taken * pixel_bits, taken * part["LANES"] * part["IN_BITS"]
    address = max(bits_for(depth), 1)
    position = bits_for(2 * height * row + banks * depth + (top + stride_h) * row + 2) + 1
    column_bits, folds = bits_for(row), part["FOLDS"]

    # Where the reader is.
    row_start = min(banks - 1 - top, height - 1) * row
    row_bits = _moved(position, row_start, (height - 1) * row, stride_h * row)
    top_bits = _moved(position, top * row, stride_h * row, height * row)
    shape.ff += 2 + column_bits + bits_for(out_height) + position + row_bits + top_bits
    # Which windows are complete.
    shape.ff += 1
    for count in (words, step, columns):
        shape.counter(count)
    # The banks.
    shape.ff += (banks if banks > 1 else 0) + 2 * address - min(_zeros(row), address)
    if banks > 1:
        shape.ff += banks + 2 * address + column_bits
    else:
        shape.ff += address
    ram(shape, beat_bits, depth, banks=banks)
    shape.part(
        "hwc_cast",
        {
            "LANES": taken * part["LANES"], "IN_BITS": part["IN_BITS"], "KIND": part["KIND"],
            "OUT_BITS": part["OUT_BITS"],
        },
        banks,
    )  # fmt: skip
    # Shift registers, one a kernel row.
    shape.ff += 3
    for length in _chains(part, line, oldest):
        shape.delay(kernel_h * pixel_bits, length)
    # Marks of what lies outside, and the bank of every kernel row.
    marks = _marks(part, columns)
    shape.ff += 2 * len(marks)
    rows_outside = _rows_outside(part)
    shape.ff += len(rows_outside) if part["PAD"] else 0  # zeros need no mark of their own
    kinds = len(rows_outside) + int(len(_inside(part)) > 0)
    shape.ff += kinds * banks if banks > 1 else 0
    shape.ff += bits_for(folds)
    selected = kernel_h * group_bits
    shape.luts(
        one=1, position=position, row_bits=row_bits, top_bits=top_bits, column_bits=column_bits,
        address=address, wraps=(banks - 1) * address, banks=banks,
        folds=bits_for(folds),
        outside_bits=pixels * kernel_h * len(marks) * pixel_bits // max(1, pixels),
        marks=len(marks), outside=len(rows_outside), row_counter=bits_for(out_height),
    )  # fmt: skip
    if banks > 1:  # every kernel row comes from any of the banks
        few = min(banks, _FEW_BANKS)
        shape.luts(**{f"select_{few}": selected * tree_luts(2 * banks)})


def _chains(part: Part, line: int, oldest: int) -> list[int]:
    """Lengths of the shift register's pieces between its taps, in pixels."""
    words, taken = part["WORDS"], part["PIXELS_IN"]
    taps = {
        line - 1 - (oldest - p * part["STRIDE_W"] - t * part["DILATION_W"]) * words
        for p in range(part["PIXELS"])
        for t in range(part["KERNEL_W"])
    }
    found = []
    for start in range(taken):
        # A chain goes down from the newest place, by a whole beat.
        length = 0
        for place in range(line - 1 - start, -1, -taken):
            length += 1
            if place in taps:
                found.append(length)
                length = 0
    return found


def _inside(part: Part) -> list[int]:
    """Kernel rows that lie inside the image for every window."""
    return [k for k in range(part["KERNEL_H"]) if _range_of_row(part, k) is None]


def _range_of_row(part: Part, k: int) -> tuple[int, int] | None:
    """The window rows for which kernel row ``k`` lies inside; None for all."""
    top, stride = part["PAD_TOP"], part["STRIDE_H"]
    at = k * part["DILATION_H"]
    low = -(-(top - at) // stride) if top > at else 0
    reach = part["HEIGHT"] - 1 + top - at
    high = min(-1 if reach < 0 else reach // stride, part["OUT_HEIGHT"] - 1)
    return (low, high) if low > 0 or high < part["OUT_HEIGHT"] - 1 else None


def _rows_outside(part: Part) -> set[tuple[int, int]]:
    """Kernel rows that lie outside the image for some windows: the ranges of window rows."""
    found = {_range_of_row(part, k) for k in range(part["KERNEL_H"])}
    return {item for item in found if item is not None}


def _marks(part: Part, columns: int) -> set[tuple[int, int]]:
    """Kernel columns that lie outside for some windows: the ranges of window columns."""
    found = set()
    move = part["PIXELS"] * part["STRIDE_W"]
    for p in range(part["PIXELS"]):
        for t in range(part["KERNEL_W"]):
            offset = part["PAD_LEFT"] - p * part["STRIDE_W"] - t * part["DILATION_W"]
            low = -(-offset // move) if offset > 0 else 0
            reach = part["WIDTH"] - 1 + offset
            high = -1 if reach < 0 else min(reach // move, columns - 1)
            if low > 0 or high < columns - 1:
                found.add((low, high))
    return found


@model("hwc_window_up")
def _up(part: Part, shape: Shape, contents: Contents) -> None:
    stride_h, stride_w = part["STRIDE_H"], part["STRIDE_W"]
    row, inner = part["WIDTH"] * part["WORDS"], part["WORDS"] // part["GROUPS"]
    depth = part["ROWS"] * row
    address, position = bits_for(depth), part["POSITION_BITS"]
    column, weight = part["COLUMN_BITS"], part["ADDR_BITS"]
    bits_in, bits_out = part["LANES"] * part["IN_BITS"], part["LANES"] * part["OUT_BITS"]
    # Loops; the kernel's are counted in 16 bits, as its size depends on the phase.
    shape.counter(inner)
    for count in (part["FOLDS"], part["GROUPS"], part["OUT_WIDTH"], part["OUT_HEIGHT"]):
        shape.counter(count)
        shape.ff += int(count == 1)
    phases = bits_for(stride_h) + bits_for(stride_w)
    shape.ff += 2 * _KERNEL_BITS + phases
    # Where the window is, in the image and in the ring.
    line = _moved(position, part["LINE_START"], row, part["TAP_LINE"])
    ring = _moved(address, row, depth) if stride_h == 2 else address
    columns = part.fields("COLUMN_STEP", 32, stride_w)
    start = _moved(column, part["COLUMN_START"], *columns)
    group = _moved(column, part["COLUMN_START"], inner, *columns)
    top = _moved(position, part["TOP_START"], row)
    shape.ff += 2 * line + 2 * ring + start + group + column + top
    shape.ff += 6 + position + 2 * weight + address
    ram(shape, bits_in, depth)
    shape.luts(
        one=1, position=position, line=line, address=address, ring=ring, column=column,
        weights=weight, phases=phases, pad_bits=bits_out,
    )  # fmt: skip
    shape.part(
        "hwc_cast",
        {
            "LANES": part["LANES"], "IN_BITS": part["IN_BITS"], "KIND": part["KIND"],
            "OUT_BITS": part["OUT_BITS"],
        },
    )  # fmt: skip
    shape.part("hwc_skid", {"WIDTH": 1 + weight + bits_out})
