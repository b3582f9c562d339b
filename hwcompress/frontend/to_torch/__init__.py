"""Float ONNX models as torch modules, to be quantized (loads torch; nothing else here does)."""

from hwcompress.frontend.to_torch.convert import to_torch

__all__ = ["to_torch"]
