"""Resize by interpolation, against onnxruntime under the qonnx executor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import import_model
from hwcompress.ir import ConvTranspose
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_wild_qonnx import agrees

MODES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
Scales = tuple[float, ...]


def resized(
    shape: tuple[int, ...],
    scales: Scales = (),
    sizes: tuple[int, ...] = (),
    opset: int = 13,
    **attributes: object,
) -> ModelBuilder:
    """A quantized tensor, a Resize, and a quantizer that few ties reach."""
    model = ModelBuilder(shape, opset=opset)
    model.act(0.02, 8)
    factors = model.constant(np.array((1.0, 1.0, *scales))) if scales else ""
    given = [model.constant(np.array((*shape[:2], *sizes)))] if sizes else []
    first = [] if opset < 11 else [""]
    op = "Upsample" if opset < 10 else "Resize"
    model.node(op, model.last, *first, factors, *given, **attributes)
    model.act(0.0131, 8)
    return model


@pytest.mark.parametrize("place", MODES)
@pytest.mark.parametrize("scales", [(2.0, 2.0), (3.0, 1.0), (2.0, 5.0), (1.5, 0.5)])
def test_linear(scales: Scales, place: str, tmp_path: Path) -> None:
    model = resized((1, 2, 4, 6), scales, mode="linear", coordinate_transformation_mode=place)
    imported = agrees(model, tmp_path, None)
    whole = place != "align_corners" and scales != (1.5, 0.5)
    assert whole == any(isinstance(op, ConvTranspose) for op in imported.graph.ops)


@pytest.mark.parametrize("place", MODES)
def test_sizes_and_cubic(place: str, tmp_path: Path) -> None:
    options = {"mode": "cubic", "coordinate_transformation_mode": place}
    agrees(resized((1, 2, 4, 6), sizes=(8, 9), **options), tmp_path, None)


@pytest.mark.parametrize("opset", [9, 10])
def test_old_forms(opset: int, tmp_path: Path) -> None:
    agrees(resized((1, 2, 3, 4), (2.0, 2.0), opset=opset, mode="linear"), tmp_path, None)


def test_signal(tmp_path: Path) -> None:
    agrees(resized((1, 2, 7), (4.0,), mode="linear"), tmp_path, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coordinate_transformation_mode": "tf_crop_and_resize"}, "tf_crop_and_resize.*use mode"),
        ({"antialias": 1, "opset": 18}, "antialias"),
        ({"sizes": (199, 1), "mode": "cubic"}, "more than 16 bits.*a whole factor"),
        ({"sizes": (1 << 20, 1)}, "from 97 to 1048576.*of them"),
    ],
)
def test_refused(options: dict[str, object], message: str, tmp_path: Path) -> None:
    model = resized((1, 2, 97, 1), **{"sizes": (20, 3), "mode": "linear", **options})  # type: ignore[arg-type]
    model.save(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedError, match=message):
        import_model(tmp_path / "model.onnx")
