"""Minutes of one core that a training took, however often it was stopped."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["CoreClock"]


class CoreClock:
    """Processor time up to the last epoch, kept in a file.

    A run that only loads what was trained adds nothing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "seconds.txt"
        self.seconds = float(self._file.read_text("ascii")) if self._file.is_file() else 0.0
        self._last = time.process_time()

    def say(self, text: str) -> None:
        """Print a line of progress; at the end of an epoch the time is kept."""
        print(f"  {text}", flush=True)
        if text.startswith("epoch "):
            now = time.process_time()
            self.seconds += now - self._last
            self._last = now
            self._file.write_text(f"{self.seconds:.1f}", encoding="ascii")
