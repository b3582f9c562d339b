"""Inputs of a model that are integers already (``int8``, ``uint8``, ...).

Samples for such an input are what the file's own runtime takes: its integers. Samples
that are not (a fraction, or out of range) are real values; the host quantizes them
with the scale and zero point of the DequantizeLinear that reads the input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from hwcompress.errors import InputError
from hwcompress.frontend.linear_quantizer import int_type_of
from hwcompress.frontend.lowering import InputSpec
from hwcompress.frontend.onnx_model import OnnxModel
from hwcompress.frontend.shapes import MOVES
from hwcompress.ir import IntType

__all__ = ["integer_input_specs", "integer_inputs"]

_WIDEST = 16
_MOVING = frozenset(MOVES) | {"Transpose", "Identity"}


def integer_inputs(model: OnnxModel) -> dict[str, IntType]:
    """The inputs that hold quantized integers, with their types."""
    found = {}
    for name, element in model.input_types.items():
        dtype = int_type_of(element)
        if dtype is not None and dtype.bits <= _WIDEST:
            found[name] = dtype
    return found


def integer_input_specs(
    model: OnnxModel, samples: Mapping[str, np.ndarray], where: str
) -> dict[str, InputSpec]:
    """How the host makes the integers of these inputs.

    Raises:
        InputError: samples are real values, and no DequantizeLinear says what they stand for.
    """
    return {
        name: _spec(model, name, dtype, samples.get(name), where)
        for name, dtype in integer_inputs(model).items()
    }


def _spec(
    model: OnnxModel, name: str, dtype: IntType, samples: np.ndarray | None, where: str
) -> InputSpec:
    kind = onnx.TensorProto.DataType.Name(model.input_types[name]).lower()
    meaning = _meaning(model, name)
    if samples is None or _are_levels(samples, dtype):
        why = f"the model's input {name!r} is {kind}, and samples are these integers"
        if meaning is not None:
            why += f", which stand for (q - ({meaning[1]:g})) * {meaning[0]:.9g}"
        return InputSpec(dtype, 1.0, 0.0, why, whole=True)
    if meaning is None:
        raise InputError(
            f"samples of input {name!r} are not {kind} integers",
            where=where,
            why="nothing in the model says which real values its integers stand for",
            remedy=f"give the integers {dtype.lo} ... {dtype.hi} that the model's runtime takes",
        )
    scale, zero = meaning
    why = (
        f"the samples are real values; the host quantizes them for the model's {kind} input as"
        f" round(x / {scale:.9g}) {'-' if zero < 0 else '+'} {abs(zero):g}"
    )
    return InputSpec(dtype, scale, zero, why, whole=True)


def _are_levels(samples: np.ndarray, dtype: IntType) -> bool:
    x = np.asarray(samples, np.float64)
    return bool(np.all((x == np.rint(x)) & (x >= dtype.lo) & (x <= dtype.hi)))


def _meaning(model: OnnxModel, name: str) -> tuple[float, float] | None:
    """Scale and zero point of the input, from the first DequantizeLinear behind it."""
    same = {name}
    for node in model.nodes:
        if not node.inputs or node.inputs[0] not in same:
            continue
        if node.op in _MOVING:
            same.add(node.outputs[0])
        elif node.op == "DequantizeLinear":
            given = [model.initializers.get(item) for item in node.inputs[1:3]]
            if all(item is not None and item.size == 1 for item in given):
                scale, zero = (float(np.asarray(item, np.float64).reshape(())) for item in given)
                return scale, zero
    return None
