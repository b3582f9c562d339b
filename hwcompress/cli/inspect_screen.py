"""An inspection as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.inspect.facts import Inspection, LayerFacts, NodeFacts, SourceFormat, Totals

__all__ = ["show_inspection"]

_STYLES = {"refused": "bold red", "behind": "yellow", "removed": "dim", "constant": "dim"}
_STATUS = {"behind": "reads what a refused node makes"}
_WIDE = 130  # characters that the table of layers takes


def show_inspection(console: Console, facts: Inspection, *, nodes: bool) -> None:
    """Everything; the source's nodes too if they are asked for, or some are refused."""
    if facts.source is not None:
        _source(console, facts.model, facts.source)
    else:
        console.print(f"[bold]{escape(facts.model)}[/]: a stored integer graph")
    if facts.accepted:
        console.print(_ends(facts))
        table = _layers if console.width >= _WIDE else _narrow
        console.print(table(facts.layers))
        if facts.totals is not None:
            _totals(console, facts.totals)
    if nodes or not facts.accepted:
        console.print(_nodes(facts.nodes))
    _lines(console, "Assumed", facts.assumptions)
    _lines(console, "Moved, removed or changed", facts.notes)
    for name, title in _REALISATIONS.items():
        _lines(
            console,
            f"Not possible in {title}",
            [gap.message for gap in facts.gaps if gap.realisation == name],
        )
    problems = [
        f"{item.message}{f'. Remedy: {item.remedy}' if item.remedy else ''}"
        for item in facts.problems
    ]
    _lines(console, "Refused", problems, style="red")
    if facts.remedy:
        console.print(f"Remedy: {facts.remedy}", markup=False, highlight=False, soft_wrap=True)
    if facts.accepted:
        lacking = sorted({gap.realisation for gap in facts.gaps})
        verdict = "Exact integer graph: yes."
        console.print(
            f"{verdict} Every layer has a realisation in Verilog and hls4ml."
            if not lacking
            else f"{verdict} Some layers cannot be made in: {', '.join(lacking)}.",
            style="bold",
        )


_REALISATIONS = {"sim": "the simulator", "rtl": "streaming Verilog", "hls4ml": "hls4ml C++"}


def _source(console: Console, model: str, source: SourceFormat) -> None:
    by = f", written by {source.producer}" if source.producer else ""
    console.print(
        f"[bold]{escape(model)}[/]: {escape(source.kind)}{escape(by)}; {source.nodes} nodes,"
        f" {source.parameters:,} parameters",
        highlight=False,
    )
    opsets = {name: f"{version}" for name, version in source.opsets.items()}
    _pairs(console, "opset", opsets)
    _pairs(console, "operators", {name: f"{count}" for name, count in source.operators.items()})
    for name, count in source.quantizers.items():
        console.print(f"  {count} x {name}", markup=False, highlight=False)


def _pairs(console: Console, title: str, pairs: Mapping[str, str]) -> None:
    text = ", ".join(f"{name} {value}" for name, value in pairs.items())
    console.print(f"  {title}: {text}", markup=False, highlight=False)


def _ends(facts: Inspection) -> Table:
    table = _folding("", "name", "source shape", "type", "meaning")
    for given in facts.inputs:
        meaning = f"{given.encoding}; {given.why}" if given.why else given.encoding
        table.add_row(
            "input", *_safe(given.source, _shape(given.source_shape), given.type, meaning)
        )
    for made in facts.outputs:
        host = f"; {', '.join(made.host)} on the host" if made.host else ""
        shape = _shape(made.source_shape)
        table.add_row("output", *_safe(made.name, shape, made.type, f"scale {made.scale}{host}"))
    return table


def _layers(layers: Sequence[LayerFacts]) -> Table:
    table = Table("layer", "operation", "reads", "gives", "shape")
    table.add_column("MACs", justify="right")
    table.add_column("weights")
    table.add_column("bits", justify="right")
    table.add_column("sum", justify="right")
    table.add_column("scale of the result")
    table.add_column("how")
    for layer in layers:
        table.add_row(
            *_safe(layer.name, layer.operation),
            *_safe(_reads(layer), _width(layer.type), _shape(layer.shape)),
            f"{layer.macs:,}" if layer.macs else "",
            _weights(layer),
            f"{layer.weight_bits:,}" if layer.weight_bits else "",
            "" if layer.accumulator_bits is None else f"{layer.accumulator_bits}",
            *_safe(_scale(layer), layer.detail),
        )
    return table


def _narrow(layers: Sequence[LayerFacts]) -> Table:
    """The same for terminals that are too narrow: in words, in one column."""
    table = _folding("layer", "operation", "shape", "facts")
    for layer in layers:
        words = [f"{_reads(layer)} to {_width(layer.type)}"]
        if layer.macs:
            words.append(f"{layer.macs:,} MACs")
        if layer.weights:
            words.append(f"{_weights(layer)} weights of {layer.weight_bits:,} bits")
        if layer.accumulator_bits is not None:
            words.append(f"sum of {layer.accumulator_bits} bits")
        words.extend(item for item in (f"scale {_scale(layer)}", layer.detail) if item)
        table.add_row(*_safe(layer.name, layer.operation, _shape(layer.shape), "; ".join(words)))
    return table


def _folding(*titles: str) -> Table:
    """A table that breaks long words rather than cutting them off."""
    table = Table()
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _reads(layer: LayerFacts) -> str:
    return ", ".join(dict.fromkeys(map(_width, layer.input_types)))


def _weights(layer: LayerFacts) -> str:
    return f"{layer.weights:,} {_width(layer.weight_type)}" if layer.weights else ""


def _scale(layer: LayerFacts) -> str:
    if layer.scale_kind in ("power of two", "per tensor"):
        return f"{layer.scale_kind}, {layer.scale}"
    return layer.scale_kind


def _totals(console: Console, totals: Totals) -> None:
    kinds = ", ".join(f"{count} {name}" for name, count in totals.operations.items())
    console.print(
        f"{totals.layers} layers ({kinds}); {totals.macs:,} MACs a sample;"
        f" {totals.weights:,} weights of {totals.weight_bits:,} bits;"
        f" {totals.parameters:,} further integers; widest sum {totals.widest_accumulator} bits",
        highlight=False,
    )


def _nodes(nodes: Sequence[NodeFacts]) -> Table:
    table = Table("node", "operator", "status", "why")
    for node in nodes:
        operator = f"{node.domain}.{node.operator}" if node.domain else node.operator
        style = _STYLES.get(node.status, "")
        reason = node.message or _STATUS.get(node.status, "")
        table.add_row(*_safe(node.name, operator, node.status, reason), style=style)
    return table


def _lines(console: Console, title: str, lines: Sequence[str], style: str = "") -> None:
    if not lines:
        return
    console.print(f"{title}:", style=f"bold {style}".strip(), markup=False)
    for line in lines:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)


def _width(kind: str) -> str:
    """A type without its range, which JSON and the graph's text give."""
    return kind.partition("[")[0]


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _safe(*cells: str) -> list[str]:
    """Texts of a model, which may hold what Rich takes for markup."""
    return [escape(cell) for cell in cells]
