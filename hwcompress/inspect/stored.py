"""The tensors that an ONNX file holds: initializers and constants, read where they are small."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

__all__ = ["StoredTensors", "element_name"]


class StoredTensors:
    """Tensors with a value in the file, by name; nothing outside the file is opened."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._tensors = {item.name: item for item in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.output:
                for item in node.attribute:
                    if item.type == onnx.AttributeProto.TENSOR:
                        self._tensors[node.output[0]] = item.t

    def values(self, name: str) -> np.ndarray | None:
        """The numbers of a tensor, float64; ``None`` if the file does not hold them."""
        tensor = self._tensors.get(name)
        if tensor is None or tensor.data_location == onnx.TensorProto.EXTERNAL:
            return None
        try:
            return np.asarray(numpy_helper.to_array(tensor), np.float64)
        except Exception:  # a damaged tensor is the importer's to complain about
            return None

    def scalar(self, name: str) -> float | None:
        """The first number of a tensor."""
        values = self.values(name)
        return float(values.reshape(-1)[0]) if values is not None and values.size else None

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The lengths that the file states."""
        tensor = self._tensors.get(name)
        return None if tensor is None else tuple(int(length) for length in tensor.dims)

    def element(self, name: str) -> str | None:
        """Type of the elements, as ONNX calls it, in small letters."""
        tensor = self._tensors.get(name)
        return None if tensor is None else element_name(tensor.data_type)


def element_name(number: int) -> str:
    """Name of an ONNX element type."""
    try:
        return str(onnx.TensorProto.DataType.Name(number)).lower()
    except ValueError:
        return "unknown"
