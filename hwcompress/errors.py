"""Every error that hwcompress raises on purpose.

::

    HwcompressError            base; carries what, where, why and remedy
    |-- InputError             something the user gave is wrong        (exit 2)
    |   |-- UnsupportedError   a model uses what cannot be expressed   (exit 2)
    |   `-- MissingToolError   an external program is not installed    (exit 2)
    |-- GraphError             an integer graph breaks its rules       (exit 2)
    `-- CheckFailed            two realisations disagree, or a tool
                               that was run reports a failure          (exit 1)

The command line prints :meth:`HwcompressError.__str__` without a traceback
and leaves with :attr:`HwcompressError.exit_code`.
"""

from __future__ import annotations

__all__ = [
    "CheckFailed",
    "GraphError",
    "HwcompressError",
    "InputError",
    "MissingToolError",
    "UnsupportedError",
]


class HwcompressError(Exception):
    """An error with a remedy.

    Args:
        what: one sentence on what is wrong, with the offending value quoted.
        where: file, node, tensor or line, or empty when ``what`` names it.
        why: the reason, or empty when it is evident.
        remedy: what the user can do.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        super().__init__(what, where, why, remedy)
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.why:
            text += f" ({self.why})"
        if self.remedy:
            text += f". Remedy: {self.remedy}"
        return text


class InputError(HwcompressError):
    """A file, option or value given by the user is wrong."""


class UnsupportedError(InputError):
    """A model uses something that cannot be expressed exactly.

    ``problems`` lists every such node, one readable line each, so that the
    user learns of all of them at once.
    """

    def __init__(self, what: str, problems: list[str] | None = None, **parts: str) -> None:
        super().__init__(what, **parts)
        self.problems = list(problems or [])

    def __str__(self) -> str:
        if not self.problems:
            return super().__str__()
        head = HwcompressError(self.what, where=self.where, why=self.why)
        lines = [str(head), *(f"  - {line}" for line in self.problems)]
        return "\n".join([*lines, f"Remedy: {self.remedy}"] if self.remedy else lines)


class MissingToolError(InputError):
    """An external program is needed and was not found."""


class GraphError(HwcompressError):
    """An integer graph violates docs/integer-graph.md."""


class CheckFailed(HwcompressError):
    """A check ran and failed: a mismatch, or a tool that ended in an error."""

    exit_code = 1
