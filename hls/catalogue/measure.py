"""Synthesizes the settings with Yosys, several in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from hwcompress import boards
from hwcompress.hls.catalogue.header import texts
from hwcompress.hls.catalogue.setting import Setting
from hwcompress.hls.catalogue.settings import settings
from hwcompress.hls.catalogue.table import FAMILIES, TABLE, Measured, load, missing, save
from hwcompress.hls.synth.hierarchy import read_hierarchy
from hwcompress.hls.synth.yosys import short_version, synthesis_command
from hwcompress.tools import Tool, need, run

__all__ = ["measure", "update"]

_TOP = "catalogue"
_BATCH = 10  # settings in one run: starting Yosys takes longer than most of them


def update(work: Path, say: Callable[[str], None], path: Path = TABLE) -> None:
    """Measure what the table lacks; what has been measured is kept if this is stopped.

    Args:
        work: folder for scripts and logs, made if it is not there.
        say: gets a line before every run of Yosys.
        path: the table.

    Raises:
        MissingToolError: Yosys is not installed.
        CheckFailed: Yosys refuses a module.
    """
    yosys = need("yosys", purpose="measuring the library")
    for family in FAMILIES:
        todo = iter([setting for setting, f in missing(settings(), load(path)) if f == family])
        while batch := list(islice(todo, _BATCH)):
            say(f"{family}: {', '.join(sorted({setting.module for setting in batch}))}")
            rows = measure(batch, family, work, yosys)
            # The fresh rows come last and replace the old ones.
            save([*load(path), *rows], settings(), path)
    save(load(path), settings(), path)


def measure(batch: Sequence[Setting], family: str, work: Path, yosys: Tool) -> list[Measured]:
    """Resources of some settings, each synthesized on its own in one run of Yosys.

    The settings are instances of one top module without connections. The
    hierarchy is kept, so that none sees its surroundings.
    """
    work.mkdir(parents=True, exist_ok=True)
    names = [f"s{number}" for number in range(len(batch))]
    files = texts({setting.module for setting in batch})
    lines = [setting.instance(name) for setting, name in zip(batch, names, strict=True)]
    sources = [*files, f"{_TOP}.v"]
    files[f"{_TOP}.v"] = "\n".join([f"module {_TOP};", *lines, "endmodule", ""])
    for setting, name in zip(batch, names, strict=True):
        files |= setting.files(name)
    stat, instances = work / "stat.json", work / "instances.il"
    files["catalogue.ys"] = "\n".join(
        [
            *(f"read_verilog -defer {source}" for source in sources),
            f"hierarchy -check -top {_TOP}",
            f"tee -q -o {instances.name} dump {_TOP}/t:*",
            synthesis_command(boards.load(FAMILIES[family]), _TOP),
            "check",
            f"tee -q -o {stat.name} stat -json",
            "",
        ]
    )
    for old in (stat, instances):  # a stale file must not be taken for the result
        old.unlink(missing_ok=True)
    for file, text in files.items():
        (work / file).write_text(text, encoding="utf-8")
    run(yosys, ["-s", "catalogue.ys"], cwd=work, log=work / f"yosys-{family}.log")
    found = read_hierarchy(stat, instances, _TOP)
    return [
        Measured(
            module=setting.module,
            setting=setting.title,
            family=family,
            resources=found.resources(found.instances[name]),
            digest=setting.digest,
            yosys=short_version(found.creator),
        )
        for setting, name in zip(batch, names, strict=True)
    ]
