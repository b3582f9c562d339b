"""A plan as hls4ml ``ModelGraph``, with every type of the result checked."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from hls4ml.backends.fpga.passes.clone import Clone
from hls4ml.backends.fpga.passes.repack_stream import Repack
from hls4ml.model import ModelGraph
from hls4ml.model.layers import ZeroPadding2D
from hls4ml.writer import get_writer

from hwcompress.errors import CheckFailed
from hwcompress.hls.hls4ml.extension import BACKEND, register
from hwcompress.hls.hls4ml.layer import Layer
from hwcompress.hls.hls4ml.plan import Plan
from hwcompress.hls.hls4ml.precision import Precision

__all__ = ["build_model", "check_types", "write_project"]

# hls4ml prints; while it does, sys.stdout belongs to the log, one model at a time.
_PRINTING = threading.Lock()
# A type nobody demands: where it shows up, hls4ml has chosen by itself.
_UNDEMANDED = "ap_ufixed<3,1>"


@contextlib.contextmanager
def _noise_to(log: Path) -> Iterator[None]:
    with _PRINTING, log.open("a") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield


def _layer_dict(layer: Layer) -> dict[str, object]:
    entry: dict[str, object] = {
        **layer.choice.attributes,
        "name": layer.name,
        "class_name": layer.choice.class_name,
    }
    if layer.sources:
        entry["inputs"] = list(layer.sources)
    return entry


def _layer_config(layer: Layer) -> dict[str, object]:
    precision = {name: str(kind) for name, kind in layer.choice.types.items()}
    return {
        "Precision": {**precision, "result": str(layer.choice.result)},
        "ReuseFactor": layer.choice.reuse,
        "Strategy": layer.choice.strategy,
    }


def build_model(
    plan: Plan, folder: Path, log: Path, *, part: str, clock_ns: float, project: str, trace: bool
) -> ModelGraph:
    """Convert, and check the types that hls4ml ended up with.

    Args:
        folder: where :func:`write_project` will write.
        log: file that takes what hls4ml prints.
        trace: whether the C++ records every layer's output (C simulation only).

    Raises:
        CheckFailed: a type differs from the demanded one.
    """
    config = {
        "Backend": BACKEND,
        "ProjectName": project,
        "OutputDir": str(folder),
        "Part": part,
        "ClockPeriod": clock_ns,
        "ClockUncertainty": "27%",
        "IOType": plan.io_type,
        "TraceOutput": trace,
        # hls4ml draws a random one; the same graph shall give the same files.
        "Stamp": "hwcompress",
        "WriterConfig": {
            "Namespace": None,
            "WriteWeightsTxt": True,
            "WriteTar": False,
            "TBOutputStream": "both",
            "WriteEmulationConstants": False,
        },
        "HLSConfig": {
            "Model": {"Precision": _UNDEMANDED, "ReuseFactor": 1, "Strategy": "Latency"},
            "LayerName": {layer.name: _layer_config(layer) for layer in plan.layers},
        },
    }
    with _noise_to(log):
        register()
        model = ModelGraph.from_layer_list(
            config,
            [_layer_dict(layer) for layer in plan.layers],
            inputs=list(plan.inputs),
            outputs=list(plan.outputs),
        )
        # Only these: the runner asks for exactly the layers that are recorded.
        for name in plan.makers.values():
            model.graph[name].set_attr("trace", trace)
    check_types(model, plan)
    return model


def _precision(kind: object) -> Precision | None:
    return Precision.parse(str(getattr(kind, "precision", None)))


def check_types(model: ModelGraph, plan: Plan) -> None:
    """Compare every type of the final model with the demanded one.

    Layers that hls4ml inserts (copies of streams, repacking, zero padding)
    must hand on their input's type.

    Raises:
        CheckFailed: lists all types that differ.
    """
    wrong: list[str] = []
    demanded = {layer.name: layer.choice for layer in plan.layers}
    seen = set()
    for node in model.get_layers():
        own = node.name.removeprefix("repack_")
        if own in demanded and (own == node.name or isinstance(node, Repack)):
            seen.add(own)
            want = {"result": demanded[own].result, **demanded[own].types}
        elif isinstance(node, Clone | Repack | ZeroPadding2D):
            carried = _precision(node.get_input_variable().type)
            if carried is None:
                wrong.append(f"{node.name}: input type {node.get_input_variable().type}")
                continue
            want = {"result": carried}
        else:
            wrong.append(f"{node.name}: hls4ml inserted a {node.class_name}")
            continue
        found = {name.removesuffix("_t"): _precision(kind) for name, kind in node.types.items()}
        # Of a matrix product in compressed form only; no such layer is made.
        found.pop("index", None)
        for variable in node.get_variables():
            found[f"result {variable.name}"] = _precision(variable.type)
        for name, kind in found.items():
            expected = want.get(name.split()[0])
            if kind is None or kind != expected:
                wrong.append(f"{node.name}: {name} is {kind}, demanded {expected}")
        for name in want.keys() - found.keys() - {"result"}:
            wrong.append(f"{node.name}: {name} is missing, demanded {want[name]}")
    wrong += [f"{name}: hls4ml dropped it" for name in demanded.keys() - seen]
    if wrong:
        raise CheckFailed(
            "hls4ml changed types that must stay exact: " + "; ".join(wrong),
            where=f"hls4ml project {model.config.get_project_name()!r}",
            remedy="this is a defect of hwcompress or of this hls4ml release, please report it",
        )


def write_project(model: ModelGraph, log: Path) -> None:
    """Write the project to the folder of its configuration.

    hls4ml's write flow would only add a random stamp before.
    """
    with _noise_to(log):
        get_writer(BACKEND).write_hls(model)
