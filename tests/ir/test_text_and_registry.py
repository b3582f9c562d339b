"""The text print, and the registry of operations and realisations."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.ir import (
    BIPOLAR,
    OPERATIONS,
    REALISATIONS,
    ArgMax,
    Conv,
    Graph,
    Input,
    IntType,
    MaxPool,
    Output,
    Realisation,
    Reshape,
    Threshold,
    format_graph,
    operation,
)


def test_text() -> None:
    weight = np.ones((1, 2, 2, 2), np.int64)
    ops = [
        Input("in", (), ("x",), (2, 4, 4), (1, 2, 0), (4, 4, 2), IntType(0, 15), 0.5),
        Conv("c", ("x",), ("s",), weight, IntType(-1, 1), padding=(0, 1, 0, 0)),
        Threshold("t", ("s",), ("b",), np.array([[4]]), np.array([1]), BIPOLAR),
        MaxPool("p", ("b",), ("m",), (2, 2), (1, 2)),
        Reshape("r", ("m",), ("v",), (4,)),
        ArgMax("a", ("v",), ("y",)),
        Output("out", ("y",), ()),
    ]
    assert format_graph(Graph.build("net", ops, notes=["made by hand"])) == (
        "graph net\n"
        "  x: u4[4,4,2] = Input()  source_shape=2,4,4 axes=1,2,0 shape=4,4,2 dtype=u4 scale=0.5"
        " zero=0.0\n"
        "  s: u7[0..120][3,4,1] = Conv(x)  weight=1x2x2x2 wtype=ternary stride=1,1"
        " padding=0,1,0,0 dilation=1,1 groups=1 pad_value=0\n"
        "  b: bipolar[3,4,1] = Threshold(s)  thresholds=1x1 sign=1 otype=bipolar\n"
        "  m: bipolar[2,2,1] = MaxPool(b)  kernel=2,2 stride=1,2 padding=0,0,0,0\n"
        "  v: bipolar[4] = Reshape(m)  shape=4\n"
        "  y: u2[1] = ArgMax(v)\n"
        "  Output(y)  source_shape= axes= host=\n"
        "  # made by hand\n"
    )


def test_an_operation_is_entered_once() -> None:
    with pytest.raises(ValueError, match="operation 'Conv' is registered twice"):
        operation(Conv)
    assert OPERATIONS["Conv"] is Conv


def test_realisation() -> None:
    try:
        realisation: Realisation[str] = Realisation("paper", "pen and paper")
        realisation.register(Conv)("by hand")
        realisation.register(ArgMax)("by eye")
        assert REALISATIONS["paper"] is realisation
        assert realisation.handler(ArgMax("a", ("x",), ("y",))) == "by eye"
        with pytest.raises(ValueError, match="paper handles 'Conv' twice"):
            realisation.register(Conv)("again")
        with pytest.raises(UnsupportedError) as caught:
            realisation.handler(Reshape("r", ("x",), ("y",), (1,)))
        assert str(caught.value) == (
            "operation 'r': pen and paper has no Reshape. Remedy: it has ArgMax, Conv"
        )
    finally:
        del REALISATIONS["paper"]
