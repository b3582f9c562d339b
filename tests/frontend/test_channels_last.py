"""Images with the channels behind: the domain of qonnx, and Transposes as tf2onnx writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx, check_values, encoded
from hwcompress.frontend.qonnx_runtime import QonnxRuntime
from hwcompress.ir import Transpose, trace
from tests.frontend.against_ort import agrees_with_ort
from tests.frontend.onnx_builder import ModelBuilder

DOMAIN = "qonnx.custom_op.channels_last"


class Written:
    """The same network twice: in the domain, and between Transposes in standard operators."""

    def __init__(self, model: ModelBuilder, domain: bool) -> None:
        self.model, self.domain = model, domain

    def wrapped(self, op: str, *inputs: str, **attributes: object) -> None:
        model = self.model
        if self.domain:
            model.node(op, model.last, *inputs, domain=DOMAIN, **attributes)
            return
        rank = len(model.shape)
        model.node("Transpose", model.last, perm=[0, rank - 1, *range(1, rank - 1)])
        model.node(op, model.last, *inputs, **attributes)
        model.node("Transpose", model.last, perm=[0, *range(2, rank), 1])

    def conv(self, weight: np.ndarray, **attributes: object) -> None:
        """``weight`` is ``(M, C/g, ...)``; the domain has the channels behind."""
        model, source = self.model, self.model.last
        laid = np.moveaxis(weight, 1, -1) if self.domain else weight
        name = model.quant(model.constant(laid.astype(np.float32)), 0.125, 4, narrow=True)
        model.last = source
        window = weight.ndim - 2
        every: dict[str, object] = {  # the executor wants all of them
            "kernel_shape": list(weight.shape[2:]),
            "strides": [1] * window,
            "pads": [0] * 2 * window,
            "dilations": [1] * window,
            "group": 1,
        }
        self.wrapped("Conv", name, **{**every, **attributes})

    def norm(self, random: np.random.Generator, channels: int) -> None:
        rows = [random.normal(1, 0.3, channels), random.normal(0, 1, channels)]
        rows += [random.normal(0, 1, channels), random.uniform(0.5, 2, channels)]
        names = [self.model.constant(row) for row in rows]
        self.wrapped("BatchNormalization", *names, epsilon=1e-5, momentum=0.9)


def network(written: Written, rank: int, seed: int, pool: bool) -> None:
    random = np.random.default_rng(seed)
    model, window = written.model, rank - 2
    model.act(0.125, 4)
    pads = [1] * window + [0] * window
    written.conv(random.normal(0, 1, (6, 3, *[3, 2][:window])), pads=pads, group=1)
    written.norm(random, 6)
    model.node("Relu", model.last)
    model.act(0.25, 4, signed=False)
    if pool:
        written.wrapped("MaxPool", kernel_shape=[2] * window, strides=[2] * window)
    written.conv(random.normal(0, 1, (6, 1, *[2, 3][:window])), group=6, strides=[2] * window)
    model.act(0.25, 5)


def with_shapes(imported: Imported, x: np.ndarray) -> None:
    """Write shapes and the domain's version into the file: qonnx cannot do without."""
    path = imported.model.path
    proto = onnx.load(str(path))
    weights = {item.name for item in proto.graph.initializer}
    known = {**imported.float64.constants, **imported.float64.trace(x[:1])}
    ends = {item.name: item for item in proto.graph.output}
    for name, values in known.items():
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape)
        if name in ends:
            ends[name].CopyFrom(info)
        elif name not in {"x", *weights, *imported.model.added}:
            proto.graph.value_info.append(info)
    proto.opset_import.append(helper.make_opsetid(DOMAIN, 14))
    onnx.save(proto, str(path))


def exact(imported: Imported, x: np.ndarray) -> dict[str, np.ndarray]:
    integers = trace(imported.graph, encoded(imported, x))
    for result in check_float64(imported, x, integers):
        assert result.mismatches == 0, result
    return integers


@pytest.mark.parametrize("shape", [(1, 8, 3), (1, 8, 7, 3)])
def test_the_domain_against_its_executor(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Without a pool, which the executor cannot run."""
    model = ModelBuilder(shape, 14)
    network(Written(model, True), len(shape), 1, pool=False)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    x = np.random.default_rng(2).normal(0, 1, (20, *shape[1:])).astype(np.float32)
    integers = exact(imported, x)
    if len(shape) == 4:  # the executor knows no signals
        with_shapes(imported, x)
        for result in check_qonnx(imported, x, integers):
            assert result.exact, result
    assert not any(isinstance(op, Transpose) for op in imported.graph.ops)


@pytest.mark.parametrize("shape", [(1, 9, 3), (1, 9, 8, 3)])
def test_the_domain_against_transposes(shape: tuple[int, ...], tmp_path: Path) -> None:
    graphs = []
    x = np.random.default_rng(3).normal(0, 1, (5, *shape[1:])).astype(np.float32)
    for domain in (True, False):
        model = ModelBuilder(shape, 14)
        network(Written(model, domain), len(shape), 4, pool=True)
        imported = import_model(model.save(tmp_path / "model.onnx"))
        exact(imported, x)
        graphs.append([op.kind for op in imported.graph.ops])
    assert graphs[0] == graphs[1]
    assert "Transpose" not in graphs[0]


def test_transposes_against_onnxruntime(tmp_path: Path) -> None:
    def build(model: ModelBuilder) -> None:
        network(Written(model, False), 4, 5, pool=True)
        model.node("Resize", model.last, "", model.constant(np.array([1.0, 2, 3, 1])))
        model.node("ReduceMean", model.last, axes=[1, 2], keepdims=0)

    agrees_with_ort(build, (1, 8, 8, 3), tmp_path)


def test_the_older_pool(tmp_path: Path) -> None:
    """MaxPoolNHWC, which the executor can run."""
    model = ModelBuilder((1, 6, 4, 3))
    model.act(0.125, 4)
    general = "qonnx.custom_op.general"
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 0, 0]}
    model.node("MaxPoolNHWC", model.last, domain=general, **attributes)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    x = np.random.default_rng(2).normal(0, 1, (5, 6, 4, 3)).astype(np.float32)
    integers = exact(imported, x)
    with_shapes(imported, x)
    runtime = QonnxRuntime(imported.model.path, (model.last,))
    real = {imported.graph.outputs[0].inputs[0]: runtime.run(x)[0]}
    (result,) = check_values(imported, "qonnx executor", real, x, integers)
    assert result.mismatches == 0


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("domain", ["qonnx.custom_op.general", "finn.custom_op.general"])
@pytest.mark.parametrize("obits", [3, 12])
def test_truncated_average(layout: str, domain: str, obits: int, tmp_path: Path) -> None:
    """FINN's average pool, with the shift and without."""
    shape = (1, 3, 7, 5) if layout == "NCHW" else (1, 7, 5, 3)
    model = ModelBuilder(shape)
    model.act(1.0, 4, signed=False)
    options = {"kernel": 3, "stride": 2, "ibits": 4, "obits": obits, "signed": 0}
    model.node("QuantAvgPool2d", model.last, domain=domain, data_layout=layout, **options)
    pooled = model.last
    model.act(1.0, 12, signed=False)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    x = np.random.default_rng(2).uniform(0, 15, (20, *shape[1:])).astype(np.float32)
    exact(imported, x)
    levels = np.rint(x).clip(0, 15) if layout == "NCHW" else np.rint(x).transpose(0, 3, 1, 2)
    view = np.lib.stride_tricks.sliding_window_view(levels, (3, 3), axis=(2, 3))
    wanted = view[:, :, ::2, ::2].sum(axis=(4, 5)).astype(np.int64) >> max(8 - obits, 0)
    got = imported.float64.trace(x)[pooled]
    got = got if layout == "NCHW" else got.transpose(0, 3, 1, 2)
    assert np.array_equal(got, wanted)


def test_messages_name_the_node_of_the_file(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4, 4, 3))
    model.act(0.125, 4)
    weight = model.constant(np.random.default_rng(1).normal(0, 1, (2, 3, 3, 3)))
    model.node("Conv", model.last, weight, domain=DOMAIN, name="plain", kernel_shape=[3, 3])
    first = model.last
    model.node("Conv", first, weight, domain="com.else", name="foreign")
    model.last = first
    model.outputs.append(f"t{len(model.nodes) - 1}")
    with pytest.raises(UnsupportedError) as caught:
        import_model(model.save(tmp_path / "model.onnx"))
    assert "Conv 'plain': its weights are not quantized" in str(caught.value)
    assert "Conv 'foreign': operator domain 'com.else'" in str(caught.value)


def test_unknown_rank(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.act(0.125, 4)
    model.node("MaxPool", model.last, domain=DOMAIN, name="flat", kernel_shape=[2])
    with pytest.raises(UnsupportedError, match="MaxPool 'flat': an input of 2 axes"):
        import_model(model.save(tmp_path / "model.onnx"))
