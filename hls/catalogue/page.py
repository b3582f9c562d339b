"""The page of the library, docs/modules.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwcompress.hls.catalogue.header import Module, closure, module, names
from hwcompress.hls.catalogue.setting import Setting
from hwcompress.hls.catalogue.settings import settings
from hwcompress.hls.catalogue.table import Measured, load, missing
from hwcompress.hls.catalogue.timing import Cycles, cycles_of
from hwcompress.hls.rtl.timing import modules as timed_modules

__all__ = ["page"]

_HEAD = """# The Verilog library

Every module of `hls/rtl/library`. Printed by
`python -m hwcompress.hls.catalogue page docs/modules.md`; do not edit. Texts,
parameters and ports are those of the sources. Figures belong to the settings in
`hls/catalogue`:

- *beats* and *cycles* come from the token model ([timing.md](timing.md)), which the
  tests compare with Icarus cycle by cycle: beats taken and given in a round (a
  vector, a window, an image), several inputs or outputs as `a+b`; cycles from
  the first beat taken (of a source: from reset) to the first beat given (*first*),
  and from round to round (*cycles*) when nothing around it waits;
- resources are counts of {yosys}, out of context, modules kept apart, not
  placed or routed. 7 series: LUTs for logic and as memory, flip-flops, block
  RAMs of 18 kbit (one of 36 counts as two), DSP blocks. iCE40 UltraPlus, for the
  first setting of every module: LUT4, flip-flops, block RAMs of 4 kbit, DSP
  blocks; a logic cell holds one LUT4 and one flip-flop. Memories hold random
  contents.

`python -m hwcompress.hls.catalogue measure` measures what is missing or belongs to
other code, and keeps it in `hls/catalogue/resources.csv`.

Streams keep the contract of `hwc_skid`. Unless their text says otherwise, elements
of a beat lie side by side, the first one lowest; `rst` is synchronous; parameters
of several values hold them in fields, the first one lowest.
"""


def page() -> str:
    """The whole page; measured figures that are missing or out of date show as such."""
    rows = {row.key: row for row in load()}
    stale = {(*setting.key, family) for setting, family in missing(settings(), rows.values())}
    current = {key: row for key, row in rows.items() if key not in stale}
    tools = sorted({row.yosys for row in rows.values()}) or ["Yosys"]
    found = [module(name) for name in names()]
    lines = [_HEAD.format(yosys=" and ".join(tools)), *_index(found)]
    for item in found:
        own = [setting for setting in settings() if setting.module == item.name]
        lines += ["", *_section(item, own, current)]
    return "\n".join(lines) + "\n"


def _index(found: Sequence[Module]) -> Iterator[str]:
    for title, streams in (("Streams", True), ("Parts of them", False)):
        yield from (f"| {title} | |", "|---|---|")
        for item in found:
            if item.is_stream is streams:
                yield f"| [`{item.name}`](#{item.name}) | {_text(item.summary)} |"
        yield ""


def _section(
    item: Module, own: Sequence[Setting], rows: dict[tuple[str, str, str], Measured]
) -> Iterator[str]:
    yield f"## {item.name}"
    for paragraph in item.text:
        yield from ("", _text(paragraph))
    inside = [f"`{name}`" for name in closure(item.name) if name != item.name]
    if inside:
        yield from ("", f"Contains {', '.join(inside)}.")
    yield from ("", "| parameter | default | meaning |", "|---|---|---|")
    for parameter in item.parameters:
        yield f"| `{parameter.name}` | `{parameter.default}` | {_text(parameter.meaning)} |"
    yield from ("", *_ports(item), "", *_figures(item, own, rows))


def _ports(item: Module) -> Iterator[str]:
    for title, output in (("Inputs", False), ("Outputs", True)):
        ports = [port for port in item.ports if port.output is output]
        listed = ", ".join(f"`{port.name}{port.width and ' ' + port.width}`" for port in ports)
        yield f"{title}: {listed}.{'' if output else '  '}"


def _figures(
    item: Module, own: Sequence[Setting], rows: dict[tuple[str, str, str], Measured]
) -> Iterator[str]:
    """One table: timing where there is a model, then resources."""
    timed = item.name in timed_modules()
    head = ["setting"]
    if timed:
        head += ["beats", "first", "cycles"]
    head += ["LUT", "LUT as memory", "FF", "BRAM18", "DSP", "iCE40"]
    yield f"| {' | '.join(head)} |"
    yield f"|---{'|--:' * (len(head) - 2)}|---|"
    for setting in own:
        cells = [setting.title]
        if timed:
            cells += _cycles(cycles_of(setting, item.defaults) if setting.timed else None)
        cells += _xc7(rows.get((*setting.key, "xc7")))
        cells.append(_ice40(rows.get((*setting.key, "ice40"))))
        yield f"| {' | '.join(cells)} |"


def _cycles(found: Cycles | None) -> list[str]:
    if found is None:  # other modules tell its timing
        return ["", "", ""]
    taken, given = ("+".join(map(str, beats)) for beats in (found.taken, found.given))
    return [f"{taken or 0} : {given}", str(found.latency), str(found.interval)]


def _xc7(row: Measured | None) -> list[str]:
    if row is None:
        return ["not measured"] + [""] * 4
    used = row.resources
    blocks = used.bram18 + 2 * used.bram36
    return [str(n) for n in (used.lut_logic, used.lut_memory, used.ff, blocks, used.dsp)]


def _ice40(row: Measured | None) -> str:
    if row is None:
        return ""
    used = row.resources
    parts = [f"{used.lut} LUT4", f"{used.ff} FF"]
    parts += [f"{used.ebr} EBR"] if used.ebr else []
    parts += [f"{used.dsp} DSP"] if used.dsp else []
    return ", ".join(parts)


def _text(text: str) -> str:
    """Plain text for Markdown: nothing in it is markup."""
    for mark in ("\\", "*", "_", "|", "<", ">", "#", "`"):
        text = text.replace(mark, f"\\{mark}")
    return text
