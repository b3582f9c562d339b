"""Where models come from: the seam between the build and training, export and import.

A source folder holds

- ``model.onnx``: the model as QONNX (or ``model.hwc``, a packed graph:
  :mod:`hwcompress.flow.packed`);
- ``outputs.npz`` (only if a framework ran the model): ``y``, and of further
  outputs ``y1``, ``y2``, ..., in the order of the graph's, its real outputs on the
  test samples, float64 ``(samples, ...)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwcompress.data import Dataset
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.flow.packed import copy_packed
from hwcompress.flow.plans import Shapes
from hwcompress.flow.settings import BuildSettings
from hwcompress.frontend import Imported
from hwcompress.frontend.reading import read_proto
from hwcompress.ir import Graph
from hwcompress.report.facts import SourceFacts
from hwcompress.samples import Samples

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "MODEL_FILE",
    "OUTPUTS_FILE",
    "export_source",
    "few_threads",
    "output_key",
    "output_number",
    "prepare_source",
]

MODEL_FILE = "model.onnx"
OUTPUTS_FILE = "outputs.npz"

# Below this many values a sample, a second thread costs more than it gives.
_SMALL_SAMPLE = 256

Say = Callable[[str], None]


def prepare_source(settings: BuildSettings, data: Dataset, folder: Path, say: Say) -> SourceFacts:
    """Fill a source folder: copy a quantized ONNX file or a packed graph, or quantize, train,
    evaluate and export a module.

    Args:
        settings: names the model, the bits, the epochs and the seed.
        data: training and test samples.
        folder: empty, filled here.
        say: tells how training goes.

    Raises:
        InputError: the file is unreadable, the function is missing, returns
            no module or does not fit the data.
    """
    if settings.model_kind == "packed":
        assert settings.model_file is not None
        _refuse_training(settings, settings.model_file)
        return copy_packed(settings, folder)
    if settings.model_kind == "onnx" and not _is_float(settings):
        return _copy_onnx(settings, data, folder)
    import torch

    with few_threads(data):
        torch.manual_seed(settings.seed)
        return _train_and_export(settings, data, folder, say)


@contextmanager
def few_threads(data: Dataset) -> Iterator[None]:
    """One thread for PyTorch while samples are small."""
    import torch

    threads = torch.get_num_threads()
    if sum(math.prod(shape) for shape in data.sample_shapes.values()) < _SMALL_SAMPLE:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _is_float(settings: BuildSettings) -> bool:
    from hwcompress.frontend.float_models import is_float_model
    from hwcompress.frontend.onnx_model import read_onnx

    assert settings.model_file is not None
    return is_float_model(read_onnx(settings.model_file))


def _copy_onnx(settings: BuildSettings, data: Dataset, folder: Path) -> SourceFacts:
    from hwcompress.frontend import import_model
    from hwcompress.frontend.reading import copy_model

    file = settings.model_file
    assert file is not None
    _refuse_training(settings, file)
    # Once here, so that messages name the user's file and come before any work.
    import_model(file, samples=data.real_test(), input_type=settings.input_type or None)
    copy_model(file, folder / MODEL_FILE)
    return SourceFacts("QONNX file", file.stem, "", ())


def _refuse_training(settings: BuildSettings, file: Path) -> None:
    """Options that a model which is quantized already cannot follow."""
    options = {
        "--weight-bits": settings.weight_bits,
        "--act-bits": settings.act_bits,
        "--epochs": settings.epochs or None,
    }
    for option, value in options.items():
        if value is not None:
            raise InputError(
                f"{option} {value} for a model that is quantized already",
                where=str(file),
                remedy=f"leave {option} out, or give the float model; `hwcompress requantize`"
                " gives the weights of a quantized one fewer bits",
            )


def _train_and_export(
    settings: BuildSettings, data: Dataset, folder: Path, say: Say
) -> SourceFacts:
    from hwcompress.flow.fitting import fit, sample_shapes
    from hwcompress.flow.plans import make_plan

    plan = make_plan(settings, data)
    shapes = sample_shapes(plan, data)
    notes = [*plan.notes, *fit(plan, settings, data, shapes, say)]
    changeable = plan.fresh or bool(plan.epochs)
    found = export_source(
        plan.module, plan.name, shapes, settings, data, folder, say, changeable=changeable
    )
    return replace(found, kind=plan.kind, notes=(*notes, *found.notes))


def export_source(
    module: nn.Module,
    name: str,
    shapes: Shapes,
    settings: BuildSettings,
    data: Dataset,
    folder: Path,
    say: Say,
    *,
    changeable: bool,
) -> SourceFacts:
    """Fill a source folder from a quantized module.

    Args:
        module: in eval mode afterwards.
        name: of the network.
        shapes: of a sample of each of its inputs.
        settings: name the input's type.
        data: on whose test samples the module is run.
        folder: empty, filled here.
        say: tells what is done.
        changeable: whether the last layer's bias may be rounded to its accumulator's steps.

    Raises:
        UnsupportedError: the module cannot be exported or expressed as an integer graph.
    """
    import torch

    from hwcompress.compress.export import export_qonnx
    from hwcompress.flow.fitting import shaped
    from hwcompress.frontend import import_model
    from hwcompress.frontend.check import source_samples

    test, notes = shaped(data.real_test(), shapes), []

    def exported() -> Imported:
        say("export to QONNX")
        export_qonnx(module, shapes, folder / MODEL_FILE)
        return import_model(
            folder / MODEL_FILE,
            samples=test,
            input_type=settings.input_type or None,
            name=name,
        )

    imported = exported()
    if changeable and _align_output_bias(module, imported.graph):
        notes.append("the output layer's bias rounded to whole steps of its accumulator")
        imported = exported()
    outputs, unseen = _framework_outputs(module, imported, source_samples(imported, test))
    np.savez(folder / OUTPUTS_FILE, allow_pickle=False, **outputs)
    framework = f"PyTorch {torch.__version__}, float32"
    return SourceFacts("quantized module", name, framework, (*notes, *unseen))


def output_key(index: int) -> str:
    """The name in ``outputs.npz`` of what stands for an output of the graph."""
    return f"y{index}" if index else "y"


def output_number(key: str) -> int:
    """The inverse of :func:`output_key`."""
    return int(key.removeprefix("y") or 0)


def _framework_outputs(
    module: nn.Module, imported: Imported, samples: Samples
) -> tuple[dict[str, np.ndarray], list[str]]:
    """What the module gives for each output of the graph, and lines for the report.

    Raises:
        UnsupportedError: what the first output is before the host's functions cannot be told.
    """
    from hwcompress.compress.train import results

    # An import may leave results of the module out.
    names = [item.name for item in read_proto(imported.model.path).graph.output]
    outputs, notes = {}, []
    for number, (name, op) in enumerate(
        zip(imported.model.outputs, imported.graph.outputs, strict=True)
    ):
        index = names.index(name)
        try:
            found = results(module, samples, {index: len(op.host)})
        except UnsupportedError as error:
            if not number:
                raise
            notes.append(f"output {name!r} is not compared with PyTorch itself: {error.what}")
        else:
            outputs[output_key(number)] = found[index]
    return outputs, notes


def _align_output_bias(module: nn.Module, graph: Graph) -> bool:
    """Round the last layer's float bias to its accumulator's grid; returns whether it changed.

    The logits then share one scale and have no offset, so that their
    integers compare as the real values do.
    """
    import torch
    from torch import nn

    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    gain, offset = torch.tensor(tensor.affine.scale), torch.tensor(tensor.affine.offset)
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    if not torch.any(offset) or not layers or layers[-1].bias is None:
        return False
    bias = layers[-1].bias
    if bias.shape != offset.shape or not torch.allclose(bias.detach().double(), offset.double()):
        return False
    with torch.no_grad():
        bias.copy_(torch.round(bias.double() / gain.double()) * gain.double())
    return True
