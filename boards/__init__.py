"""Boards: one TOML file each, read by :func:`load`."""

from hwcompress.boards.board import (
    FAMILIES,
    PROCESSORS,
    Board,
    Capacity,
    Family,
    available,
    load,
)

__all__ = ["FAMILIES", "PROCESSORS", "Board", "Capacity", "Family", "available", "load"]
