"""Runs a compiled hls4ml library on samples, in a process of its own.

``python -P _runner.py LIBRARY REQUEST.npz RESULT.npz``, with the project as
working folder (the library reads ``firmware/weights``). A process of its own,
because such a library ends the process on an error, keeps large arrays on the
stack, prints, and cannot be unloaded reliably. Needs NumPy only.

Request: ``top`` (name of the C function), ``input_<i>`` float64
``(n, size)``, ``output_sizes``, ``trace_names``, ``trace_sizes``.
Result: ``output_<i>`` and ``trace_<name>``, float64 ``(n, size)``.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

_STACK_BYTES = 1 << 30  # virtual; pages that are not touched cost nothing


class _Trace(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.POINTER(ctypes.c_double))]


def _run(library: str, request_path: str, result_path: str) -> None:
    with np.load(request_path, allow_pickle=False) as request:
        inputs = [request[f"input_{i}"] for i in range(int(request["inputs"]))]
        output_sizes = [int(size) for size in request["output_sizes"]]
        top = str(request["top"])
        traced = dict(
            zip(request["trace_names"].tolist(), request["trace_sizes"].tolist(), strict=True)
        )
    lib = ctypes.CDLL(str(Path(library).resolve()))
    function = getattr(lib, f"{top}_double")
    function.restype = None
    count = inputs[0].shape[0]
    outputs = [np.zeros((count, size)) for size in output_sizes]
    traces = {name: np.zeros((count, size)) for name, size in traced.items()}
    records = (_Trace * len(traces))()
    if traces:
        lib.allocate_trace_storage.argtypes = [ctypes.c_size_t]
        lib.allocate_trace_storage(ctypes.sizeof(ctypes.c_double))
    pointer = ctypes.POINTER(ctypes.c_double)
    for sample in range(count):
        rows = [array[sample] for array in [*inputs, *outputs]]
        function(*(row.ctypes.data_as(pointer) for row in rows))
        if traces:
            lib.collect_trace_output(records)
            for record in records:
                name = record.name.decode()
                size = traces[name].shape[1]
                traces[name][sample] = np.ctypeslib.as_array(record.data, (size,))
    results: dict[str, Any] = {f"output_{i}": array for i, array in enumerate(outputs)}
    results.update({f"trace_{name}": array for name, array in traces.items()})
    np.savez(result_path, **results)


if __name__ == "__main__":
    # The main thread's stack is fixed by the caller's limits, a thread's is not.
    failures: list[BaseException] = []
    threading.excepthook = lambda args: failures.append(args.exc_value or SystemExit(1))
    threading.stack_size(_STACK_BYTES)
    worker = threading.Thread(target=_run, args=tuple(sys.argv[1:4]))
    worker.start()
    worker.join()
    if failures:
        raise failures[0]
