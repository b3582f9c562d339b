"""Other tools that run the same networks, each as a function of real samples.

Every function returned takes float32 ``(n, *shape)`` and gives reals ``(n, outputs)``, and does
as little besides as its tool allows: sessions, compiled code and contiguous inputs are made before.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.simulator_networks import Network

__all__ = [
    "Run",
    "brevitas_cached",
    "brevitas_eval",
    "hls4ml_predict",
    "onnxruntime_float",
    "onnxruntime_session",
    "qdq_file",
    "qonnx_executor",
    "quiet",
    "torch_float",
]

Run = Callable[[np.ndarray], np.ndarray]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What tools print or warn of stays out of the table."""
    noise = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(noise),
        contextlib.redirect_stderr(noise),
    ):
        warnings.simplefilter("ignore")
        level = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)


def _module(module: nn.Module, threads: int) -> Run:
    def run(x: np.ndarray) -> np.ndarray:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        with torch.inference_mode():
            y = module(torch.from_numpy(x))
        return np.asarray(getattr(y, "value", y).numpy())

    return run


def torch_float(network: Network, threads: int) -> Run:
    """PyTorch on the float module of the same shape."""
    return _module(network.floating, threads)


def brevitas_eval(network: Network, threads: int) -> Run:
    """Brevitas in eval mode: float32 with quantizers."""
    return _module(network.quantized, threads)


def brevitas_cached(network: Network, threads: int) -> Run:
    """Brevitas in its inference mode, which computes the quantized weights once."""
    from brevitas.export.inference import quant_inference_mode

    run = _module(network.quantized, threads)

    class Cached:
        """The mode is entered at the first call and left with the object."""

        def __init__(self) -> None:
            self.stack = contextlib.ExitStack()
            self.open = False

        def __call__(self, x: np.ndarray) -> np.ndarray:
            if not self.open:
                with quiet(), torch.no_grad():
                    self.stack.enter_context(
                        quant_inference_mode(network.quantized, cache_quant_weight=True)
                    )
                    run(x)
                self.open = True
            return run(x)

        def close(self) -> None:
            """Leave the mode."""
            self.stack.close()

    return Cached()


@cache
def float_file(network: Network, folder: Path) -> Path:
    """The float module as ONNX with an open batch; batch norms are folded by the exporter."""
    path = folder / f"{network.name}-float.onnx"
    with quiet():
        torch.onnx.export(
            network.floating.eval(),
            (torch.zeros(1, *network.shape),),
            str(path),
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        )
    return path


def onnxruntime_session(path: Path, threads: int, *, optimized: bool = True) -> Run:
    """Any ONNX file with one input and one output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: np.asarray(session.run(None, {name: x})[0])


def onnxruntime_float(network: Network, threads: int, folder: Path) -> Run:
    """onnxruntime on the float module of the same shape, with all its optimizations."""
    return onnxruntime_session(float_file(network, folder), threads)


@cache
def qdq_file(network: Network, folder: Path) -> Path:
    """The float module quantized to 8 bits by onnxruntime's static quantization, QDQ format.

    Unsigned activations and signed weights, one scale for each tensor: what its documentation
    recommends for processors with VNNI.
    """
    from onnxruntime import quantization

    path = folder / f"{network.name}-qdq.onnx"

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Sixty-four samples, one after another."""

        def __init__(self) -> None:
            self.rows = iter(network.samples(64, seed=0))

        def get_next(self) -> dict[str, np.ndarray] | None:
            row = next(self.rows, None)
            return None if row is None else {"x": row[None]}

    source = float_file(network, folder)
    ready = folder / f"{network.name}-ready.onnx"
    with quiet():
        quantization.shape_inference.quant_pre_process(str(source), str(ready))
        quantization.quantize_static(
            str(ready),
            str(path),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    return path


def qonnx_executor(network: Network, batch: int) -> Run:
    """The ``qonnx`` executor on the network's file, for one batch size."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.util.cleanup import cleanup_model

    with quiet():
        model = cleanup_model(ModelWrapper(str(network.path)))
        model = model.transform(ChangeBatchSize(batch)).transform(InferShapes())
    name, output = model.graph.input[0].name, model.graph.output[0].name
    return lambda x: np.asarray(execute_onnx(model, {name: x})[output])


@cache
def hls4ml_predict(network: Network, folder: Path) -> Run:
    """hls4ml's ``predict`` on its C++ of a network's graph, compiled by its own script (-O3).

    The function takes integers of the graph's input, which are what the project is made for,
    and gives integers. It has one thread, as ``predict`` does.
    """
    from hwcompress.hls.hls4ml.model import build_model, write_project
    from hwcompress.hls.hls4ml.plan import make_plan

    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "hls4ml.log"
    log.touch()
    with quiet():
        model = build_model(
            make_plan(network.graph, "auto", None),
            folder,
            log,
            part="xc7z020clg400-1",
            clock_ns=10.0,
            project="bench",
            trace=False,
        )
        write_project(model, log)
        model._compile()

    def run(integers: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(integers)).reshape(len(integers), -1)

    return run
