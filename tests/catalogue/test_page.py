"""The page of the module library against the sources, the models and the measured table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.hls.catalogue.header import closure, module, names, read
from hwcompress.hls.catalogue.page import page
from hwcompress.hls.catalogue.setting import Setting
from hwcompress.hls.catalogue.settings import settings
from hwcompress.hls.catalogue.table import Measured, load, missing, save, wanted
from hwcompress.hls.catalogue.timing import cycles_of, numbers
from hwcompress.hls.rtl.timing import modules as timed_modules
from hwcompress.hls.synth import Resources

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_page_is_what_the_generator_prints() -> None:
    assert (DOCS / "modules.md").read_text(encoding="utf-8") == page(), (
        "run: python -m hwcompress.hls.catalogue page docs/modules.md"
    )


def test_figures_belong_to_the_code() -> None:
    """A module or a setting that changed has to be measured again."""
    old = [f"{setting.module} ({setting.title}), {family}" for setting, family in
           missing(settings(), load())]  # fmt: skip
    assert not old, f"run: python -m hwcompress.hls.catalogue measure\nfor {old}"


def test_every_module_has_settings() -> None:
    assert {setting.module for setting in settings()} == set(names())
    keys = [setting.key for setting in settings()]
    assert len(set(keys)) == len(keys)
    for setting in settings():
        unknown = set(setting.parameters) - {p.name for p in module(setting.module).parameters}
        assert not unknown, setting
    text = page()
    for name in names():
        assert f"\n## {name}\n" in text
    assert "not measured" not in text


def test_readme_of_the_verilog_names_every_module() -> None:
    text = (ROOT / "hls" / "rtl" / "README.md").read_text(encoding="utf-8")
    assert [name for name in names() if f"`{name}`" not in text] == []


def test_every_stream_has_a_timing_model() -> None:
    """All but the module without a register."""
    streams = {name for name in names() if module(name).is_stream}
    assert streams - set(timed_modules()) == {"hwc_wires"}
    assert set(timed_modules()) <= streams


def _claims() -> list[tuple[Setting, str, str]]:
    """Latencies that headers state: the setting, the expression, and from which beat on."""
    found = []
    for setting in settings():
        text = " ".join(module(setting.module).text)
        claim = re.search(r"Timing: latency ([A-Z0-9 *+]+?)(?: (from|after) ([^,;]*))?[,;]", text)
        if claim and setting.timed and setting.module in timed_modules():
            found.append((setting, claim[1].strip(), claim[3] or ""))
    return found


@pytest.mark.parametrize(("setting", "claim", "start"), _claims(), ids=lambda x: str(x)[:40])
def test_latency_in_the_header(setting: Setting, claim: str, start: str) -> None:
    """What a header says is what the model gives, which Icarus confirms elsewhere."""
    defaults = module(setting.module).defaults
    values = {**defaults, **numbers(setting)}
    wanted_latency = eval(claim, {"__builtins__": {}}, dict(values))
    cycles = cycles_of(setting, defaults)
    match start:
        case "" | "reset":
            waited = 0
        case "the last beat" | "the last beat of a vector" | "the last part":
            waited = cycles.taken[0] - 1
        case "a window's last beat":
            row = values["WIDTH"] * values["WORDS"]
            waited = (values["KERNEL_H"] - 1) * row + (values["KERNEL_W"] - 1) * values["WORDS"]
        case "the beat wanted":  # the first one, or the whole block
            waited = cycles.taken[0] - 1 if values["TABLED"] else 0
        case _:
            raise AssertionError(f"unknown start of a latency: {start!r}")
    assert cycles.latency == waited + wanted_latency


def test_most_headers_state_a_latency() -> None:
    """The test above reads them; a new form of words must not hide one."""
    silent = set(timed_modules()) - {setting.module for setting, _, _ in _claims()}
    # Windows state from which element on.
    assert silent == {"hwc_window", "hwc_window_parallel", "hwc_window_up"}


@pytest.mark.parametrize(
    "setting",
    [s for s in settings() if s.module in ("hwc_window", "hwc_window_parallel", "hwc_window_up")],
    ids=lambda s: f"{s.module} {s.title}",
)
def test_windows_start_three_cycles_after_their_last_element(setting: Setting) -> None:
    item = module(setting.module)
    assert re.search(r"3 cycles after its last element", " ".join(item.text))
    v = {**item.defaults, **numbers(setting)}
    cycles = cycles_of(setting, item.defaults)
    row = v["WIDTH"] * v["WORDS"]
    if setting.module == "hwc_window":
        needed = (v["KERNEL_H"] - 1 - v["PAD_TOP"]) * row
        needed += (v["KERNEL_W"] - v["PAD_LEFT"]) * v["WORDS"]
    elif setting.module == "hwc_window_parallel":
        right = v["KERNEL_W"] - 1 - v["PAD_LEFT"] + (v["PIXELS"] - 1) * v["STRIDE_W"]
        needed = (v["KERNEL_H"] - 1 - v["PAD_TOP"]) * row // v["PIXELS_IN"]
        needed += right // v["PIXELS_IN"] * v["WORDS"] + 1
    else:  # the first output pixel meets the first input pixel
        needed = v["WORDS"]
    assert cycles.latency == needed - 1 + 3


def test_headers_are_read() -> None:
    source = """\
// Adds one. And more.
//
// Timing: latency 1.
module hwc_one #(
    parameter WIDTH = 8,  // bits
    parameter [WIDTH-1:0] STEP = {WIDTH{1'b1}}  // what is added
) (
    input  wire             clk,
    input  wire [WIDTH
                 -1:0]      x,
    output wire [WIDTH-1:0] y
);
    wire inner;
endmodule
"""
    found = read("hwc_one", source)
    assert found.summary == "Adds one."
    assert found.text == ("Adds one. And more.", "Timing: latency 1.")
    assert [(p.name, p.default, p.width, p.meaning) for p in found.parameters] == [
        ("WIDTH", "8", "", "bits"),
        ("STEP", "{WIDTH{1'b1}}", "[WIDTH-1:0]", "what is added"),
    ]
    assert [(p.name, p.output, p.width) for p in found.ports] == [
        ("clk", False, ""),
        ("x", False, "[WIDTH -1:0]"),
        ("y", True, "[WIDTH-1:0]"),
    ]
    assert not found.is_stream
    with pytest.raises(InputError, match="without a meaning: parameter WIDTH"):
        read("hwc_one", source.replace("  // bits", ""))
    with pytest.raises(InputError, match="without a header"):
        read("hwc_one", source.split("\n", 3)[3])
    with pytest.raises(InputError, match="does not end"):
        read("hwc_one", source.replace(");", ")"))


def test_parts_are_found() -> None:
    assert closure("hwc_skid") == ("hwc_skid",)
    assert closure("hwc_signs") == ("hwc_compress", "hwc_signs")
    assert "hwc_pack" in closure("hwc_mvu")


def test_table_round_trip(tmp_path: Path) -> None:
    """Rows come back as written; what is missing or old is measured again."""
    some = [setting for setting in settings() if setting.module == "hwc_fork"]
    rows = [
        Measured(
            *setting.key, family, Resources(1, 2, 3, 4, 5, 6, 7, 8), setting.digest, "Yosys, a test"
        )
        for setting, family in wanted(some)
    ]
    path = tmp_path / "table.csv"
    assert load(path) == ()
    save(rows, some, path)
    assert list(load(path)) == rows
    assert (
        path.read_text(encoding="utf-8").splitlines()[1].startswith("hwc_fork,2 x 8 bits,xc7,1,2,")
    )
    assert missing(some, rows) == []
    assert missing(some, rows[1:]) == wanted(some)[:1]
    path.write_text(path.read_text().replace("lut_logic", "luts"))
    with pytest.raises(InputError, match="no readable table of resources"):
        load(path)


def test_digest_sees_code_parameters_and_contents() -> None:
    setting = next(s for s in settings() if s.module == "hwc_rom")
    digests = {
        setting.digest,
        Setting(setting.module, "other title", setting.parameters, setting.memories).digest,
    }
    assert len(digests) == 1
    other = {**setting.parameters, "STYLE": "block"}
    digests.add(Setting(setting.module, setting.title, other, setting.memories).digest)
    digests.add(Setting(setting.module, setting.title, setting.parameters).digest)
    digests.add(Setting("hwc_weights", setting.title, setting.parameters).digest)
    assert len(digests) == 4
