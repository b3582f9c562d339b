"""A hash of what a graph computes, whatever its parts are called."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from hwcompress.ir.graph import Graph
from hwcompress.ir.op import Op

__all__ = ["fingerprint"]


def fingerprint(graph: Graph) -> str:
    """SHA-256, in hexadecimal, of operations, connections, types and scales in their order.

    Names and notes do not count: the same network read from different files has
    one fingerprint.
    """
    total = hashlib.sha256()
    place = {name: index for index, name in enumerate(graph.tensors)}
    for op in graph.ops:
        total.update(f"{op.kind} {[place[name] for name in op.inputs]}\n".encode())
        total.update(f"{[place[name] for name in op.outputs if name in place]}\n".encode())
        for field in dataclasses.fields(op):
            if field.name not in ("name", "inputs", "outputs"):
                total.update(f"{field.name} ".encode() + _content(op, field.name))
    for tensor in graph.tensors.values():
        facts = (tensor.shape, str(tensor.dtype), tensor.affine.scale, tensor.affine.offset)
        total.update(f"{facts}\n".encode())
    return total.hexdigest()


def _content(op: Op, name: str) -> bytes:
    value = getattr(op, name)
    if not isinstance(value, np.ndarray):
        return f"{value}\n".encode()
    # The same numbers in the same order, whatever the width in which they are kept.
    kept = value.astype("<f8" if value.dtype.kind == "f" else "<i8")
    return f"{value.shape} ".encode() + np.ascontiguousarray(kept).tobytes()
