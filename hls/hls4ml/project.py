"""An hls4ml project of an integer graph: write, compile, run, synthesize."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.hls4ml.library import Library, build_library
from hwcompress.hls.hls4ml.plan import Plan, make_plan
from hwcompress.hls.hls4ml.vitis import Synthesis, synthesize
from hwcompress.ir import Graph, evaluate
from hwcompress.ir.reference import as_feeds

__all__ = ["HlsProject", "convert"]

Reuse = int | Mapping[str, int] | None


@dataclass(frozen=True, eq=False)
class HlsProject:
    """A written hls4ml project (see :func:`convert`)."""

    graph: Graph
    folder: Path
    plan: Plan
    part: str
    clock_ns: float
    project: str

    def compile(self) -> Library:
        """Compile for C simulation; sources that were compiled before are not compiled again.

        Raises:
            MissingToolError: there is no g++.
            CheckFailed: g++ fails.
        """
        return build_library(self.folder, self.project)

    def predict(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        """The C++ result of a graph with one output.

        Args:
            inputs: integers ``(n, *shape)``, or such an array by input name.

        Returns:
            int64 ``(n, *output shape)``.

        Raises:
            InputError: wrong inputs, or several outputs (use :meth:`predict_all`).
            MissingToolError: there is no g++.
            CheckFailed: the project does not compile or does not run.
        """
        if len(self.graph.outputs) != 1:
            raise InputError(f"{self.graph.name} has several outputs", remedy="use predict_all")
        return self.predict_all(inputs)[self.graph.outputs[0].inputs[0]]

    def predict_all(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As :meth:`predict`, for every output: int64 ``(n, *shape)`` by tensor name."""
        library = self.compile()
        outputs, _ = library.call(self.project, self._ports(inputs), self._sizes(), {})
        return {
            op.inputs[0]: self._integers(op.inputs[0], values)
            for op, values in zip(self.graph.outputs, outputs, strict=True)
        }

    def trace(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Every tensor as the C++ computes it, int64 ``(n, *shape)`` by name.

        Compiles a second copy of the project, in ``trace/``, that records the
        layers; the first has no such code.
        """
        folder = self.folder / "trace"
        _write(self.plan, folder, self.part, self.clock_ns, self.project, trace=True)
        library = build_library(folder, self.project)
        ports = self._ports(inputs)
        made = {root: self.plan.makers[root] for root in set(self.plan.roots.values())}
        known = {
            made.pop(op.outputs[0]): port for op, port in zip(self.graph.inputs, ports, strict=True)
        }
        sizes = {layer: self.graph.tensors[root].type.size for root, layer in made.items()}
        _, values = library.call(self.project, ports, self._sizes(), sizes)
        values.update(known)
        return {
            tensor: self._integers(tensor, values[self.plan.makers[root]])
            for tensor, root in self.plan.roots.items()
        }

    def synthesize(self, *, timeout: float | None = None) -> Synthesis:
        """Run Vitis HLS if it is installed, else say that it is not.

        Raises:
            CheckFailed: Vitis HLS fails or leaves no report.
        """
        return synthesize(self.folder, self.project, timeout=timeout)

    def write_testbench(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> None:
        """Write ``tb_data`` for the project's own C++ test bench: samples and expected results.

        The expected results are those of the reference interpreter.
        """
        expected = evaluate(self.graph, inputs)
        count = next(iter(expected.values())).shape[0]
        results = [expected[op.inputs[0]].reshape(count, -1) for op in self.graph.outputs]
        for name, columns in (
            ("tb_input_features.dat", self._ports(inputs)),
            ("tb_output_predictions.dat", results),
        ):
            rows = np.concatenate(columns, axis=1).astype(np.int64)
            lines = [" ".join(map(str, row)) for row in rows.tolist()]
            (self.folder / "tb_data" / name).write_text("\n".join(lines) + "\n")

    def _ports(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> list[np.ndarray]:
        feeds = as_feeds(self.graph, inputs)
        arrays = [feeds[op.outputs[0]] for op in self.graph.inputs]
        counts = {array.shape[0] for array in arrays}
        if len(counts) != 1:
            raise InputError(f"inputs have different numbers of samples: {sorted(counts)}")
        return [array.reshape(array.shape[0], -1).astype(np.float64) for array in arrays]

    def _sizes(self) -> list[int]:
        return [self.graph.tensors[op.inputs[0]].type.size for op in self.graph.outputs]

    def _integers(self, tensor: str, values: np.ndarray) -> np.ndarray:
        integers = values.astype(np.int64)
        if not np.array_equal(integers, values):
            raise CheckFailed("hls4ml computed values that are no integers", where=tensor)
        return integers.reshape(values.shape[0], *self.graph.tensors[tensor].shape)


def _write(
    plan: Plan, folder: Path, part: str, clock_ns: float, project: str, *, trace: bool
) -> None:
    """Write the files to a new folder beside, then put it in place."""
    from hwcompress.hls.hls4ml.model import build_model, write_project

    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    log = partial / "hls4ml.log"
    log.touch()
    try:
        model = build_model(
            plan, partial, log, part=part, clock_ns=clock_ns, project=project, trace=trace
        )
        write_project(model, log)
        # The folder may move, and the same graph shall give the same bytes.
        settings = partial / "hls4ml_config.yml"
        text = re.sub(r"^OutputDir: .*$", "OutputDir: .", settings.read_text(), flags=re.MULTILINE)
        settings.write_text(text)
        _keep_library(folder, partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _keep_library(old: Path, new: Path) -> None:
    """Keep compiled libraries: their names hold the digest of what they were made from."""
    for library in (old / "firmware").glob("*.so"):
        if re.fullmatch(r".+-[0-9a-f]{16}\.so", library.name):
            shutil.copy2(library, new / "firmware" / library.name)


def convert(
    graph: Graph,
    folder: Path,
    *,
    part: str = "xc7z020clg400-1",
    clock_ns: float = 10.0,
    project: str = "hwcompress",
    io_type: str = "auto",
    reuse: Reuse = None,
) -> HlsProject:
    """Write an hls4ml project (Vitis backend) that computes the graph exactly.

    Every tensor, weight, accumulator and table gets the exact ``ap_int`` or
    ``ap_uint`` that its integers need, and the finished ``ModelGraph`` is
    checked to have these types.

    Args:
        graph: the integer graph.
        folder: project folder; what an earlier conversion left is replaced.
        part: device name for Vitis HLS.
        clock_ns: clock period in ns.
        project: name of the C++ top function, a C++ identifier.
        io_type: ``io_parallel`` (whole arrays, fully parallel), ``io_stream``
            (AXI4-Stream of pixels), or ``auto``: streams if there are images.
        reuse: multiplications that share one multiplier, for all matrix
            products or by operation name; by default 1 up to 4096
            multiplications, beyond that so many that Vitis HLS can unroll.

    Raises:
        UnsupportedError: lists every operation hls4ml cannot express exactly;
            nothing has been written then.
        InputError: a name, io_type or reuse factor does not fit.
        CheckFailed: hls4ml changed a type.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", project):
        raise InputError(f"project {project!r} is no C++ identifier")
    if not clock_ns > 0:
        raise InputError(f"clock period {clock_ns} ns is not positive")
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / "hls4ml_config.yml").is_file():
        raise InputError(
            "the folder holds something else than an hls4ml project",
            where=str(folder),
            remedy="choose a new or empty folder",
        )
    plan = make_plan(graph, io_type, reuse)
    _write(plan, folder, part, clock_ns, project, trace=False)
    return HlsProject(graph, folder, plan, part, clock_ns, project)
