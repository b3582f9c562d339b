"""``file.py:function``, the way a user hands over a PyTorch module."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path

from torch import nn

from hwcompress.errors import InputError

__all__ = ["call_function", "load_module", "module_inputs"]


def load_module(text: str) -> nn.Module:
    """The module that ``function`` in ``file.py`` returns.

    Raises:
        InputError: as :func:`call_function` does, or it is no ``nn.Module``.
    """
    result = call_function(text)
    if not isinstance(result, nn.Module):
        file, _, function = text.rpartition(":")
        raise InputError(
            f"{function}() returned {type(result).__name__}, not a torch.nn.Module", where=file
        )
    return result


def call_function(text: str) -> object:
    """What ``function`` in ``file.py`` returns.

    The file runs with its own folder first on ``sys.path`` while it is
    imported, so that it can import its neighbours.

    Raises:
        InputError: no such file or function, or it raises.
    """
    file, _, function = text.rpartition(":")
    path = Path(file)
    if not file or not function.isidentifier():
        raise InputError(
            f"model {text!r} is neither an .onnx file nor file.py:function",
            remedy="for example model.onnx, or net.py:make_net",
        )
    if not path.is_file():
        raise InputError("no such file", where=file)
    spec = importlib.util.spec_from_file_location(f"hwcompress_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError("this is not a Python file", where=file)
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    # Dataclasses and pickles look their module up by its name.
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        maker = getattr(module, function, None)
        if not callable(maker):
            raise InputError(f"there is no function {function!r}", where=file)
        result = maker()
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # anything the user's own code may raise
        sys.modules.pop(spec.name, None)
        if before is not None:
            sys.modules[spec.name] = before
        raise InputError(
            f"{function}() failed with {type(error).__name__}: {error}",
            where=file,
            remedy="make it run by itself first: python -c 'import ...; ...'",
        ) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    returned: object = result
    return returned


def module_inputs(module: nn.Module) -> tuple[str, ...]:
    """Names of the arguments that the module's ``forward`` must be given, in order."""
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(
        name
        for name, item in inspect.signature(module.forward).parameters.items()
        if item.kind in plain and item.default is inspect.Parameter.empty
    )
