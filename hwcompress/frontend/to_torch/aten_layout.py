"""ATen operators that move, select, join and reduce."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import torch
from torch import nn

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.to_torch.aten import (
    OPERATORS,
    Arguments,
    Operator,
    Results,
    aten,
    first_tensor,
)
from hwcompress.frontend.to_torch.emitter import Computed, Emitter

__all__: list[str] = []


def _reshaped(emit: Emitter, x: Computed, sizes: list[int]) -> Results:
    """``x`` in another shape for a batch of any size: the first axis stays the batch."""
    if -1 in sizes:
        known = math.prod(size for size in sizes if size != -1)
        sizes = [math.prod(x.shape) // known if size == -1 else size for size in sizes]
    if not sizes or sizes[0] != x.shape[0]:
        raise UnsupportedError(f"a reshape of {x.shape} to {tuple(sizes)} mixes the samples")
    if tuple(sizes) == x.shape:
        return x
    if len(sizes) == 2 and len(x.shape) > 2:
        return emit.call(torch.flatten, x, 1)
    return emit.call(torch.reshape, x, (-1, *sizes[1:]))


@aten("aten.view", "aten.reshape", "aten._unsafe_view")
def _view(a: Arguments, emit: Emitter, name: str) -> Results:
    return _reshaped(emit, first_tensor(a), list(a["size"] if "size" in a else a["shape"]))


@aten("aten.flatten")
def _flatten(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    rank = len(x.shape)
    start, end = a.get("start_dim", 0) % rank, a.get("end_dim", -1) % rank
    middle = math.prod(x.shape[start : end + 1])
    return _reshaped(emit, x, [*x.shape[:start], middle, *x.shape[end + 1 :]])


@aten("aten.unflatten")
def _unflatten(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    axis = a["dim"] % len(x.shape)
    sizes = list(a["sizes"])
    if -1 in sizes:
        rest = math.prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = x.shape[axis] // rest
    return _reshaped(emit, x, [*x.shape[:axis], *sizes, *x.shape[axis + 1 :]])


@aten("aten.squeeze")
def _squeeze(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    given = a.get("dim")
    rank = len(x.shape)
    if given is None:
        axes = set(range(rank))
    else:
        axes = {item % rank for item in (given if isinstance(given, list) else [given])}
    kept = [size for axis, size in enumerate(x.shape) if axis not in axes or size != 1]
    if 0 in axes and x.shape[0] == 1:
        raise UnsupportedError("the batch is squeezed", remedy="name the axes to be squeezed")
    return _reshaped(emit, x, kept)


@aten("aten.unsqueeze")
def _unsqueeze(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    axis = a["dim"] % (len(x.shape) + 1)
    return _reshaped(emit, x, [*x.shape[:axis], 1, *x.shape[axis:]])


@aten("aten.permute", "aten.transpose")
def _permute(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    axes = list(range(len(x.shape)))
    if "dims" in a:
        axes = [item % len(axes) for item in a["dims"]]
    else:
        one, two = a["dim0"], a["dim1"]
        axes[one], axes[two] = axes[two], axes[one]
    if axes[0] != 0:
        raise UnsupportedError("the batch axis is transposed")
    return emit.call(torch.permute, x, tuple(axes))


@aten("aten.cat")
def _cat(a: Arguments, emit: Emitter, name: str) -> Results:
    tensors = a["tensors"]
    if not all(isinstance(item, Computed) for item in tensors):
        raise UnsupportedError("a concatenation with stored tensors")
    axis = a.get("dim", 0) % len(tensors[0].shape)
    if axis == 0:
        raise UnsupportedError("a concatenation along the batch")
    return emit.call(torch.cat, tensors, dim=axis)


@aten("aten.split", "aten.split_with_sizes", "aten.chunk")
def _split(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    axis = a.get("dim", 0) % len(x.shape)
    if axis == 0:
        raise UnsupportedError("a split of the batch")
    sizes = a.get("split_sizes", a.get("split_size"))
    if sizes is None:
        sizes = -(-x.shape[axis] // a["chunks"])
    if isinstance(sizes, int):
        full, rest = divmod(x.shape[axis], sizes)
        sizes = [sizes] * full + ([rest] if rest else [])
    return list(emit.parts(torch.split, x, list(sizes), axis))


@aten("aten.slice")
def _slice(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    axis = a.get("dim", 0) % len(x.shape)
    start, stop, step = slice(a.get("start"), a.get("end"), a.get("step", 1)).indices(x.shape[axis])
    if (start, stop, step) == (0, x.shape[axis], 1):
        return x
    if axis == 0:
        raise UnsupportedError("a slice of the batch")
    cut = [slice(None)] * len(x.shape)
    cut[axis] = slice(start, stop, step)
    return emit.call(operator.getitem, x, tuple(cut))


@aten("aten.select")
def _select(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    axis = a["dim"] % len(x.shape)
    if axis == 0:
        raise UnsupportedError("one sample of the batch is selected")
    return emit.call(torch.select, x, axis, a["index"])


@aten("aten.index_select")
def _index_select(a: Arguments, emit: Emitter, name: str) -> Results:
    index = a["index"]
    if not isinstance(index, np.ndarray):
        raise UnsupportedError("indices that are computed")
    return emit.call(torch.index_select, first_tensor(a), a["dim"], index)


@aten("aten.pad", "aten.constant_pad_nd")
def _pad(a: Arguments, emit: Emitter, name: str) -> Results:
    if a.get("mode", "constant") != "constant":
        raise UnsupportedError(f"padding by mode {a['mode']!r}", remedy="pad with a constant")
    return emit.call(
        nn.functional.pad, first_tensor(a), list(a["pad"]), value=float(a.get("value") or 0)
    )


def _reduction(function: Any) -> Operator:
    def emitted(a: Arguments, emit: Emitter, name: str) -> Results:
        x = first_tensor(a)
        given = a.get("dim")
        listed = given if isinstance(given, list) else [] if given is None else [given]
        axes = tuple(item % len(x.shape) for item in listed) or tuple(range(len(x.shape)))
        if 0 in axes:
            raise UnsupportedError("a reduction over the batch")
        return emit.call(function, x, axes, keepdim=bool(a.get("keepdim", False)))

    return emitted


for _name, _function in {"mean": torch.mean, "sum": torch.sum, "amax": torch.amax}.items():
    OPERATORS[f"aten.{_name}"] = _reduction(_function)


@aten("aten.argmax")
def _argmax(a: Arguments, emit: Emitter, name: str) -> Results:
    keep = bool(a.get("keepdim", False))
    return emit.call(torch.argmax, first_tensor(a), a.get("dim"), keepdim=keep)


@aten("aten.matmul")
def _matmul(a: Arguments, emit: Emitter, name: str) -> Results:
    x, weight = first_tensor(a), a["other"]
    if isinstance(weight, np.ndarray) and weight.ndim == 2:
        stored = np.ascontiguousarray(weight.T)
        return OPERATORS["aten.linear"]({"input": x, "weight": stored, "bias": None}, emit, name)
    return emit.call(torch.matmul, x, weight)
