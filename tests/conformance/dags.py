"""Random networks with branches: residuals, gates, several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwcompress.ir import (
    Add,
    ArgMax,
    Concat,
    Conv,
    ConvTranspose,
    Graph,
    Input,
    MaxPool,
    Mul,
    Op,
    Output,
    Reshape,
    SumPool,
    TensorType,
    TopK,
    Transpose,
    Upsample,
)
from tests.conformance.chain_makers import (
    draw_conv,
    draw_dense,
    draw_max_pool,
    draw_rescale,
    draw_sum_pool,
    draw_threshold,
)
from tests.conformance.constants import draw_joined
from tests.conformance.draw import Rng, draw_bias, draw_values, draw_weights, identity, varied_type
from tests.conformance.graph_makers import draw_add, draw_shuffle, draw_split, draw_table

__all__ = ["random_dag"]

_WIDE = 16  # bits from which a tensor is brought back to few bits before it is used again


def random_dag(
    seed: int,
    *,
    image: bool | None = None,
    max_blocks: int = 3,
    max_size: int = 8,
    max_channels: int = 6,
    several: bool | None = None,
    varied: bool = False,
) -> Graph:
    """A small network with branches.

    One to ``max_blocks`` blocks, each one of: a layer, a residual with an
    identity or a projected shortcut, branches of different depth that are
    concatenated, a Split with a Shuffle, a squeeze-and-excite gate, a product
    of two branches, an up-sampled path with a skip (Upsample or
    ConvTranspose), a tensor added to itself, a second input that joins. Behind some
    of them a constant joins.

    Args:
        seed: anything from 0 up.
        image: whether it works on images (some of one row) or on vectors; by default random.
        max_blocks: most blocks.
        max_size: largest height and width of the image.
        max_channels: largest number of channels or neurons of a layer's own choice.
        several: whether there are several outputs and may be several inputs; by default random.
        varied: whether there are also transposed images, and convolutions and pools of any
            kernel, stride, padding, dilation and groups.
    """
    rng = np.random.default_rng([seed, 4])
    if image is None:
        image = bool(rng.random() < 0.75)
    if several is None:
        several = bool(rng.random() < 0.4)
    net = _Dag(rng, max_size, max_channels, image)
    tail = net.input()
    blocks = [_layer, _residual, _branches, _split_unit, _gate, _product, _double]
    if image:
        blocks += [_residual, _squeeze, _squeeze, _up_path, _up_path]
    if several:
        blocks += [_second_input, _second_input]
    if varied and image:
        blocks += [_turn, _any_window, _any_window, _up_path, _split_unit]
    extra = np.random.default_rng([seed, 5])  # a network without constants is what it was
    for _ in range(int(rng.integers(1, max_blocks + 1))):
        tail = net.narrow(blocks[int(rng.integers(0, len(blocks)))](net, tail))
        if extra.random() < 0.2:
            tail = net.narrow(_constant(net, tail, extra))
        if several and rng.random() < 0.3:
            net.mark(tail)
    _head(net, tail)
    if several and (rng.random() < 0.6 or len(net.marked) < 2):
        _head(net, tail)
    return net.finish(f"dag_{seed}")


class _Dag:
    """A graph that grows; a tensor's type and a few samples grow with it."""

    def __init__(self, rng: Rng, max_size: int, max_channels: int, image: bool) -> None:
        self.rng = rng
        self.max_size = max_size
        self.max_channels = max_channels
        self.image = image
        self.types: dict[str, TensorType] = {}
        self.samples: dict[str, np.ndarray] = {}
        self.ops: list[Op] = []
        self.marked: list[str] = []

    def input(self, shape: tuple[int, ...] | None = None) -> str:
        rng = self.rng
        if shape is None:
            channels = int(rng.integers(1, self.max_channels + 1))
            height, width = (int(size) for size in rng.integers(2, self.max_size + 1, 2))
            if rng.random() < 0.2:
                height = 1
            shape = (height, width, channels) if self.image else (channels + 2,)
        number = sum(isinstance(op, Input) for op in self.ops)
        name = f"x{number}" if number else "x"
        kind = TensorType(shape, varied_type(rng, 6))
        self.types[name] = kind
        self.samples[name] = draw_values(rng, kind.dtype, (32, *shape))
        self.ops.append(
            Input(f"in_{name}", (), (name,), shape, identity(kind), shape, kind.dtype, 1.0)
        )
        return name

    def add(self, op: Op, *sources: str) -> tuple[str, ...]:
        """Enter an operation under a name of its own; its outputs."""
        name = f"{op.kind.lower()}{len(self.ops)}"
        types = op.infer([self.types[source] for source in sources])
        names = (name,) if len(types) == 1 else tuple(f"{name}_{i}" for i in range(len(types)))
        op = replace(op, name=name, inputs=sources, outputs=names)
        results = op.evaluate([self.samples[source] for source in sources])
        for output, kind, values in zip(names, types, results, strict=True):
            self.types[output] = kind
            self.samples[output] = np.broadcast_to(values, (32, *kind.shape))
        self.ops.append(op)
        return names

    def activate(self, source: str) -> str:
        """Threshold, Rescale or Table about the range that the samples take."""
        rng, kind = self.rng, self.types[source]
        flat = self.samples[source].reshape(-1, kind.channels)
        lo, hi = flat.min(axis=0), flat.max(axis=0)
        otype = varied_type(rng, 4)
        op: Op
        if kind.dtype.count <= 1024 and rng.random() < 0.3:
            op = draw_table(rng, kind, otype, int(lo.min()), int(hi.max()))
        elif otype.is_bipolar or rng.random() < 0.6:
            op = draw_threshold(rng, kind, otype, lo, hi)
        else:
            op = draw_rescale(rng, kind, otype, lo, hi)
        return self.add(op, source)[0]

    def narrow(self, source: str) -> str:
        """The tensor, or its activation if it has grown wide."""
        return self.activate(source) if self.types[source].dtype.bits > _WIDE else source

    def layer(self, source: str, channels: int | None = None, activation: bool = True) -> str:
        """Conv that keeps the image's size, or Dense; mostly with an activation."""
        rng, kind = self.rng, self.types[source]
        if channels is None:
            channels = int(rng.integers(1, self.max_channels + 1))
        if self.image:
            size = [1 if n == 1 else int(rng.integers(1, 4)) for n in kind.shape[:2]]
            made = self.add(_same_conv(rng, kind, channels, (size[0], size[1])), source)[0]
        else:
            op = draw_dense(rng, kind, 1)
            weight, wtype = draw_weights(rng, (channels, kind.channels))
            bias = draw_bias(rng, weight, kind.dtype)
            made = self.add(replace(op, weight=weight, wtype=wtype, bias=bias), source)[0]
        return self.activate(made) if activation else made

    def mark(self, source: str) -> None:
        """Make a tensor a result, once."""
        if source not in self.marked:
            self.marked.append(source)
            self.ops.append(Output(f"out{len(self.ops)}", (source,), ()))

    def finish(self, name: str) -> Graph:
        return Graph.build(name, self.ops)


def _same_conv(rng: Rng, source: TensorType, filters: int, kernel: tuple[int, int]) -> Conv:
    """Stride 1 and as much padding as keeps the size."""
    groups = source.channels if filters == source.channels and rng.random() < 0.3 else 1
    weight, wtype = draw_weights(rng, (filters, *kernel, source.channels // groups))
    more = [k - 1 for k in kernel]
    top, left = (int(rng.integers(0, n + 1)) for n in more)
    padding = (top, left, more[0] - top, more[1] - left)
    bias = draw_bias(rng, weight, source.dtype)
    pad_value = 0 if rng.random() < 0.7 else source.dtype.lo
    return Conv("op", (), (), weight, wtype, bias, (1, 1), padding, (1, 1), groups, pad_value)


def _layer(net: _Dag, source: str) -> str:
    return net.layer(source)


def _depth(net: _Dag, source: str, depth: int, channels: int) -> str:
    """That many layers, the last with the given channels; none if the depth is 0."""
    for place in range(depth):
        last = place == depth - 1
        bare = last and net.rng.random() < 0.3
        source = net.layer(source, channels if last else None, activation=not bare)
    return source


def _residual(net: _Dag, source: str) -> str:
    """Identity shortcut, or a projected one; in images the projection may have stride 2."""
    rng, kind = net.rng, net.types[source]
    depth = int(rng.integers(1, 3))
    if rng.random() < 0.5:
        branch, shortcut = _depth(net, source, depth, kind.channels), source
    else:
        channels = int(rng.integers(1, net.max_channels + 1))
        branch = _depth(net, source, depth, channels)
        if net.image and min(kind.shape[:2]) > 1 and rng.random() < 0.5:
            ends = []
            for each in (branch, source):
                op = _same_conv(rng, net.types[each], channels, (1, 1))
                ends.append(net.add(replace(op, stride=(2, 2)), each)[0])
            branch, shortcut = net.activate(ends[0]), ends[1]
        else:
            shortcut = net.layer(source, channels, activation=False)
        if rng.random() < 0.5:
            shortcut = net.activate(shortcut)
    order = (branch, shortcut) if rng.random() < 0.5 else (shortcut, branch)
    total = net.add(draw_add(rng, [net.types[each] for each in order]), *order)[0]
    return net.activate(total) if rng.random() < 0.8 else total


def _branches(net: _Dag, source: str) -> str:
    """Two or three branches of different depth, side by side."""
    rng = net.rng
    depths = rng.permutation(4)[: int(rng.integers(2, 4))]
    ends = [_depth(net, source, int(d), int(rng.integers(1, 4))) for d in depths]
    return net.add(Concat("op", (), ()), *map(net.narrow, ends))[0]


def _split_unit(net: _Dag, source: str) -> str:
    """As in ShuffleNet: some channels pass by, the others are worked on, and all are mixed."""
    rng = net.rng
    if net.types[source].channels < 2:
        source = net.layer(source, int(rng.integers(2, 7)))
    parts = list(net.add(draw_split(rng, net.types[source], 3), source))
    worked = int(rng.integers(0, len(parts)))
    parts[worked] = net.layer(parts[worked])
    joined = net.add(Concat("op", (), ()), *parts)[0]
    return net.add(draw_shuffle(rng, net.types[joined]), joined)[0]


def _squeeze(net: _Dag, source: str) -> str:
    """A gate per channel from the sums over the whole image: (C,) or (1, 1, C)."""
    rng, kind = net.rng, net.types[source]
    pool = SumPool("op", (), (), (kind.shape[0], kind.shape[1]), (1, 1))
    gate = net.activate(net.add(pool, source)[0])
    if rng.random() < 0.6:
        gate = net.add(Reshape("op", (), (), (kind.channels,)), gate)[0]
        gate = net.activate(net.add(_dense_to(net, gate, kind.channels), gate)[0])
    elif rng.random() < 0.6:
        op = _same_conv(rng, net.types[gate], kind.channels, (1, 1))
        gate = net.activate(net.add(op, gate)[0])
    product = net.add(Mul("op", (), ()), source, gate)[0]
    return net.activate(product) if rng.random() < 0.7 else product


def _dense_to(net: _Dag, source: str, rows: int) -> Op:
    kind = net.types[source]
    weight, wtype = draw_weights(net.rng, (rows, kind.channels))
    bias = draw_bias(net.rng, weight, kind.dtype)
    return replace(draw_dense(net.rng, kind, 1), weight=weight, wtype=wtype, bias=bias)


def _gate(net: _Dag, source: str) -> str:
    """``x * f(x)`` with a table, as in SiLU."""
    kind = net.types[source]
    if kind.dtype.count > 1024:
        source = net.activate(source)
        kind = net.types[source]
    op = draw_table(net.rng, kind, varied_type(net.rng, 4), kind.dtype.lo, kind.dtype.hi)
    return net.add(Mul("op", (), ()), source, net.add(op, source)[0])[0]


def _product(net: _Dag, source: str) -> str:
    """Two branches multiplied element by element."""
    channels = int(net.rng.integers(1, net.max_channels + 1))
    ends = [_depth(net, source, depth, channels) for depth in (1, 2)]
    return net.activate(net.add(Mul("op", (), ()), *ends)[0])


def _double(net: _Dag, source: str) -> str:
    """``x + x``, with multipliers."""
    twice = [net.types[source]] * 2
    return net.activate(net.add(draw_add(net.rng, twice), source, source)[0])


def _turn(net: _Dag, source: str) -> str:
    """The image with its axes in another order, channels included, and a layer."""
    shape = net.types[source].shape
    axes = (1, 0, 2) if net.rng.random() < 0.5 else tuple(int(a) for a in net.rng.permutation(3))
    if shape[axes[2]] > 2 * net.max_channels:  # would be many channels
        axes = (1, 0, 2)
    return net.layer(net.add(Transpose("op", (), (), shape, axes), source)[0])


def _any_window(net: _Dag, source: str) -> str:
    """A convolution or a pool of any geometry."""
    rng, kind = net.rng, net.types[source]
    choice = rng.integers(0, 4)
    if choice == 0:
        return net.add(draw_max_pool(rng, kind), source)[0]
    op = draw_sum_pool(rng, kind) if choice == 1 else draw_conv(rng, kind, net.max_channels)
    return net.activate(net.add(op, source)[0])


def _second_input(net: _Dag, source: str) -> str:
    """Another input, added or put beside."""
    other = net.input(net.types[source].shape)
    if net.rng.random() < 0.5:
        return net.add(Concat("op", (), ()), source, other)[0]
    op: Add = draw_add(net.rng, [net.types[source], net.types[other]])
    return net.activate(net.add(op, source, other)[0])


def _constant(net: _Dag, source: str, rng: Rng) -> str:
    """The tensor and a constant: side by side, added or multiplied."""
    constant, op = draw_joined(rng, net.types[source])
    names = {"x": source, "k": net.add(constant)[0]}
    return net.add(op, *(names[name] for name in op.inputs))[0]


def _up_path(net: _Dag, source: str) -> str:
    """Down by pooling, a layer, up again, beside the skip; sizes that are odd are only up."""
    rng, kind = net.rng, net.types[source]
    factor = tuple(2 if size % 2 == 0 else 1 for size in kind.shape[:2])
    down = (factor[0], factor[1])
    low = net.layer(net.add(MaxPool("op", (), (), down, down), source)[0])
    if rng.random() < 0.5:
        up = net.add(Upsample("op", (), (), down), low)[0]
    else:
        depth = net.types[low].channels
        filters = int(rng.integers(1, 4))
        more = tuple(int(rng.integers(0, 3)) for _ in down)
        weight, wtype = draw_weights(rng, (filters, down[0] + more[0], down[1] + more[1], depth))
        cut = (more[0] // 2, more[1] // 2, more[0] - more[0] // 2, more[1] - more[1] // 2)
        bias = draw_bias(rng, weight, net.types[low].dtype)
        op = ConvTranspose("op", (), (), weight, wtype, bias, down, cut)
        up = net.activate(net.add(op, low)[0])
    return net.add(Concat("op", (), ()), up, source)[0]


_ENDS: tuple[Callable[[int], Op] | None, ...] = (
    None,
    lambda size: ArgMax("op", (), ()),
    lambda size: TopK("op", (), (), min(size, 3)),
)


def _head(net: _Dag, source: str) -> None:
    """The tensor itself, or a Dense with or without a decision."""
    rng, kind = net.rng, net.types[source]
    if rng.random() < 0.25 and source not in net.marked:
        net.mark(source)
        return
    if len(kind.shape) > 1:
        if rng.random() < 0.5:
            size = (kind.shape[0], kind.shape[1])
            source = net.add(SumPool("op", (), (), size, (1, 1)), source)[0]
        source = net.add(Reshape("op", (), (), (net.types[source].size,)), source)[0]
    source = net.narrow(source)
    rows = int(rng.integers(1, net.max_channels + 1))
    source = net.add(_dense_to(net, source, rows), source)[0]
    end = _ENDS[int(rng.integers(0, len(_ENDS)))]
    net.mark(source if end is None else net.add(end(rows), source)[0])
