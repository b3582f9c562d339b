"""The simulator as a module of torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hwcompress.errors import UnsupportedError
from hwcompress.ir import Graph
from hwcompress.sim.adapters.real import HasGraph, RealSimulator

__all__ = ["SimulatedModule"]


class SimulatedModule(nn.Module):  # type: ignore[misc]
    """Takes and gives what the source model does, computed by the bit-exact simulator.

    It is in eval mode from the start and has no parameters. No gradient is offered: the
    network consists of integers. Tensors of another device are moved to the processor and the
    results back.

    Args:
        source: an imported model (:func:`hwcompress.running.load_model`), or a graph.
        threads, batch, memory: of the :class:`hwcompress.sim.Simulator`.
    """

    def __init__(
        self,
        source: Graph | HasGraph,
        *,
        threads: int | None = None,
        batch: int | None = None,
        memory: int | None = None,
    ) -> None:
        super().__init__()
        self._real = RealSimulator(source, threads=threads, batch=batch, memory=memory)
        self.eval()

    def forward(
        self, *samples: torch.Tensor, **named: torch.Tensor
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Real outputs of real samples, batch first.

        Args:
            samples: of each input, in the source's order.
            named: or by the source's names.

        Returns:
            A tensor for each output, a tuple if there are several; of the first sample's dtype
            and device. Samples of integers are taken as these numbers, and the results have
            torch's default dtype then.

        Raises:
            UnsupportedError: a gradient would be needed.
            InputError: the samples do not fit.
        """
        given = dict(zip(self._real.inputs, samples, strict=False))
        if len(samples) > len(self._real.inputs) or given.keys() & named.keys():
            raise TypeError(
                f"forward() takes one tensor for each of {', '.join(self._real.inputs)}"
            )
        given |= named
        self._refuse_gradient(given)
        real = self._real({name: _array(item) for name, item in given.items()})
        first = next(iter(given.values()))
        dtype = first.dtype if first.is_floating_point() else torch.get_default_dtype()
        outputs = tuple(torch.from_numpy(item).to(first.device, dtype) for item in real)
        return outputs[0] if len(outputs) == 1 else outputs

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        graph = self._real.graph
        return f"{graph.name}, {len(graph.layers)} integer operations"

    def _refuse_gradient(self, given: dict[str, torch.Tensor]) -> None:
        if not torch.is_grad_enabled():
            return
        needing = [name for name, item in given.items() if item.requires_grad]
        if self.training or needing:
            why = f"input {needing[0]!r} requires one" if needing else "it is in training mode"
            raise UnsupportedError(
                "a simulated module has no gradient",
                where=self._real.graph.name,
                why=f"{why}, and the network consists of integers",
                remedy="call it in eval mode with inputs that need no gradient, or under"
                " torch.no_grad()",
            )


def _array(tensor: torch.Tensor) -> np.ndarray:
    plain = tensor.detach().cpu()
    # NumPy has no bfloat16; float32 holds each of its numbers.
    return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
