"""The inputs of a model, before it is trained or imported: what its data must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hwcompress.data import Shapes
from hwcompress.flow.settings import BuildSettings
from hwcompress.npz import is_npz

__all__ = ["ModelInputs", "model_inputs", "onnx_inputs"]


@dataclass(frozen=True)
class ModelInputs:
    """Names and shapes.

    Attributes:
        shapes: of a sample of each input, in the model's order; ``None`` where nothing states
            it. Empty for a module whose arguments do not matter, as there is one input.
        unused: inputs that are stated and that no result depends on.
    """

    shapes: Shapes = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Whether samples are given by name."""
        return len(self.shapes) > 1


def model_inputs(settings: BuildSettings) -> ModelInputs:
    """The inputs of the model that the settings name.

    Raises:
        InputError: the file cannot be read.
    """
    file = settings.model_file
    if settings.model_kind == "onnx":
        assert file is not None
        return onnx_inputs(file)
    if settings.model_kind == "packed":
        from hwcompress.packing import read_packed

        assert file is not None
        graph = read_packed(file)
        return ModelInputs({op.name: op.source_shape for op in graph.inputs})
    if settings.model_kind == "export":
        from hwcompress.frontend.to_torch.exported import read_exported

        assert file is not None
        return ModelInputs(read_exported(file).shapes)
    # MNIST's files hold one array of samples; the user's function need not run for them.
    one = settings.data and not is_npz(Path(settings.data))
    if settings.model_kind == "python" and not one:
        return _python_inputs(settings.model)
    return ModelInputs()


def onnx_inputs(path: Path) -> ModelInputs:
    """The inputs of an ONNX file."""
    from hwcompress.frontend.onnx_model import read_onnx
    from hwcompress.frontend.prepare import needed_inputs

    model = read_onnx(path)
    needed = needed_inputs(model)
    return ModelInputs(_stated(needed), tuple(name for name in model.inputs if name not in needed))


def _stated(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...] | None]:
    """Shapes of a sample; a length of zero is one that the file leaves open."""
    return {
        name: None if not shape or 0 in shape[1:] else shape[1:] for name, shape in shapes.items()
    }


def _python_inputs(model: str) -> ModelInputs:
    from torch import nn

    from hwcompress.models.loader import call_function, module_inputs

    made = call_function(model)
    if isinstance(made, nn.Module):
        return ModelInputs(dict.fromkeys(module_inputs(made)))
    from hwcompress.frontend.to_torch.exported import from_program

    return ModelInputs(from_program(made, model).shapes)
