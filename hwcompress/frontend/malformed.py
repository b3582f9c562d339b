"""What goes wrong where a file's shapes, attributes or values make no sense."""

from __future__ import annotations

__all__ = ["MALFORMED"]

MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""What Python and numpy raise; who catches it says which node it was, and goes on."""
