"""Source models to the integer graph: scalar regions are evaluated, not pattern-matched."""

from hwcompress.frontend.importer import Imported, import_model

__all__ = ["Imported", "import_model"]
