"""Model files of other tools: what they are, and how they become one that is read."""

from __future__ import annotations

__all__ = ["foreign_content", "foreign_name"]

_TFLITE = ("it is a TFLite model", "python -m tf2onnx.convert --tflite {} --output model.onnx")
_KERAS = (
    "it is a Keras model or weights",
    "in TensorFlow, tf2onnx.convert.from_keras(model, output_path='model.onnx')",
)
_TENSORFLOW = (
    "it is a TensorFlow model",
    "python -m tf2onnx.convert --saved-model FOLDER --output model.onnx",
)
_ENDINGS = {
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".lite": _TFLITE,
    ".pb": _TENSORFLOW,
    ".tflite": _TFLITE,
}


def foreign_name(path: str) -> tuple[str, str]:
    """Why a file of such a name is not read, and what makes an ONNX file of it; both empty for
    unknown names."""
    name = path.lower()
    for ending, (why, remedy) in _ENDINGS.items():
        if name.endswith(ending):
            return why, f"convert it: {remedy.format(path)}"
    return "", ""


def foreign_content(data: bytes) -> tuple[str, str]:
    """The same for the bytes of a file, whatever its name."""
    if data[4:8] == b"TFL3":
        kind = _TFLITE
    elif data.startswith(b"\x89HDF\r\n\x1a\n"):
        kind = _KERAS
    elif data.startswith(b"PK\x03\x04"):
        return "it is a zip archive", "give a torch.export program the name FILE.pt2"
    else:
        return "", "give a .onnx file, or file.py:function"
    return kind[0], f"convert it: {kind[1].format('FILE')}"
