"""The steps that recipes are made of, by their names."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from hwcompress.compress.recipe.layers import Override, matched
from hwcompress.compress.recipe.options import converted
from hwcompress.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from hwcompress.compress.recipe.state import State

__all__ = ["Step", "find_step", "step", "step_kinds"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a recipe; its fields are its options.

    A post-training step does everything in :meth:`prepare`. What a step has to remember
    between calls belongs into the module's parameters and buffers or into
    ``state.memory(self)``: both are in the checkpoints, the step itself is frozen.

    Attributes:
        layers: other options for some layers, later ones win.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    layer_options: ClassVar[tuple[str, ...]] = ()
    """Options that may differ from layer to layer."""
    needs_training: ClassVar[bool] = False
    """Whether the step does nothing useful unless a ``train`` step follows."""
    renames_layers: ClassVar[bool] = False
    """Whether layers have other names after the step."""

    layers: tuple[Override, ...] = ()

    def prepare(self, state: State) -> None:
        """Change the module: put quantizers, masks or parametrizations in.

        It must make the same module, whatever the values of its parameters, when it is
        called again on the same start: that is how a killed run is resumed.
        """

    def penalty(self, state: State) -> Tensor | None:
        """What is added to the loss of ``state.batch``; called before every step of the
        optimizer."""
        return None

    def after_backward(self, state: State, progress: float) -> None:
        """Change gradients, before the optimizer uses them."""

    def after_step(self, state: State, progress: float) -> None:
        """Follow schedules, clip, apply masks; called after every step of the optimizer.

        ``progress`` goes from 0 to 1 over the first training after the step, and stays 1.
        """

    def finish(self, state: State) -> None:
        """Leave plain values behind; called once at the recipe's end, in order."""

    def for_layer(self, state: State, layer: str) -> Self:
        """The step with the options that hold for one layer."""
        chosen = self
        for override in self.layers:
            if layer in matched(override.match, state.layer_names, self.where):
                chosen = replace(chosen, layers=(), **override.options)
        return replace(chosen, layers=())

    def check_layers(self, state: State) -> None:
        """Refuse patterns that mean no layer.

        Raises:
            InputError: one does.
        """
        for override in self.layers:
            matched(override.match, state.layer_names, self.where)

    @property
    def where(self) -> str:
        """How messages name the step."""
        return f"step {self.name!r}"


Kind = TypeVar("Kind", bound=type[Step])

_STEPS: dict[str, type[Step]] = {}


def step(name: str, *, layer_options: Sequence[str] = ()) -> Callable[[Kind], Kind]:
    """Register a frozen dataclass derived from :class:`Step` under a name.

    The first line of its docstring says what the step does, for `hwcompress recipes`.

    Args:
        name: in recipes, with hyphens; with underscores the name of the Python call.
        layer_options: options that may differ from layer to layer.
    """

    def register(kind: Kind) -> Kind:
        if not is_dataclass(kind):
            raise TypeError(f"step {name!r}: {kind.__name__} is not a dataclass")
        known = _STEPS.get(name)
        if known is not None and known.__qualname__ != kind.__qualname__:
            raise ValueError(f"two steps are called {name!r}: {known} and {kind}")
        kind.name = name
        kind.summary = (kind.__doc__ or "").strip().partition("\n")[0]
        kind.layer_options = tuple(layer_options)
        _STEPS[name] = kind
        return kind

    return register


@cache
def _load_all() -> None:
    """Import the module ``steps`` of every package beside this one."""
    import hwcompress.compress

    for found in pkgutil.iter_modules(hwcompress.compress.__path__, "hwcompress.compress."):
        if found.ispkg and importlib.util.find_spec(f"{found.name}.steps") is not None:
            importlib.import_module(f"{found.name}.steps")


def step_kinds() -> Mapping[str, type[Step]]:
    """Every step's class by its name, in alphabetical order."""
    _load_all()
    return dict(sorted(_STEPS.items()))


def find_step(name: str, where: str) -> type[Step]:
    """The class of a step.

    Raises:
        InputError: there is none of that name.
    """
    kinds = step_kinds()
    if name not in kinds:
        raise InputError(
            f"there is no step {name!r}", where=where, remedy=f"steps are {', '.join(kinds)}"
        )
    return kinds[name]


def override(
    kind: type[Step], match: Sequence[str], options: Mapping[str, object], where: str
) -> Override:
    """Options of some layers, checked.

    Raises:
        InputError: an option is unknown, has a wrong value, or cannot differ by layer.
    """
    values = converted(kind, options, where)
    for name in values:
        if name not in kind.layer_options:
            allowed = ", ".join(kind.layer_options) or "none"
            raise InputError(
                f"{name!r} cannot differ from layer to layer",
                where=where,
                remedy=f"options of this step that can: {allowed}",
            )
    return Override(tuple(match), values)
