"""Product-quantized layers of a graph as look-up tables, by operations that there are.

A layer whose rows are put together from few codewords (:mod:`hwcompress.compress.sharing.product`)
becomes two: a grouped convolution multiplies each part of the input with the codewords of that
part, which gives its table; a convolution or dense layer with weights 0 and 1 adds up one entry of
each table for every output. Codewords and assignments are read off the integer weights,
so that both forms give the same integers whatever made the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Conv, Dense, Graph, Op, Rescale, Reshape, Shuffle, Table, int_range

__all__ = ["Lookup", "find_lookup", "with_lookups"]


@dataclass(frozen=True, eq=False)
class Lookup:
    """A layer's weights as codewords.

    Attributes:
        layer: its name.
        order: its columns in the order in which they are cut into parts, ``(columns,)``; of a
            convolution by input channel, then kernel position.
        codewords: ``(parts, k, length)`` int64; parts with fewer are filled with zeros.
        index: of the codeword of each row in each part, ``(rows, parts)``; -1 where all its
            weights are zero.
        positions: output positions of a sample.
    """

    layer: str
    order: np.ndarray
    codewords: np.ndarray
    index: np.ndarray
    positions: int

    @property
    def products(self) -> int:
        """Multiplications by weights that are not zero, for a sample's tables."""
        return int(np.count_nonzero(self.codewords)) * self.positions

    @property
    def lookups(self) -> int:
        """Table entries that are added up for a sample."""
        return int(np.count_nonzero(self.index >= 0)) * self.positions

    @property
    def dense(self) -> int:
        """Multiplications by weights without tables."""
        return self.index.size * self.codewords.shape[2] * self.positions


def find_lookup(graph: Graph, layer: str, length: int) -> Lookup:
    """The codewords of a layer.

    Args:
        graph: holds the layer.
        layer: name of a Dense, or of a Conv of one group.
        length: columns of a part; of a Conv a multiple of its kernel.

    Raises:
        InputError: there is no such layer, the length does not fit, or there are as many
            codewords as rows: nothing is shared.
    """
    op = _layer(graph, layer)
    kernel = op.kernel[0] * op.kernel[1] if isinstance(op, Conv) else 1
    columns = op.weight[0].size
    if length < 1 or columns % length or length % kernel:
        raise InputError(
            f"parts of {length} columns of layer {layer!r}, which has {columns}",
            remedy="give a divisor of the columns, of a convolution a multiple of its kernel",
        )
    rows = op.weight.shape[0]
    if isinstance(op, Conv):  # (M, KH, KW, C): channels first
        orders = [np.arange(columns).reshape(-1, op.weight.shape[3]).T.reshape(-1)]
    else:
        orders = _dense_orders(graph, op)
    best: tuple[int, np.ndarray, list[tuple[np.ndarray, np.ndarray]]] | None = None
    for order in orders:
        parts = op.weight.reshape(rows, -1)[:, order].reshape(rows, -1, length)
        found = [_different(parts[:, part]) for part in range(parts.shape[1])]
        count = sum(words.shape[0] for words, _ in found)
        if best is None or count < best[0]:
            best = (count, order, found)
    assert best is not None
    count, order, found = best
    most = max(1, *(words.shape[0] for words, _ in found))
    if most >= rows:
        raise InputError(
            f"layer {layer!r} has {most} different parts of {length} columns among {rows} rows",
            why="a table would be as large as the layer",
            remedy="give the length that its product quantization had",
        )
    codewords = np.zeros((len(found), most, length), np.int64)
    for part, (words, _) in enumerate(found):
        codewords[part, : words.shape[0]] = words
    index = np.stack([places for _, places in found], axis=1)
    shape = graph.tensors[op.outputs[0]].shape
    return Lookup(layer, order, codewords, index, int(np.prod(shape[:-1], dtype=np.int64)))


def with_lookups(graph: Graph, lengths: Mapping[str, int]) -> Graph:
    """The graph with layers as tables; all integers that both graphs have are equal.

    Args:
        graph: any.
        lengths: columns of a part, by the layers' names.

    Raises:
        InputError: as of :func:`find_lookup`.
    """
    lookups = {name: find_lookup(graph, name, length) for name, length in lengths.items()}
    ops: list[Op] = []
    notes = list(graph.notes)
    names = _Names(graph)
    for op in graph.ops:
        lookup = lookups.get(op.name)
        if lookup is None:
            ops.append(op)
            continue
        assert isinstance(op, Conv | Dense)
        ops += _tables(graph, op, lookup, names)
        notes.append(
            f"{op.name} by look-up tables: {lookup.products} products and {lookup.lookups} sums"
            f" instead of {lookup.dense} products"
        )
    affine = {name: tensor.affine for name, tensor in graph.tensors.items()}
    return Graph.build(graph.name, ops, affine, notes)


class _Names:
    """Names that a graph does not have yet."""

    def __init__(self, graph: Graph) -> None:
        self._taken = set(graph.tensors) | {op.name for op in graph.ops}

    def fresh(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _layer(graph: Graph, name: str) -> Conv | Dense:
    for op in graph.ops:
        if op.name == name and (isinstance(op, Dense) or (isinstance(op, Conv) and op.groups == 1)):
            return op
    known = [op.name for op in graph.ops if isinstance(op, Conv | Dense)]
    raise InputError(
        f"{name!r} is no Dense and no Conv of one group",
        where=graph.name,
        remedy=f"layers of the graph are {', '.join(known) or 'none of that kind'}",
    )


def _dense_orders(graph: Graph, op: Dense) -> list[np.ndarray]:
    """Columns as they are, and channels first where an image was flattened: as PyTorch has them."""
    plain = np.arange(op.weight.shape[1])
    before = graph.producer(op.inputs[0])
    if isinstance(before, Reshape):
        shape = graph.tensors[before.inputs[0]].shape
        if len(shape) > 1:
            return [plain, np.moveaxis(plain.reshape(shape), -1, 0).reshape(-1)]
    return [plain]


def _different(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different rows that are not all zero, and which each row is; -1 for zeros."""
    words, places = np.unique(rows, axis=0, return_inverse=True)
    used = words.any(axis=1)
    numbers = np.where(used, np.cumsum(used) - 1, -1)
    return words[used], numbers[places.reshape(-1)]


def _tables(graph: Graph, op: Conv | Dense, lookup: Lookup, names: _Names) -> list[Op]:
    parts, most, length = lookup.codewords.shape
    rows = op.weight.shape[0]
    words = lookup.codewords.reshape(parts * most, length)
    chosen = np.zeros((rows, parts, most), np.int64)
    row, part = np.nonzero(lookup.index >= 0)
    chosen[row, part, lookup.index[row, part]] = 1
    sums = chosen.reshape(rows, parts * most)
    tables = names.fresh(f"{op.name}_tables")
    made: list[Op] = []
    # The sum's interval may be wider than the layer's, which a Table behind it would not take.
    narrow = any(isinstance(reader, Table) for reader in graph.consumers(op.outputs[0]))
    result = names.fresh(f"{op.name}_sum") if narrow else op.outputs[0]
    if isinstance(op, Conv):
        weight = words.reshape(parts * most, -1, *op.kernel).transpose(0, 2, 3, 1)
        weight = np.ascontiguousarray(weight)
        table = replace(
            op,
            name=tables,
            outputs=(tables,),
            weight=weight,
            wtype=int_range(weight),
            bias=None,
            groups=parts,
        )
        ones = sums.reshape(rows, 1, 1, -1)
        total: Op = Conv(op.name, (tables,), (result,), ones, int_range(ones), op.bias)
        made += [table, total]
    else:
        source = op.inputs[0]
        columns = op.weight.shape[1]
        if not np.array_equal(lookup.order, np.arange(columns)):
            moved = names.fresh(f"{op.name}_order")
            made.append(Shuffle(moved, (source,), (moved,), lookup.order))
            source = moved
        image, flat = names.fresh(f"{op.name}_parts"), names.fresh(f"{op.name}_flat")
        weight = words.reshape(parts * most, 1, 1, length)
        made += [
            Reshape(image, (source,), (image,), (1, 1, columns)),
            Conv(tables, (image,), (tables,), weight, int_range(weight), groups=parts),
            Reshape(flat, (tables,), (flat,), (parts * most,)),
            Dense(op.name, (flat,), (result,), sums, int_range(sums), op.bias),
        ]
    if narrow:
        one, none = np.ones(1, np.int64), np.zeros(1, np.int64)
        dtype = graph.tensors[op.outputs[0]].dtype
        cast = names.fresh(f"{op.name}_narrow")
        made.append(Rescale(cast, (result,), op.outputs, one, none, none, "floor", dtype))
    return made
