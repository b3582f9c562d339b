"""Small networks of many topologies, as float PyTorch modules.

Each is in a file of its own and can be built as ``FILE:function``; by name
they are in :data:`ZOO`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwcompress.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ZOO", "Entry"]


@dataclass(frozen=True)
class Entry:
    """One network: its file, the function in it, and the shape of a sample."""

    file: str
    function: str
    shape: tuple[int, ...]

    def make(self) -> nn.Module:
        """The float module, with torch's random weights."""
        module = importlib.import_module(f"{__name__}.{self.file}")
        made: nn.Module = getattr(module, self.function)()
        return made

    @property
    def reference(self) -> str:
        """``FILE:function``, as the command line takes it."""
        return f"{Path(__file__).parent / self.file}.py:{self.function}"

    @classmethod
    def named(cls, name: str) -> Entry:
        """The entry of a name.

        Raises:
            InputError: there is none.
        """
        if name not in ZOO:
            raise InputError(f"no network is named {name!r}", why=f"known: {', '.join(ZOO)}")
        return ZOO[name]


ZOO: dict[str, Entry] = {
    entry.function: entry
    for entry in (
        Entry("resnet8", "resnet8", (3, 32, 32)),
        Entry("mobilenet_v1", "mobilenet_v1_025", (3, 48, 48)),
        Entry("mobilenet_v2", "mobilenet_v2_blocks", (3, 32, 32)),
        Entry("ds_cnn", "ds_cnn", (1, 49, 10)),
        Entry("shufflenet_v2", "shufflenet_v2_unit", (3, 32, 32)),
        Entry("squeeze_excite", "squeeze_excite", (3, 16, 16)),
        Entry("squeeze_excite", "squeeze_excite_hard", (3, 16, 16)),
        Entry("tiny_unet", "tiny_unet", (1, 32, 32)),
        Entry("conv1d_net", "conv1d_net", (2, 128)),
        Entry("autoencoder", "autoencoder_64", (64,)),
    )
}
"""The networks by name."""
