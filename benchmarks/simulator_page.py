"""The measured part of docs/simulator.md, written from a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["BEGIN", "END", "put", "table", "text"]

BEGIN = "<!-- measured: begin (python -m benchmarks.simulator --page docs/simulator.md) -->"
END = "<!-- measured: end -->"

Record = Mapping[str, Any]

_TITLES = {
    "hls4ml": "hls4ml's compiled C++",
    "qonnx": "The qonnx executor",
    "brevitas": "Brevitas",
    "float": "onnxruntime, float32 networks of the same shape",
    "int8": "onnxruntime, 8-bit networks",
    "binary": "Binary networks against float32 ones of the same shape",
    "interpreters": "Interpreters of adder graphs",
}


def put(page: Path, body: str) -> None:
    """Replace what stands between the markers of a page, or begin a page with them."""
    old = (
        page.read_text(encoding="utf-8")
        if page.exists()
        else f"# The simulator\n\n{BEGIN}\n{END}\n"
    )
    if BEGIN not in old or END not in old:
        old = f"{old.rstrip()}\n\n## Measured speed\n\n{BEGIN}\n{END}\n"
    head, rest = old.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    page.write_text(f"{head}{BEGIN}\n\n{body}\n{END}{tail}", encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown; all columns but the first two are numbers, to the right."""
    marks = ["---" if index < 2 else "---:" for index in range(len(head))]
    lines = [head, marks, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def text(record: Record, plot: str | None) -> str:
    """The whole measured part; sections without results are left out."""
    parts = [_machine(record), _HOW]
    found = record.get("comparisons", [])
    for part in dict.fromkeys(item["part"] for item in found):
        parts.append(f"### {_TITLES[part]}\n")
        parts.append(_compared([item for item in found if item["part"] == part]))
    if "kernels" in record:
        parts.append(_peaks(record))
    if "growth" in record:
        parts.append(_growth(record, plot))
    if "overhead" in record:
        parts.append(_overhead(record["overhead"]))
    if "profiles" in record:
        parts.append(_profiles(record["profiles"]))
    return "\n".join(parts)


_HOW = """\
Rates are samples a second: the median of the repetitions. "Times faster" is the ratio of
medians, with the lowest and the highest ratio of two measurements that follow each other. The
tools take turns, so that whatever else the machine does meets all of them alike. Peers get
float32 samples and the batch size that is best for them (in brackets) unless a batch is named;
the simulator gets integers of 8 bits and all samples in one call.

"Differ" counts output integers that are not the simulator's; "from itself" counts those in which
the peer, with its optimizations off, differs from its own with them on: it rounds in float32.
"Rounding ties" are proven: the integers that onnxruntime has behind each layer are put into the
network in float64, layer by layer, which must round as onnxruntime does or find the exact value
on a boundary, as close as float32 can tell. Any other difference counts as unexplained.
Against float32 networks of the same shape nothing can be equal; there, Brevitas is the judge. A
few samples of every network are also compared with the NumPy reference: no difference is
accepted there.
"""


def _machine(record: Record) -> str:
    machine, settings = record["machine"], record["settings"]
    versions = ", ".join(f"{name} {value}" for name, value in machine["versions"].items())
    load = machine["load before"][0]
    lines = [
        f"Measured {machine['date']} by `{settings['command']}` on {machine['processors']}"
        f" processors of {machine['processor']} (family and model"
        f" {machine['family and model']}; {', '.join(machine['vector instructions'])}; kernels of"
        f" level `{machine['kernels of the simulator']}`), {machine['memory GB']} GB,"
        f" {machine['system']}, g++ {machine['g++']}; {versions}."
        f" {settings['repetitions']} repetitions of {settings['least seconds']} s.",
    ]
    if settings["clock"] != "wall":
        lines.append("\nTimes are those of the processor for the process, not those that passed.")
    if load > 0.5:
        lines.append(
            f"\nThe machine was not idle: its load before was {load}, so these figures are"
            " provisional."
        )
    return "\n".join(lines) + "\n"


def _rate(value: float) -> str:
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _compared(found: Sequence[Record]) -> str:
    head = ["network", "peer", "threads", "peer's rate", "simulator's rate", "times faster"]
    head += ["goal", "reached", "differ"]
    rows, notes = [], []
    for item in found:
        names = [item["network"], item["peer"], str(item["threads"])]
        if item["error"]:
            rows.append([*names, "", "", item["error"], "", "", ""])
            continue
        ratio, wanted = item["ratio"], item["wanted"]
        batch = f" ({item['peer_batch']})"
        rows.append(
            [
                *names,
                _rate(item["peer_rate"]["median"]) + batch,
                _rate(item["rate"]["median"]),
                f"**{_times(ratio['median'])}** ({_times(ratio['low'])}-{_times(ratio['high'])})",
                "" if wanted is None else f"{wanted:g}",
                "" if wanted is None else "yes" if ratio["median"] >= wanted else "no",
                _differing(item),
            ]
        )
        notes += [note for note in item["notes"] if note not in notes]
    made = table(head, rows)
    return made + "".join(f"\n{note}.\n" for note in notes)


def _differing(item: Record) -> str:
    judge = "" if item["judge"] == item["peer"] else f" ({item['judge']})"
    said = f"{item['differing']} of {item['compared']}{judge}"
    if item["differing"]:
        said += f", by at most {item['largest']:.3g}{_why(item)}"
    if item["self_differing"] >= 0:
        said += f" ({item['self_differing']} from itself)"
    return said


def _why(item: Record) -> str:
    """Of differences; a record of an older version does not know."""
    if "unexplained" not in item:
        return ""
    if not item["unexplained"]:
        return ", all from rounding ties"
    return f", {item['explained']} from rounding ties, {item['unexplained']} unexplained"


def _peaks(record: Record) -> str:
    peaks = [
        [item["kind"], item["instruction"], f"{item['one']:.0f}", f"{item['two']:.0f}"]
        for item in record["peaks"]
    ]
    kernels = [
        [
            item["kind"],
            item["layer"],
            f"{item['rate']:.0f}",
            f"{item['whole']:.0f}",
            f"{100 * item['share']:.0f} %",
        ]
        for item in record["kernels"]
    ]
    return (
        "### Share of the processor's peak\n\n"
        "The peak is a loop of one instruction with its operands in registers and the first-level"
        " cache; billions of multiplications and additions a second (of single bits: 32 in a"
        " lane).\n\n"
        + table(["kind", "instruction", "one thread", "two threads"], peaks)
        + "\nKernels in one thread: the job of the layer, with the thresholds behind the sums,"
        " and a whole call, with moving data in and out.\n\n"
        + table(["kind", "layer", "job", "call", "share of the peak"], kernels)
    )


def _growth(record: Record, plot: str | None) -> str:
    rows = []
    for item in record["growth"]:
        sizes = f"{item['sizes'][0]} to {item['sizes'][-1]}"
        rows.append([item["axis"], item["unit"], sizes, f"{item['exponent']:.2f}"])
    picture = f"\n![time of a call against operations]({plot})\n" if plot else ""
    return (
        "### How time grows\n\nTime of a call in one thread against its multiplications and"
        " additions. An exponent of 1 is linear; it is fitted to the larger half of the sizes."
        "\n\n" + table(["against", "of", "sizes", "exponent"], rows) + picture
    )


def _overhead(found: Record) -> str:
    low, high = found["quartiles us"]
    return (
        "### One sample\n\n"
        f"A call with one sample of the 16-64-32-32-5 network takes {found['median us']:.0f}"
        f" microseconds (median of {found['calls']} calls, quartiles {low:.0f} and {high:.0f})."
        f" Making its plan takes {1000 * found['plan seconds']:.0f} ms, with compiled kernels on"
        f" disk. A new process has its first result {found['process seconds']:.1f} seconds after"
        " its start (least of 5).\n"
    )


def _profiles(found: Mapping[str, Sequence[Record]]) -> str:
    parts = ["### Where the time goes\n\nEvery job of a plan by itself, in one thread.\n"]
    for name, jobs in found.items():
        rows = [
            [
                name,
                job["label"],
                f"{job['nanoseconds']:.0f}",
                f"{100 * job['share']:.0f} %",
                f"{job['rate']:.0f}" if job["macs"] else "",
            ]
            for job in jobs
            if job["share"] >= 0.02
        ]
        parts.append(table(["network", "job", "ns a sample", "share", "G MAC/s"], rows))
    return "\n".join(parts)
