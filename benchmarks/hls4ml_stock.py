"""What stock hls4ml makes of two QONNX models, and what it makes of them through hwcompress.

The stock flow is that of hls4ml's documentation for QONNX: clean up, convert to
channels last, Gemm to MatMul, clean up, ``config_from_onnx_model``,
``convert_from_onnx_model`` (Vitis), ``compile``, ``predict``. The reference is
the ``qonnx`` executor on the untouched file, on the same samples. Through
hwcompress: the same hls4ml, given the integer graph with exact types.

Usage::

    python benchmarks/hls4ml_stock.py

``HWCOMPRESS_DATA`` names the folder with ``models/qonnx`` and ``data/mnist``
(default: ``../shared``).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

SAMPLES = 20
# hls4ml's own default, and one with room for every sum of these networks.
PRECISIONS = ("fixed<16,6>", "fixed<32,16>")


@dataclass(frozen=True)
class Outcome:
    """One row: ``right`` of SAMPLES decisions agree, or ``error`` says where it stopped."""

    model: str
    way: str
    right: int | None
    largest: float | None
    error: str


def mnist_images(folder: Path, count: int) -> np.ndarray:
    """The first test images as float32 ``(count, 1, 28, 28)`` in 0..1."""
    path = next(p for p in sorted(folder.rglob("*")) if p.name.startswith("t10k-images"))
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    pixels = np.frombuffer(raw, np.uint8, offset=16, count=count * 784)
    return (pixels.reshape(count, 1, 28, 28) / 255).astype(np.float32)


def executor_outputs(path: Path, samples: np.ndarray) -> np.ndarray:
    """The ``qonnx`` executor, one sample at a time: ``(count, outputs)``."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(str(path)))
    name, output = model.graph.input[0].name, model.graph.output[0].name
    return np.stack(
        [execute_onnx(model, {name: sample[None]})[output].ravel() for sample in samples]
    )


def stock_outputs(path: Path, samples: np.ndarray, precision: str, folder: Path) -> np.ndarray:
    """hls4ml's documented flow; whatever it raises is the result of the benchmark."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(str(path)))
    model = model.transform(ConvertToChannelsLastAndClean())
    model = model.transform(GemmToMatMul())
    model = cleanup_model(model)
    config = hls4ml.utils.config_from_onnx_model(
        model, granularity="name", backend="Vitis", default_precision=precision
    )
    converted = hls4ml.converters.convert_from_onnx_model(
        model,
        output_dir=str(folder),
        project_name="stock",
        backend="Vitis",
        io_type="io_parallel",
        hls_config=config,
    )
    converted.compile()
    # One channel or none: the order of the elements is the same channels last.
    shape = converted.get_input_variables()[0].shape
    ready = np.ascontiguousarray(samples.reshape(len(samples), *shape), np.float32)
    return np.asarray(converted.predict(ready)).reshape(len(samples), -1)


def our_outputs(path: Path, samples: np.ndarray, folder: Path) -> np.ndarray:
    """The same hls4ml behind hwcompress' integer graph: real outputs ``(count, outputs)``."""
    from hwcompress.frontend import import_model
    from hwcompress.hls.hls4ml import convert

    graph = import_model(path, samples=samples).graph
    project = convert(graph, folder)
    integers = project.predict(graph.inputs[0].encode(samples))
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    return tensor.affine.apply(integers).reshape(len(samples), -1)


def decisions(outputs: np.ndarray) -> np.ndarray:
    """The class of each sample: the largest output, or the sign of a single one."""
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0


def stopped_at(error: Exception) -> str:
    """The error, and the place inside hls4ml or qonnx that raised it."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/hls4ml/" in frame.filename or "/qonnx/" in frame.filename
    ]
    text = f"{type(error).__name__}: {error}"
    if frames:
        package = frames[-1].filename.split("site-packages/")[-1]
        text += f"  [{package}:{frames[-1].lineno}, {frames[-1].name}]"
    # An address would make every run's table another one.
    return " ".join(re.sub(r" object at 0x[0-9a-f]+", "", text).split())


def measure(
    path: Path, samples: np.ndarray, way: str, outputs: Callable[[Path], np.ndarray]
) -> Outcome:
    """Compare one way with the executor; ``outputs`` gets a scratch folder."""
    expected = executor_outputs(path, samples)
    with tempfile.TemporaryDirectory(prefix="hls4ml-stock-") as scratch:
        try:
            actual = outputs(Path(scratch, "project"))
        except Exception as error:  # any failure of the peer is what we report
            return Outcome(path.stem, way, None, None, stopped_at(error))
    right = int(np.sum(decisions(expected) == decisions(actual)))
    return Outcome(path.stem, way, right, float(np.abs(expected - actual).max()), "")


def ways(path: Path, samples: np.ndarray) -> Iterator[tuple[str, Callable[[Path], np.ndarray]]]:
    """Stock hls4ml with each default precision, then hwcompress."""
    for precision in PRECISIONS:
        yield (
            f"stock, default {precision}",
            partial(stock_outputs, path, samples, precision),
        )
    yield "through hwcompress", partial(our_outputs, path, samples)


def main() -> None:
    """Measure and print the table."""
    data = Path(os.environ.get("HWCOMPRESS_DATA", Path(__file__).parents[2] / "shared"))
    models = data / "models" / "qonnx"
    rng = np.random.default_rng(0)
    work = (
        ("tfc_1w1a_mnist", mnist_images(data / "data" / "mnist", SAMPLES)),
        ("unsw_nb15_mlp_w2a2", rng.choice(np.float32([-1, 1]), (SAMPLES, 600))),
    )
    print(f"hls4ml {version('hls4ml')}, qonnx {version('qonnx')}, {SAMPLES} samples each")
    for name, samples in work:
        path = models / f"{name}.onnx"
        for way, outputs in ways(path, samples):
            noise = io.StringIO()
            with contextlib.redirect_stdout(noise), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = measure(path, samples, way, outputs)
            head = f"{row.model:20} {row.way:28}"
            if row.error:
                print(f"{head} fails: {row.error}")
            else:
                print(f"{head} {row.right} of {SAMPLES} right, outputs differ by {row.largest:g}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
