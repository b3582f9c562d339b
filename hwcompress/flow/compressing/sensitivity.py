"""The steps of ``hwcompress sensitivity``: ask every layer, and choose bits under a budget."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from hwcompress.compress.mixed import Choice, Option, choose_bits
from hwcompress.compress.sensitivity import ALL_LAYERS, layer_sensitivity, mixed_step
from hwcompress.errors import CheckFailed
from hwcompress.flow.compressing.designs import Designs, explored
from hwcompress.flow.compressing.exploring import (
    LayerCost,
    MixedFacts,
    SensitivityFacts,
    SensitivityRow,
    SensitivitySettings,
)
from hwcompress.flow.compressing.floats import (
    MAKING,
    MODEL,
    PACKAGES,
    TORCH,
    float_step,
    load_start,
    recipe_data,
)
from hwcompress.flow.compressing.plot import sensitivity_page
from hwcompress.flow.pipeline import PIPELINE
from hwcompress.flow.sources import few_threads
from hwcompress.flow.step import Context, Step
from hwcompress.flow.steps.arrays import save_result
from hwcompress.flow.steps.prepare import data_files, source_files

__all__ = ["EXPLORATION", "MIXED", "PAGE", "TABLE", "run_mixed", "run_sensitivity"]

TABLE, PAGE, FACTS = "sensitivity.csv", "sensitivity.html", "sensitivity.json"
MIXED = "mixed.toml"
_MOST_DESIGNS = 4


def run_sensitivity(context: Context) -> SensitivityFacts:
    """Ask every layer at every number of bits."""
    settings = explored(context)
    with TORCH:
        start = load_start(context)
        data = recipe_data(start)
        with few_threads(start.data):
            rows = layer_sensitivity(start.module, data, settings.tried, say=context.say)
    layers = tuple(dict.fromkeys(row.layer for row in rows if row.layer != ALL_LAYERS))
    facts = SensitivityFacts(
        start.source.name,
        layers,
        tuple(SensitivityRow(**asdict(row)) for row in rows),
        0 if data.y is None else min(1000, len(data.y)),
        ("others at 8 bits; no training after it; asked are training samples",),
    )
    (context.out / TABLE).write_text(_csv(facts), encoding="utf-8")
    save_result(context.out / FACTS, facts)
    (context.out / PAGE).write_text(sensitivity_page(facts), encoding="utf-8")
    return facts


def _csv(facts: SensitivityFacts) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["layer", "part", "bits", "accuracy", "loss"])
    for row in facts.rows:
        writer.writerow([row.layer, row.part, row.bits, f"{row.accuracy:.6f}", f"{row.loss:.6f}"])
    return stream.getvalue()


def run_mixed(context: Context) -> MixedFacts:
    """Choose the bits of every layer under the budgets, and write the recipe."""
    settings = explored(context)
    asked = context.result("sensitivity", SensitivityFacts)
    designs = Designs(context)
    # The one of the most bits first: it decides how fast all of them are.
    tried_bits = settings.tried[::-1]
    uniform = [designs.of(dict.fromkeys(asked.layers, bits)) for bits in tried_bits]
    costs = [
        LayerCost(layer, bits, int(cost[0]), float(cost[1]))
        for bits, design in zip(tried_bits, uniform, strict=True)
        for layer, cost in zip(asked.layers, design.costs, strict=True)
    ]
    rest = [max(design.rest[index] for design in uniform) for index in range(2)]
    loss = {(row.layer, row.bits): row.loss for row in asked.rows if row.part == "both"}
    options = {
        layer: [
            Option(cost.bits, (float(cost.lut), cost.bram36), loss[layer, cost.bits])
            for cost in costs
            if cost.layer == layer
        ]
        for layer in asked.layers
    }
    # Sums of losses count the reference once for each layer: the same for every choice.
    budget = (settings.lut_budget, settings.bram_budget)
    pairs = zip(budget, rest, strict=True)
    room = [None if most is None else float(most) - used for most, used in pairs]
    for tried in range(1, _MOST_DESIGNS + 1):
        choice = choose_bits(options, room)
        context.say(f"design {tried} of the choice")
        made = designs.of(choice.bits)
        above = _above(made.total, budget)
        if not any(above):
            break
        # Layers beside others than in the uniform designs: take back what was too much.
        room = [None if r is None else r - more for r, more in zip(room, above, strict=True)]
    else:
        raise CheckFailed(
            f"no mixed design kept to the budget in {_MOST_DESIGNS} attempts",
            why=f"the last one takes {made.total[0]:,.0f} LUTs and {made.total[1]:g} BRAMs",
            remedy="allow more",
        )
    (context.out / MIXED).write_text(_recipe(choice, settings, asked.model), encoding="utf-8")
    return MixedFacts(
        choice.bits,
        tuple(costs),
        tuple(rest),
        tuple(cost + more for cost, more in zip(choice.cost, rest, strict=True)),
        made.total,
        tried,
        made.by,
        made.interval,
    )


def _above(total: Sequence[float], budget: Sequence[float | None]) -> list[float]:
    pairs = zip(total, budget, strict=True)
    return [0.0 if most is None else max(0.0, used - most) for used, most in pairs]


def _recipe(choice: Choice, settings: SensitivitySettings, model: str) -> str:
    """The recipe of a choice, as TOML."""
    step = mixed_step(choice.bits)
    limits = {"LUTs": settings.lut_budget, "BRAMs": settings.bram_budget}
    said = ", ".join(f"{most:,} {name}" for name, most in limits.items() if most is not None)
    lines = [
        # A text of JSON is one of TOML, too.
        f"summary = {json.dumps(f'Mixed bits for {model} within {said}')}",
        "",
        "[[step]]",
        'name = "quantize"',
        f"weight_bits = {step.weight_bits}",
        f"act_bits = {step.act_bits}",
    ]
    if step.layers:
        lines.append("layers = [")
        for item in step.layers:
            options = ", ".join(f"{key} = {value}" for key, value in item.options.items())
            lines.append(f"    {{ match = {json.dumps(item.match[0])}, {options} }},")
        lines.append("]")
    if settings.mixed_epochs:
        lines += ["", "[[step]]", 'name = "train"', f"epochs = {settings.mixed_epochs}"]
    return "\n".join(lines) + "\n"


_BUILD = {step.name: step for step in PIPELINE}

EXPLORATION = (
    replace(_BUILD["data"], settings=SensitivitySettings, files=data_files),
    float_step(SensitivitySettings),
    Step(
        "sensitivity",
        "quantize one layer after the other",
        run_sensitivity,
        outputs=(TABLE, FACTS, PAGE),
        needs=("data", "float"),
        reads=(*MODEL, "bits"),
        files=source_files,
        code=MAKING,
        packages=PACKAGES,
        settings=SensitivitySettings,
    ),
    Step(
        "mixed",
        "choose the bits of every layer under the budget",
        run_mixed,
        outputs=(MIXED,),
        needs=("data", "float", "sensitivity"),
        reads=(*MODEL, "input_type", "bits", "lut_budget", "bram_budget", "mixed_epochs", "board",
               "target_cycles", "target_fps", "multiplier", "memory"),
        files=source_files,
        code=(*MAKING, "hwcompress.hls.folding", "hwcompress.hls.rtl", "hwcompress.hls.synth",
              "hwcompress.boards"),
        tools=("yosys",),
        packages=PACKAGES,
        settings=SensitivitySettings,
    ),
)  # fmt: skip
"""Every step comes after those it needs."""
