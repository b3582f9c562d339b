"""Which model stands for which library module."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hwcompress.errors import UnsupportedError
from hwcompress.sim.timing import Model

__all__ = ["Parameters", "model", "model_of", "modules"]

Parameters = Mapping[str, int]
"""The instance's parameters that are integers, by name."""

_MODELS: dict[str, Callable[[Parameters], Model]] = {}


def model(
    *names: str,
) -> Callable[[Callable[[Parameters], Model]], Callable[[Parameters], Model]]:
    """Register the decorated function for library modules."""

    def register(function: Callable[[Parameters], Model]) -> Callable[[Parameters], Model]:
        for name in names:
            assert name not in _MODELS, f"two timing models of {name}"
            _MODELS[name] = function
        return function

    return register


def modules() -> tuple[str, ...]:
    """Names of the library modules that have a model."""
    return tuple(sorted(_MODELS))


def model_of(module: str, parameters: Parameters) -> Model:
    """The model of an instance.

    Raises:
        UnsupportedError: the module or one of its parameters is unknown here.
    """
    try:
        return _MODELS[module](parameters)
    except KeyError as error:
        raise UnsupportedError(
            f"no timing model of an instance of {module!r}",
            why=f"{error.args[0]!r} is not known",
            remedy="register one in hwcompress.hls.rtl.timing",
        ) from None
