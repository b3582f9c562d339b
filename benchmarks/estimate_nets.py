"""Topologies of the networks that estimates are compared with synthesis on.

Every function takes the network's name (which seeds its numbers), the kind of its weights
and the bits of its activations; from eight bits on, activations are rescaled instead
of compared with thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.estimate_layers import Layers
from hwcompress.ir import Graph, IntType

__all__ = [
    "autoencoder",
    "conv1d",
    "decoder",
    "inverted",
    "lenet",
    "mlp",
    "mobilenet",
    "resnet",
    "shuffle",
    "small",
    "strided",
    "unet",
    "vgg",
]

_BYTE = IntType(0, 255)


def _image(
    name: str, size: int, depth: int, weights: str, bits: int, kind: IntType = _BYTE
) -> Layers:
    return Layers(name, (size, size, depth), kind, weights, bits)


def _act(net: Layers, bits: int, *, falls: bool = False) -> str:
    return net.rescale() if bits >= 8 else net.act(falls=falls)


def _head(net: Layers, bits: int, classes: int = 10) -> Graph:
    """Mean over the image, a dense layer, the class."""
    net.sum_pool()
    net.rescale(min(8, bits + 2))
    net.flat()
    net.dense(classes, weights="w4" if bits < 8 else "w8", bias=True)
    net.argmax()
    return net.graph()


def mlp(name: str, weights: str, bits: int, inputs: int, rows: Sequence[int]) -> Graph:
    """Dense layers of some rows each."""
    net = Layers(name, (inputs,), IntType.signed_bits(8), weights, bits)
    for count in rows[:-1]:
        net.dense(count, bias=bits >= 8)
        _act(net, bits)
    net.dense(rows[-1], bias=True)
    return net.graph()


def autoencoder(name: str, weights: str, bits: int) -> Graph:
    """Dense layers to a narrow middle and back."""
    net = Layers(name, (64,), IntType.signed_bits(8), weights, bits)
    for count in (32, 8, 32):
        net.dense(count)
        net.act()
    net.dense(64)
    net.rescale(8, signed=True)
    return net.graph()


def lenet(name: str, weights: str, bits: int) -> Graph:
    """LeNet-5 on images of 20 x 20."""
    net = _image(name, 20, 1, weights, bits)
    for channels in (6, 16):
        net.conv(channels, 5, pad=0)
        _act(net, bits)
        net.max_pool()
    net.flat()
    for count in (40, 24):
        net.dense(count)
        _act(net, bits)
    net.dense(10, bias=True)
    net.argmax()
    return net.graph()


def vgg(name: str, weights: str, bits: int) -> Graph:
    """Two convolutions and a pool, twice; the first layer's weights have more bits."""
    net = _image(name, 16, 3, weights, bits)
    first = {"binary": "w4", "ternary": "w4"}.get(weights, weights)
    for channels, kinds in ((16, (first, weights)), (32, (weights, weights))):
        for kind in kinds:
            net.conv(channels, weights=kind, pad=0 if bits == 1 else 1)
            _act(net, bits, falls=True)
        if net.type_of().shape[0] % 2 == 0:
            net.max_pool()
    net.flat()
    net.dense(10, bias=True)
    net.argmax()
    return net.graph()


def strided(name: str, weights: str, bits: int) -> Graph:
    """Convolutions with stride 2 in place of pools."""
    net = _image(name, 16, 1, weights, bits)
    for channels, stride in ((4, 1), (6, 2), (8, 2)):
        net.conv(channels, 3, stride)
        _act(net, bits)
    net.conv(10, 1)
    net.sum_pool()
    net.flat()
    net.argmax()
    return net.graph()


def small(name: str, weights: str, bits: int) -> Graph:
    """A convolution, a pool and a dense layer on images of 8 x 8."""
    net = _image(name, 8, 1, weights, bits)
    net.conv(4)
    _act(net, bits)
    net.max_pool()
    net.flat()
    net.dense(6, bias=True)
    net.argmax()
    return net.graph()


def decoder(name: str, weights: str, bits: int) -> Graph:
    """A small image from a smaller one, by transposed convolutions."""
    net = _image(name, 4, 8, weights, bits, IntType(0, 15))
    for channels in (6, 4):
        net.up(channels)
        _act(net, bits)
    net.conv(1, 3, bias=True)
    net.rescale(8)
    return net.graph()


def conv1d(name: str, weights: str, bits: int) -> Graph:
    """Convolutions along time, on 64 steps of two channels."""
    net = Layers(name, (64, 1, 2), IntType.signed_bits(8), weights, bits)
    for channels, size in ((8, 7), (12, 5), (16, 3)):
        net.conv(channels, (size, 1), (2, 1))
        _act(net, bits)
    net.flat()
    net.dense(16)
    _act(net, bits)
    net.dense(5, bias=True)
    net.argmax()
    return net.graph()


def _add(net: Layers, one: str, other: str, bits: int) -> None:
    net.add(one, other)
    _act(net, bits)


def resnet(name: str, weights: str, bits: int) -> Graph:
    """Three residual blocks, the latter two with stride 2 and a convolution beside them."""
    net = _image(name, 16, 3, weights, bits)
    net.conv(8, weights="w4")
    _act(net, bits)
    for channels, stride in ((8, 1), (12, 2), (16, 2)):
        source = net.last
        net.conv(channels, 3, stride)
        _act(net, bits)
        main = net.conv(channels)
        if stride > 1:
            _add(net, main, net.conv(channels, 1, stride, source=source), bits)
        else:
            net.rescale(bits + 1, source=main, signed=True)
            _add(net, net.last, source, bits)
    return _head(net, bits)


def mobilenet(name: str, weights: str, bits: int) -> Graph:
    """Depthwise and pointwise convolutions."""
    net = _image(name, 16, 3, weights, bits)
    net.conv(8, 3)
    _act(net, bits)
    for channels, stride in ((16, 1), (24, 2), (24, 1), (32, 2)):
        net.depthwise(3, stride)
        _act(net, bits)
        net.conv(channels, 1)
        _act(net, bits)
    return _head(net, bits)


def inverted(name: str, weights: str, bits: int) -> Graph:
    """Narrow, wide by depth, narrow; sums of the narrow ones."""
    net = _image(name, 16, 3, weights, bits)
    net.conv(8, 3, 2)
    net.act()
    for channels, wide, stride in ((8, 16, 1), (12, 24, 2), (12, 24, 1)):
        source, same = net.last, net.type_of().channels == channels and stride == 1
        net.conv(wide, 1)
        net.act()
        net.depthwise(3, stride)
        net.act()
        net.conv(channels, 1)
        net.rescale(bits, signed=True)
        if same:
            net.add(net.last, source)
            net.rescale(bits, signed=True)
    return _head(net, bits)


def shuffle(name: str, weights: str, bits: int) -> Graph:
    """Half of the channels pass, the others are convolved; then all are shuffled."""
    net = _image(name, 16, 3, weights, bits)
    net.conv(16, 3, 2)
    net.act()
    for _ in range(2):
        half = net.type_of().channels // 2
        left, right = net.split(half, half)
        net.conv(half, 1, source=right)
        net.act()
        net.depthwise()
        net.act()
        net.conv(half, 1)
        net.concat(left, net.act())
        net.shuffle(2)
    return _head(net, bits)


def unet(name: str, weights: str, bits: int) -> Graph:
    """Down and up again, what was there before joined at every level."""
    net = _image(name, 12, 1, weights, bits)
    kept = []
    for channels in (6, 12):
        net.conv(channels)
        kept.append(net.act())
        net.max_pool()
    net.conv(16)
    net.act()
    for channels, beside in ((12, kept[1]), (6, kept[0])):
        net.concat(net.upsample(), beside)
        net.conv(channels)
        net.act()
    net.conv(2, 1, bias=True)
    net.rescale(8, signed=True)
    return net.graph()
