"""A folder of models made by others: what was imported, how exactly, and as which design.

Usage, in the repository's folder::

    python -m benchmarks.models_table [FOLDER] [--only NAME ...] [--samples 500]
        [--build NAME ...] [--again] [--records build/models]
        [--write docs/imported-models.md]

FOLDER holds ``.onnx`` files and, for the accuracies that their makers document, a
``README.md``; by default it is ``models`` in the folder HWCOMPRESS_DATA (default:
``../shared``), beside ``data`` with the data sets. What was found is kept in
``--records``, a file a model, and is not looked for again without ``--again``; the
page is written from all that lies there. A model that fails does not stop the others.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.model_builds import build
from benchmarks.model_records import Record, measure
from benchmarks.models_page import documented, page

__all__ = ["main"]


def main() -> None:
    """Measure what is missing, print the page of all, and write it if asked to."""
    root = Path(os.environ.get("HWCOMPRESS_DATA") or Path(__file__).resolve().parents[2] / "shared")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=root / "models")
    parser.add_argument("--data", type=Path, default=root / "data")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--build", nargs="*", default=[])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--limit", type=float, default=1800.0)
    parser.add_argument("--records", type=Path, default=Path("build/models"))
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    known = {path.stem for path in wanted.folder.rglob("*.onnx")}
    for name in (*(wanted.only or ()), *wanted.build):
        if name not in known:
            parser.error(f"no model {name!r} in {wanted.folder}; there are {sorted(known)}")
    records = []
    for model in sorted(wanted.folder.rglob("*.onnx")):
        name = str(model.relative_to(wanted.folder))
        file = wanted.records / f"{model.stem}.json"
        selected = wanted.only is None or model.stem in wanted.only
        if selected and (wanted.again or not file.is_file()):
            record = measure(
                model,
                name,
                wanted.data,
                wanted.records,
                samples=wanted.samples,
                limit=wanted.limit,
            )
            record.save(file)
            print(f"{name}: {record.seconds:.0f} s {record.failure[:100]}", flush=True)
        if not file.is_file():
            continue
        record = Record.load(file)
        if model.stem in wanted.build and (wanted.again or record.built is None):
            record.built = build(
                model,
                name,
                wanted.data,
                wanted.records,
                frames=wanted.frames,
                limit=wanted.limit,
            )
            record.save(file)
            print(f"{name}: built in {record.built.seconds:.0f} s {record.built.failure[:200]}")
        records.append(record)
    text = page(records, documented(wanted.folder / "README.md"))
    missing = known - {Path(record.name).stem for record in records}
    if missing:
        text += (
            f"\nNot in these tables yet: {', '.join(f'`{name}`' for name in sorted(missing))}.\n"
        )
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
