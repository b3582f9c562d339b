"""The simulator's interface: inputs, outputs, traces, threads, errors, cache."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.ir import (
    BIPOLAR,
    ArgMax,
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    Reshape,
    evaluate,
    trace,
)
from hwcompress.sim import Simulator
from hwcompress.sim.storage import storage_dtype
from tests.conformance.generators import random_inputs, random_network

_U4 = IntType.unsigned_bits(4)


def _graph(outputs: int = 1) -> Graph:
    rng = np.random.default_rng(0)
    ops: list[Op] = [
        Input("in", (), ("x",), (2, 3, 4), (1, 2, 0), (3, 4, 2), _U4, 1.0),
        Reshape("flat", ("x",), ("v",), (24,)),
        Dense("dense", ("v",), ("s",), rng.integers(-7, 8, (5, 24)), IntType(-7, 7)),
        ArgMax("top", ("s",), ("a",)),
        Output("out", ("a",), ()),
    ]
    if outputs == 2:
        ops.append(Output("scores", ("s",), ()))
    return Graph.build("small", ops)


def test_one_output_is_an_array() -> None:
    graph = _graph()
    x = random_inputs(graph, 10, 0)["x"]
    result = Simulator(graph)(x)
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.int64 and result.shape == (10, 1)
    assert np.array_equal(result, evaluate(graph, x)["a"])


def test_two_outputs_are_a_dict() -> None:
    graph = _graph(2)
    x = random_inputs(graph, 10, 0)["x"]
    result = Simulator(graph)(x)
    assert isinstance(result, dict) and list(result) == ["a", "s"]
    expected = evaluate(graph, x)
    assert all(np.array_equal(result[name], expected[name]) for name in expected)


def test_two_inputs() -> None:
    graph = Graph.build(
        "two",
        [
            Input("i", (), ("x",), (3,), (0,), (3,), _U4, 1.0),
            Input("j", (), ("z",), (2,), (0,), (2,), BIPOLAR, 1.0),
            Dense("d", ("x",), ("y",), np.ones((1, 3), np.int64), IntType(0, 1)),
            Output("o", ("y",), ()),
            Output("p", ("z",), ()),
        ],
    )
    feeds = {"x": np.full((5, 3), 2), "z": np.ones((5, 2), np.int8)}
    result = Simulator(graph).outputs(feeds)
    assert result["y"].tolist() == [[6]] * 5
    assert result["z"].tolist() == [[1, 1]] * 5
    feeds["z"] = feeds["z"][:4]
    with pytest.raises(InputError, match="inputs of 4 and 5 samples"):
        Simulator(graph)(feeds)


@pytest.mark.parametrize("samples", [0, 1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_samples(samples: int, threads: int) -> None:
    graph = random_network(4, image=True)
    feeds = random_inputs(graph, samples, 1)
    expected = trace(graph, feeds)
    result = Simulator(graph, threads=threads).trace(feeds)
    assert list(result) == list(graph.tensors)
    for name, values in expected.items():
        assert result[name].dtype == np.int64
        assert np.array_equal(result[name], values), name


def test_trace_of_some_tensors() -> None:
    graph = _graph()
    x = random_inputs(graph, 3, 0)["x"]
    assert list(Simulator(graph).trace(x, ["s", "x"])) == ["s", "x"]
    with pytest.raises(InputError, match="no tensor 'q' in small. Remedy: it has x, v, s, a"):
        Simulator(graph).trace(x, ["q"])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_any_integer_dtype_and_memory_order(dtype: type) -> None:
    graph = _graph()
    x = random_inputs(graph, 30, 0)["x"]
    expected = evaluate(graph, x)["a"]
    assert np.array_equal(Simulator(graph)(np.asfortranarray(x.astype(dtype))), expected)
    assert np.array_equal(Simulator(graph)(x.astype(dtype)[::-1])[::-1], expected)


def test_inputs_are_left_alone() -> None:
    graph = _graph()
    x = random_inputs(graph, 30, 0)["x"]
    before = x.copy()
    x.setflags(write=False)
    Simulator(graph).trace(x)
    assert np.array_equal(x, before)


def test_slots_are_used_again_but_not_too_early() -> None:
    """A tensor that is read twice, the second time late, keeps its values."""
    rng = np.random.default_rng(1)
    ops: list[Op] = [Input("in", (), ("x",), (6,), (0,), (6,), IntType(-3, 3), 1.0)]
    for i, source in enumerate(["x", "t0", "t1", "t2", "x"]):
        weight = rng.integers(-3, 4, (6, 6))
        ops.append(Dense(f"d{i}", (source,), (f"t{i}",), weight, IntType(-3, 3)))
    ops += [Output("o", ("t3",), ()), Output("p", ("t4",), ()), Output("q", ("t0",), ())]
    graph = Graph.build("twice", ops)
    feeds = random_inputs(graph, 20, 0)
    result, expected = Simulator(graph).outputs(feeds), evaluate(graph, feeds)
    assert all(np.array_equal(result[name], expected[name]) for name in expected)


def test_one_simulator_in_many_threads() -> None:
    graph = random_network(7, image=True)
    simulator = Simulator(graph, threads=2, batch=8)
    feeds = [random_inputs(graph, 50, seed) for seed in range(6)]
    expected = [trace(graph, feed) for feed in feeds]
    wrong: list[str] = []

    def work(which: int) -> None:
        for _ in range(5):
            result = simulator.trace(feeds[which])
            wrong.extend(
                name for name in result if not np.array_equal(result[name], expected[which][name])
            )

    threads = [threading.Thread(target=work, args=(which,)) for which in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_works_in_a_forked_child() -> None:
    script = (
        "import os, numpy as np\n"
        "from hwcompress.sim import Simulator\n"
        "from tests.conformance.generators import random_inputs, random_network\n"
        "graph = random_network(7)\n"
        "simulator = Simulator(graph, threads=2, batch=4)\n"
        "feeds = random_inputs(graph, 40, 0)\n"
        "before = simulator.outputs(feeds)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    after = simulator.outputs(feeds)\n"
        "    os._exit(0 if all((after[k] == before[k]).all() for k in before) else 3)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_works_without_a_writable_cache() -> None:
    """No place to keep compiled code: compile again, same answers."""
    script = (
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "import numpy as np\n"
        "from hwcompress.ir import *\n"
        "from hwcompress.sim import Simulator\n"
        "graph = Graph.build('g', [\n"
        "    Input('in', (), ('x',), (4,), (0,), (4,), IntType(0, 3), 1.0),\n"
        "    ArgMax('a', ('x',), ('y',)), Output('o', ('y',), ())])\n"
        "assert Simulator(graph)(np.array([[0, 2, 2, 1]])).tolist() == [[1]]\n"
        "from hwcompress.sim import shape\n"
        "assert shape._arg_max._cache.cache_path is None\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_works_with_an_impossible_cache_folder() -> None:
    script = (
        "import numpy as np\n"
        "from hwcompress.sim import Simulator\n"
        "from tests.conformance.generators import random_op_graph, random_inputs\n"
        "graph = random_op_graph('ArgMax', 0)\n"
        "Simulator(graph)(random_inputs(graph, 3, 0)['x'])\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": f"{os.devnull}/cache"}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120, env=environment)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 4, 2), np.int64), r"samples of shape \(4, 2\), expected \(3, 4, 2\)"),
        (np.int64(3), r"samples of shape \(\), expected"),
        (np.zeros((5, 3, 4, 2)), "dtype float64 is not an integer type"),
        (np.full((5, 3, 4, 2), 16), r"values 16..16 are not all of type u4"),
        (np.full((5, 3, 4, 2), -1, np.int8), r"values -1..-1 are not all of type u4"),
        (np.full((5, 3, 4, 2), 2**64 - 1, np.uint64), r"are not all of type u4"),
    ],
)
def test_wrong_inputs(values: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Simulator(_graph())(values)


def test_one_wrong_value_in_a_late_block_is_found() -> None:
    x = random_inputs(_graph(), 100, 0)["x"]
    x[97, 1, 1, 1] = 99
    with pytest.raises(InputError, match="are not all of type u4"):
        Simulator(_graph(), threads=2, batch=10)(x)


def test_missing_input() -> None:
    with pytest.raises(InputError, match="input 'x' is missing"):
        Simulator(_graph())({"z": np.zeros((1, 3, 4, 2), np.int64)})


@pytest.mark.parametrize("option", ["threads", "batch", "memory"])
def test_options_must_be_positive(option: str) -> None:
    with pytest.raises(InputError, match=f"{option} 0 is not positive"):
        Simulator(_graph(), **{option: 0})


@dataclass(frozen=True, eq=False)
class _Mystery(Reshape):
    """An operation that no realisation knows."""


def test_unknown_operation() -> None:
    ops = [
        Input("in", (), ("x",), (2,), (0,), (2,), _U4, 1.0),
        _Mystery("m", ("x",), ("y",), (2,)),
        Output("o", ("y",), ()),
    ]
    with pytest.raises(UnsupportedError, match="operation 'm': the Numba simulator has no _Myst"):
        Simulator(Graph.build("mystery", ops))


def test_plan_as_text() -> None:
    text = Simulator(_graph(), threads=3, batch=32).describe()
    assert text == (
        "small: 3 threads, blocks of 32 samples\n"
        "  encode x\n"
        "  Dense dense on bytes\n"
        "  unpack s\n"
        "  ArgMax top on rows: ArgMax\n"
        "  keep a\n"
    )
    text = Simulator(_graph(), threads=3, batch=32, words=False).describe()
    assert text == (
        "small: 3 threads, blocks of 32 samples\n"
        "  copy x\n"
        "  Dense dense on rows: WeightedSum\n"
        "  ArgMax top on rows: ArgMax\n"
        "  keep a\n"
    )


@pytest.mark.parametrize(
    ("dtype", "words", "rows"),
    [
        (BIPOLAR, "single bits", "XnorSum"),
        (IntType(-1, 1), "bytes", "WeightedSum"),
        (IntType(-300, 300), "words of 16 bits", "WeightedSum"),
        (IntType(-40000, 300), "rows: WeightedSum", "WeightedSum"),
    ],
)
def test_the_type_decides_about_the_kernel(dtype: IntType, words: str, rows: str) -> None:
    rng = np.random.default_rng(0)
    weight = rng.choice([-1, 1], (3, 3, 3, 32))
    ops = [
        Input("in", (), ("x",), (4, 4, 32), (0, 1, 2), (4, 4, 32), dtype, 1.0),
        Conv("c", ("x",), ("y",), weight, BIPOLAR, padding=(1, 1, 1, 1), pad_value=1),
        Output("o", ("y",), ()),
    ]
    graph = Graph.build("b", ops)
    assert f"Conv c on {words}" in Simulator(graph).jobs
    assert f"Conv c on rows: {rows}" in Simulator(graph, words=False).jobs


def test_memory_bounds_the_blocks() -> None:
    """A wide image gets short blocks, a small vector long ones; the option makes them shorter."""
    shape = (100, 100, 64)
    ops = [
        Input("in", (), ("x",), shape, (0, 1, 2), shape, IntType.signed_bits(16), 1.0),
        Reshape("r", ("x",), ("v",), (100 * 100 * 64,)),
        Output("o", ("v",), ()),
    ]
    wide = Graph.build("wide", ops)
    assert Simulator(wide).batch == 16
    with pytest.raises(InputError, match="a block of 16 samples takes .* MB, more than the 1.0"):
        Simulator(wide, memory=1_000_000)
    assert Simulator(_graph()).batch > 1024
    small = Simulator(_graph(), memory=10_000, threads=1)
    sample = small._engine(("a",)).plan.memory.bytes_per_sample
    assert 16 <= small.batch <= 10_000 // sample
    feeds = random_inputs(_graph(), 5000, 0)
    assert np.array_equal(small(feeds), Simulator(_graph())(feeds))
    assert Simulator(_graph(), memory=sample * 40, threads=5)._engine(("a",)).threads == 2


@pytest.mark.parametrize(
    ("lo", "hi", "expected"),
    [
        (-128, 127, np.int8),
        (0, 128, np.int16),
        (-129, 0, np.int16),
        (-(1 << 15), (1 << 15) - 1, np.int16),
        (0, 1 << 15, np.int32),
        (0, 1 << 31, np.int64),
    ],
)
def test_storage_is_the_narrowest(lo: int, hi: int, expected: type) -> None:
    assert storage_dtype(IntType(lo, hi)) == expected
