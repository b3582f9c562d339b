"""Float ONNX models as torch modules, to be quantized (loads torch; nothing else here does)."""

from hwcompress.frontend.to_torch.compare import largest_difference
from hwcompress.frontend.to_torch.convert import to_torch

__all__ = ["largest_difference", "to_torch"]
