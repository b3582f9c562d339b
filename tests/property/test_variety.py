"""The default networks have everything in them that the sweep claims to cover."""

from __future__ import annotations

from collections import Counter

from hwcompress.hls.rtl import Design
from tests.conformance.generators import KINDS

from .cases import Case, case
from .test_networks import DEFAULT


def _cases() -> list[tuple[Case, Design]]:
    return [(case(number), case(number).design) for number in DEFAULT]


def test_operations() -> None:
    count = Counter(op.kind for each, _ in _cases() for op in each.graph.layers)
    assert set(count) == set(KINDS)
    assert min(count.values()) >= 3, count


def test_topologies() -> None:
    found = _cases()
    chains = [each for each, design in found if not design.fifos]
    assert 5 < len(chains) < len(found) // 2
    assert sum(any(fifo.depth > 2 for fifo in design.fifos) for _, design in found) >= 8
    assert max(fifo.depth for _, design in found for fifo in design.fifos) > 20
    assert any(fifo.depth == 2 for _, design in found for fifo in design.fifos)
    assert any(len(each.graph.inputs) > 1 for each, _ in found)
    assert {len(each.graph.outputs) for each, _ in found} >= {1, 2, 3}
    twice = [
        op for each, _ in found for op in each.graph.layers if len({*op.inputs}) < len(op.inputs)
    ]
    assert twice  # x + x
    forks = [item for _, design in found for item in design.instances if item.module == "hwc_fork"]
    assert any(item.parameters["COUNT"] > 2 for item in forks)


def test_hardware() -> None:
    found = _cases()
    modules = {item.module for _, design in found for item in design.instances}
    assert modules >= {
        "hwc_add", "hwc_argmax", "hwc_concat", "hwc_fifo", "hwc_fork", "hwc_gate", "hwc_mvu",
        "hwc_permute", "hwc_pool", "hwc_reduce", "hwc_replay", "hwc_rescale", "hwc_skid",
        "hwc_split", "hwc_table", "hwc_threshold", "hwc_threshold_search", "hwc_topk",
        "hwc_width_down", "hwc_width_up", "hwc_window", "hwc_window_parallel", "hwc_window_up",
        "hwc_wires", "hwc_zip",
    }  # fmt: skip
    lanes = [lanes for each, _ in found for lanes in each.folding.lanes.values()]
    assert any(item.pixels > 1 for item in lanes)
    assert any(item.pe > 1 and item.simd > 1 for item in lanes)
    styles = [style for each, _ in found for style in each.folding.styles.values()]
    assert {style.multiplier for style in styles} == {"lut", "dsp", "packed"}
    assert {style.memory for style in styles} == {"auto", "logic", "distributed", "block"}
    assert any(style.reload for style in styles)
    engines = [item for _, design in found for item in design.instances if item.module == "hwc_mvu"]
    assert {item.parameters.get("MULT", 0) for item in engines} == {0, 1, 2, 3}
    assert any(item.parameters.get("PACK_W", 1) * item.parameters.get("PACK_X", 1) > 2
               for item in engines)  # fmt: skip
    assert {item.parameters["W_KIND"] for item in engines} >= {0, 1, 2, 3}


def test_types() -> None:
    """Bipolar, ternary, unsigned, signed and lopsided tensors of 1 to 16 bits and more."""
    types = {tensor.type.dtype for each, _ in _cases() for tensor in each.graph.tensors.values()}
    assert any(kind.is_bipolar for kind in types)
    assert any((kind.lo, kind.hi) == (-1, 1) and not kind.is_bipolar for kind in types)
    assert {kind.bits for kind in types} >= set(range(1, 17))
    assert any(kind.lo > 0 for kind in types) and any(kind.hi < 0 for kind in types)
