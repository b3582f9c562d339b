"""Files for processors with floating point: how they are marked, and why no FPGA gains by them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EDGE_KEY", "EDGE_KINDS", "edge_refusal"]

EDGE_KEY = "hwcompress.edge"
"""Key of an ONNX file's metadata; its value is one of :data:`EDGE_KINDS`."""

EDGE_KINDS: Mapping[str, str] = {
    "float16": "a multiplication in half precision takes several DSPs, a 4-bit one a few LUTs",
    "dynamic-range": "every layer would search its input's range and divide by it at run time",
}
"""Kind of export -> why it is of no use to an FPGA."""


def edge_refusal(metadata: Mapping[str, str]) -> tuple[str, str, str] | None:
    """What is wrong with a file for an FPGA, why, and the remedy; ``None`` for other files."""
    kind = metadata.get(EDGE_KEY)
    if kind is None:
        return None
    return (
        f"this file is a {kind} export for a CPU or GPU, not for an FPGA",
        EDGE_KINDS.get(kind, "its arithmetic is not in integers"),
        "give the model that it was made of, and quantize that to integers:"
        " hwcompress build, or hwcompress compress with the recipe w8a8-ptq",
    )
