"""The counting units of one- and two-bit products, against their sums."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir import BIPOLAR, TERNARY, IntType
from hwcompress.tools import need

from .icarus import LIBRARY

_BENCH = """module tb;
    reg clk = 0;
    reg [{xw}-1:0] xs [0:{count}-1];
    reg [{ww}-1:0] ws [0:{count}-1];
    reg [{xw}-1:0] x;
    reg [{ww}-1:0] w;
    wire [{bits}-1:0] sum;
    integer i;
    hwc_signs #(.SIMD({simd}), .X_KIND({xk}), .W_KIND({wk}), .SUM_BITS({bits})) dut (
        .clk(clk), .en(1'b1), .x(x), .w(w), .sum(sum));
    initial begin
        $readmemh("x.hex", xs);
        $readmemh("w.hex", ws);
        for (i = 0; i < {count}; i = i + 1) begin
            x = xs[i];
            w = ws[i];
            #1 clk = 1; #1 clk = 0; #1 clk = 1; #1 clk = 0;
            #1 $display("%0d", sum);
        end
        $finish;
    end
endmodule
"""


def _words(values: np.ndarray, dtype: IntType) -> str:
    raw = dtype.to_raw(values) & ((1 << dtype.bits) - 1)
    return "".join(
        f"{sum(int(v) << (i * dtype.bits) for i, v in enumerate(row)):x}\n" for row in raw
    )


def _printed(folder: Path, bench: str) -> list[str]:
    compiler = need("iverilog")
    (folder / "tb.v").write_text(bench)
    build = [*compiler.argv, "-g2005", "-s", "tb", "-o", "tb.vvp", "tb.v", f"-y{LIBRARY}"]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    runner = str(Path(compiler.argv[0]).with_name("vvp"))
    done = subprocess.run([runner, "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.parametrize("simd", [1, 2, 3, 4, 5, 7, 8, 16, 32, 45])
@pytest.mark.parametrize("types", [(BIPOLAR, BIPOLAR), (TERNARY, BIPOLAR), (BIPOLAR, TERNARY),
                                   (TERNARY, TERNARY)])  # fmt: skip
def test_sums(tmp_path: Path, simd: int, types: tuple[IntType, IntType]) -> None:
    """All extremes, and random pairs; the sum is the number of products too high."""
    rng = np.random.default_rng(simd)
    x, w = (rng.choice(np.arange(t.lo, t.hi + 1, t.step), (100, simd)) for t in types)
    x[0], w[0], x[1], w[1], x[2], w[2] = 1, 1, -1, 1, -1, -1
    xtype, wtype = types
    (tmp_path / "x.hex").write_text(_words(x, xtype))
    (tmp_path / "w.hex").write_text(_words(w, wtype))
    bench = _BENCH.format(
        xw=simd * xtype.bits, ww=simd * wtype.bits, count=len(x), simd=simd,
        bits=(2 * simd).bit_length() + 1,
        xk=2 if xtype.is_bipolar else 3, wk=2 if wtype.is_bipolar else 3,
    )  # fmt: skip
    printed = _printed(tmp_path, bench)
    assert [int(line) for line in printed] == list((x * w).sum(axis=1) + simd)
