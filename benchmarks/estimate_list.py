"""The whole networks that the estimates are compared with synthesis on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import estimate_nets as nets
from hwcompress.frontend import import_model
from hwcompress.hls.folding import Folding, Style, default_folding
from hwcompress.hls.folding.style import Memory, Multiplier
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph

__all__ = ["LATTICE", "NETWORKS", "Network"]


@dataclass(frozen=True)
class Network:
    """A network, and how it is folded.

    Args:
        name: unique.
        about: topology.
        bits: of weights and activations.
        cycles: a frame that the default folding is asked for.
        make: the graph, from the folder of models.
        multiplier: of all matrix engines.
        memory: of all matrix engines.
        is_model: whether others published it.
    """

    name: str
    about: str
    bits: str
    cycles: int
    make: Callable[[Path], Graph]
    multiplier: Multiplier = "auto"
    memory: Memory = "auto"
    is_model: bool = False

    def folding(self, graph: Graph) -> Folding:
        """The default folding with the styles."""
        lanes = default_folding(graph, target_cycles=self.cycles).lanes
        style = Style(multiplier=self.multiplier, memory=self.memory)
        matrix = [op.name for op in graph.layers if isinstance(op, Conv | ConvTranspose | Dense)]
        plain = style == Style()
        return Folding(lanes, {} if plain else dict.fromkeys(matrix, style))

    @property
    def style(self) -> str:
        """Multiplier and memory, where they are not the default."""
        found = [
            f"{name} {value}"
            for name, value in (("multiplier", self.multiplier), ("memory", self.memory))
            if value != "auto"
        ]
        return ", ".join(found) or "default"


def _model(name: str, input_type: str | None = None) -> Callable[[Path], Graph]:
    """A model that others made, from the folder of models."""

    def make(data: Path) -> Graph:
        return import_model(data / "models" / name, input_type=input_type).graph

    return make


def _net(function: Callable[..., Graph], *args: object) -> Callable[[Path], Graph]:
    def make(data: Path) -> Graph:
        return function(*args)

    return make


_DENSE = (
    Network("jets", "dense 16-64-32-32-5 of hls4ml, for jets", "6 / 6", 64,
            _model("qonnx/jets_qkeras_w6a6.onnx", "fixed<16,6>"), multiplier="dsp",
            is_model=True),
    Network("tfc-w1a1", "dense 784-64-64-64-10 of FINN, for MNIST", "1 / 1", 64,
            _model("finn_onnx/tfc_w1a1_finn_topk.onnx"), is_model=True),
    Network("tfc-w2a2", "the same", "2 / 2", 512,
            _model("finn_onnx/tfc_w2a2_finn_topk.onnx"), memory="block", is_model=True),
    Network("unsw-w2a2", "dense 600-64-64-64-1 of FINN", "2 / 2", 600,
            _model("qonnx/unsw_nb15_mlp_w2a2.onnx", "bipolar"), memory="logic",
            is_model=True),
    Network("mlp-w3a3", "dense 64-48-32-10", "3 / 3", 96,
            _net(nets.mlp, "mlp-w3a3", "w3", 3, 64, (48, 32, 10)), memory="logic"),
    Network("mlp-w8a8", "dense 40-48-24-8", "8 / 8", 128,
            _net(nets.mlp, "mlp-w8a8", "w8", 8, 40, (48, 24, 8)), multiplier="dsp"),
    Network("mlp-powers", "dense 48-64-32-10", "powers of two / 4", 64,
            _net(nets.mlp, "mlp-powers", "p4", 4, 48, (64, 32, 10))),
    Network("mlp-fast", "dense 16-16-8-5, a frame a cycle", "ternary / 2", 1,
            _net(nets.mlp, "mlp-fast", "ternary", 2, 16, (16, 8, 5))),
    Network("mlp-small", "dense 12-8-4", "4 / 4", 48,
            _net(nets.mlp, "mlp-small", "w4", 4, 12, (8, 4))),
    Network("autoencoder", "dense 64-32-8-32-64", "4 / 4", 128,
            _net(nets.autoencoder, "autoencoder", "w4", 4)),
)  # fmt: skip
_CONVOLUTIONS = (
    Network("small-w2a2", "a convolution, a pool, a dense layer", "2 / 2", 576,
            _net(nets.small, "small-w2a2", "w2", 2)),
    Network("small-w6a6", "the same", "6 / 6", 1152,
            _net(nets.small, "small-w6a6", "w6", 6), multiplier="lut"),
    Network("lenet", "5 x 5 convolutions, max pools, dense layers", "4 / 4", 4096,
            _net(nets.lenet, "lenet", "w4", 4)),
    Network("vgg-w1a1", "3 x 3 convolutions, max pools, dense layers", "1 / 1", 800,
            _net(nets.vgg, "vgg-w1a1", "binary", 1)),
    Network("vgg-w1a2", "the same", "1 / 2", 4096,
            _net(nets.vgg, "vgg-w1a2", "binary", 2), memory="distributed"),
    Network("vgg-w4a4", "the same", "4 / 4", 8192,
            _net(nets.vgg, "vgg-w4a4", "w4", 4), memory="block"),
    Network("vgg-w8a8", "the same", "8 / 8", 65_536,
            _net(nets.vgg, "vgg-w8a8", "w8", 8), multiplier="lut"),
    Network("strided-w2a2", "convolutions with stride 2, two pixels a cycle", "2 / 2", 128,
            _net(nets.strided, "strided-w2a2", "w2", 2)),
    Network("strided-w2a3", "the same, serial", "2 / 3", 4096,
            _net(nets.strided, "strided-w2a3", "w2", 3), memory="logic"),
    Network("conv1d", "one-dimensional convolutions, for heartbeats", "4 / 4", 512,
            _net(nets.conv1d, "conv1d", "w4", 4), multiplier="dsp"),
)  # fmt: skip
_OTHERS = (
    Network("resnet-w4a4", "residual, three stages", "4 / 4", 8192,
            _net(nets.resnet, "resnet-w4a4", "w4", 4)),
    Network("resnet-w2a2", "the same", "2 / 2", 2048,
            _net(nets.resnet, "resnet-w2a2", "w2", 2)),
    Network("mobilenet-w4a4", "depthwise and pointwise convolutions in turn", "4 / 4", 4096,
            _net(nets.mobilenet, "mobilenet-w4a4", "w4", 4)),
    Network("mobilenet-w8a8", "the same", "8 / 8", 8192,
            _net(nets.mobilenet, "mobilenet-w8a8", "w8", 8), multiplier="dsp"),
    Network("inverted", "inverted residual blocks of MobileNetV2", "4 / 4", 4096,
            _net(nets.inverted, "inverted", "w4", 4), multiplier="packed"),
    Network("shuffle", "units of ShuffleNetV2: split, shuffle", "4 / 4", 4096,
            _net(nets.shuffle, "shuffle", "w4", 4), multiplier="lut"),
    Network("decoder", "transposed convolutions", "4 / 4", 1024,
            _net(nets.decoder, "decoder", "w4", 4)),
    Network("unet", "U-net: pools, upsampling, skips", "2 / 4", 4096,
            _net(nets.unet, "unet", "w2", 4), multiplier="dsp"),
)  # fmt: skip

LATTICE = (
    "mlp-small", "small-w2a2", "small-w6a6", "mlp-w8a8", "strided-w2a3", "mlp-fast",
    "mlp-powers", "conv1d", "tfc-w1a1",
)  # fmt: skip
"""Those that are synthesized for the Lattice families, too: nine that Yosys is soon done with."""

NETWORKS: dict[str, Network] = {item.name: item for item in (*_DENSE, *_CONVOLUTIONS, *_OTHERS)}
"""All of them, by name."""
