"""Run mypy over the package as it is installed.

``sim``, ``hls`` and ``boards`` are folders of their own that install below
``hwcompress``; mypy knows nothing of that mapping, so it is shown a tree of
links.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOUNTED = ("sim", "hls", "boards")


def main() -> int:
    """Build the tree of links and run mypy on it; returns mypy's exit code."""
    tree = ROOT / "build" / "typecheck" / "hwcompress"
    tree.mkdir(parents=True, exist_ok=True)
    wanted = {path.name: path for path in (ROOT / "hwcompress").iterdir()}
    wanted.update({name: ROOT / name for name in MOUNTED})
    for link in tree.iterdir():
        link.unlink()
    for name, target in wanted.items():
        if name != "__pycache__":
            (tree / name).symlink_to(target)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    return subprocess.call([*command, "-p", "hwcompress"], cwd=tree.parent)


if __name__ == "__main__":
    sys.exit(main())
