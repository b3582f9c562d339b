"""The embedded digits network on every board, by the command line, and as small as it gets.

Usage::

    python benchmarks/digits_boards.py [--work FOLDER] [--write docs/boards.md]

Runs ``hwcompress build`` for each board with its default folding, and for the
smallest one with all lanes 1 (one multiplication a cycle and layer). All builds
share a folder, so that the network is trained once. ``--work`` keeps it; what is
up to date there is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwcompress.boards import Board, available
from hwcompress.hls.folding import Folding, legal_foldings
from hwcompress.ir import load
from hwcompress.tools import Tool, run

_HEAD = """# Boards

A board is a file `boards/*.toml`, or one of your own with the same keys
(`--board my.toml`): the part, what it holds, a clock. `hwcompress boards` lists
them. Without a goal (`--fit`, `--target-fps`, ...) and `--folding` a build takes the
fastest folding whose rough weight stays within 5000, or within six tenths of
the board's LUTs where that is less.

| board | device | clock | LUT | FF | block RAM | DSP |
|---|---|--:|--:|--:|--:|--:|
{boards}

## The embedded network on them

4-bit weights and activations, two convolutions and a dense layer, trained on
scikit-learn's digits: what `hwcompress build --board NAME` gives, and with every
engine serial (one multiplication a cycle and layer). LUTs have six inputs on
the 7 series, four on the others. Counts of
{yosys}, of modules apart, neither placed nor routed;
cycles measured in Verilator; *wrong* are the outputs of the Verilog that differ
from the simulator's, of all test samples. Printed by
`python benchmarks/digits_boards.py --write docs/boards.md`.

| board | folding | cycles a frame | LUT | share | FF | block RAM | DSP | wrong |
|---|---|--:|--:|--:|--:|--:|--:|--:|
{rows}
"""


@dataclass(frozen=True)
class Result:
    """A finished build."""

    board: Board
    folding: str
    cycles: int
    wrong: int
    used: Mapping[str, float]
    tool: str

    def row(self) -> str:
        """A line of the table."""
        lut, blocks = self.used["LUT"], self.board.kind.bram_name
        return (
            f"| {self.board.name} | {self.folding} | {self.cycles:,} | {lut:,.0f} |"
            f" {100 * lut / self.board.capacity.lut:.1f} % | {self.used['FF']:,.0f} |"
            f" {self.used[blocks]:g} {blocks} | {self.used['DSP']:g} | {self.wrong} |"
        )


def _build(folder: Path, board: Board, folding: Path | None) -> Result:
    """One build; the folder's earlier steps are taken over."""
    words = ["build", "--board", board.name, "--out", str(folder)]
    words += ["--folding", str(folding)] if folding else []
    command = Tool("hwcompress", (sys.executable, "-m", "hwcompress.cli.main"), "argument")
    run(command, words, cwd=folder.parent, log=folder.parent / f"{board.name}.log")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (interval,) = (item for item in report["performance"] if item["name"] == "interval")
    wrong = sum(
        int(check["mismatches"]) for check in report["checks"] if check["level"] == "Verilog"
    )
    used = {item["name"]: float(item["used"]) for item in report["resources"]}
    tool = str(report["resources"][0]["by"]).split(", ")[0]
    name = "serial" if folding else "default"
    return Result(board, name, int(interval["value"]), wrong, used, tool)


def _serial(folder: Path) -> Path:
    """A folding file with one lane everywhere."""
    graph = load(folder / "graph")
    lanes = {
        name: min(choices, key=lambda lanes: lanes.pe * lanes.simd * lanes.pixels)
        for name, choices in legal_foldings(graph).items()
    }
    path = folder.parent / "serial.json"
    path.write_text(Folding(lanes).to_json(), encoding="utf-8")
    return path


def _board_row(board: Board) -> str:
    holds = board.capacity
    return (
        f"| `{board.name}`, {board.title} | {board.part} | {board.clock_mhz:g} MHz |"
        f" {holds.lut:,} | {holds.ff:,} | {holds.bram} {board.kind.bram_name} | {holds.dsp} |"
    )


def main() -> None:
    """Build, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = (arguments.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        folder = work / "build"
        # Smallest last: the serial build follows its own.
        boards = sorted(available(), key=lambda board: -board.capacity.lut)
        results = [_build(folder, board, None) for board in boards]
        results.append(_build(folder, boards[-1], _serial(folder)))
    text = _HEAD.format(
        boards="\n".join(_board_row(board) for board in boards),
        rows="\n".join(result.row() for result in results),
        yosys=results[0].tool,
    )
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
