"""The checks of random networks can fail, and say where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.timing import design_network
from tests.conformance.generators import random_inputs

from . import check
from .bench import Bench
from .cases import Case, case
from .shrink import smallest

_NUMBER = 1


def test_a_wrong_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another bit in a memory: the tensor behind it is the first that differs."""
    network = case(_NUMBER)
    spoilt: list[str] = []

    def spoil(*args: object, **options: object) -> object:
        design = generate(*args, **options)  # type: ignore[arg-type]
        memory = next(item for item in design.memories if item.kind == "weights")
        path = design.folder / memory.file
        lines = path.read_text().splitlines()
        lines = [f"{int(line, 16) ^ 1:x}" for line in lines]
        path.write_text("\n".join(lines) + "\n")
        spoilt.append(next(tap.stream.tensor for tap in design.taps if tap.op == memory.op))
        return design

    monkeypatch.setattr(check, "generate", spoil)
    with pytest.raises(AssertionError, match=r"RTL, tensor (\w+) on tap_\d+") as found:
        check.check_network(network, tmp_path)
    assert spoilt and f"tensor {spoilt[0]} " in str(found.value)


def test_a_wrong_model(tmp_path: Path) -> None:
    """One register more in one module's model is seen."""
    network = case(_NUMBER)
    design = generate(network.graph, network.folding, tmp_path, fifo_depths=network.sizes.depths)
    tokens = design_network(design)
    name = next(item.name for item in design.instances if item.module.startswith("hwc_threshold"))
    stage = tokens.stage(name)
    longer = replace(stage.model, stages=stage.model.stages + 1)  # type: ignore[union-attr, call-arg]
    feeds = random_inputs(network.graph, 3, 1)
    run = Bench(design, length=check.LENGTH, most_frames=3).run(
        feeds, offers={}, accepts={}, limit=100_000, watchdog=check.watchdog(design), strict=True
    )
    check.compare_cycles(design, run, check.modelled(design, tokens, 3, {}, {}))
    wrong = check.modelled(design, tokens.with_models({name: longer}), 3, {}, {})
    with pytest.raises(AssertionError, match="beat 0: RTL in cycle"):
        check.compare_cycles(design, run, wrong)


def test_a_wrong_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(check.Simulator):
        def trace(self, *args: object, **options: object) -> dict[str, np.ndarray]:
            values = super().trace(*args, **options)  # type: ignore[arg-type]
            last = [*values][-1]
            return {**values, last: values[last] + 1}

    monkeypatch.setattr(check, "Simulator", Wrong)
    with pytest.raises(AssertionError, match="simulator, "):
        check.check_network(case(_NUMBER), tmp_path)


def test_the_number_decides() -> None:
    def text(made: Case) -> str:
        return made.folding.to_json() + made.design.to_json()

    again = case.__wrapped__(_NUMBER)
    assert again is not case(_NUMBER) and text(again) == text(case(_NUMBER))
    assert text(case(2)) != text(case(_NUMBER))


def test_a_failure_shrinks() -> None:
    """Networks that fail by containing a product are cut down to the product alone."""
    whole = next(case(number) for number in range(1, 40) if _products(case(number)))
    assert len(whole.graph.layers) > 3
    part = smallest(whole, _products)
    assert [op.kind for op in part.graph.layers] == ["Mul"]
    assert set(part.folding.lanes) == {part.graph.layers[0].name}


def test_a_part_is_a_network(tmp_path: Path) -> None:
    """What is left runs as any other."""
    part = smallest(
        case(2), lambda each: {"Concat", "Conv"} <= {op.kind for op in each.graph.layers}
    )
    assert len(part.graph.layers) < len(case(2).graph.layers)
    assert check.check_network(part, tmp_path).networks == 1


def _products(made: Case) -> bool:
    return any(op.kind == "Mul" for op in made.graph.layers)
