"""Exported programs from files: read as data, never unpickled or run."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend.to_torch.exported import from_program, read_exported
from hwcompress.models.zoo import ZOO


class Shapes(nn.Module):
    """Operators that move, select, join and reduce, of a batch of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.up = nn.PReLU(4), nn.ConvTranspose2d(4, 2, 3, 2, 1, output_padding=1)
        self.register_buffer("gain", torch.tensor([1.0, 2.0, 0.5, -1.0]).reshape(1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.slope(x) * self.gain - 0.25
        a, b = x.chunk(2, dim=1)
        c = torch.cat([b, functional.leaky_relu(a, 0.1)], dim=1).permute(0, 1, 3, 2)
        c = functional.pad(c[:, :, 1:, ::2], (1, 0, 0, 2)).transpose(2, 3)
        d = functional.avg_pool2d(functional.hardtanh(c, -2.0, 3.0), 2, ceil_mode=True)
        e = functional.interpolate(self.up(x), scale_factor=2, mode="nearest")
        f = functional.pixel_unshuffle(e.clamp(min=0.0), 4)
        flat = [d.reshape(x.shape[0], -1), f.view(x.size(0), -1), x.select(1, 2).flatten(1)]
        flat += [x.mean((2, 3)).unsqueeze(1).squeeze(1), torch.sigmoid(x).amax(dim=(2, 3))]
        return torch.cat(flat, 1).softmax(-1)


def exported(module: nn.Module, *shape: int, dynamic: bool = False) -> torch.export.ExportedProgram:
    batch = ({0: torch.export.Dim("batch")},) if dynamic else None
    x = torch.zeros(3 if dynamic else 1, *shape)
    return torch.export.export(module.eval(), (x,), dynamic_shapes=batch)


@pytest.mark.parametrize("dynamic", [False, True])
def test_shapes(dynamic: bool) -> None:
    torch.manual_seed(0)
    module = Shapes()
    made = from_program(exported(module, 4, 8, 8, dynamic=dynamic), "shapes")
    assert made.shapes == {"x": (4, 8, 8)}
    x = torch.randn(5, 4, 8, 8)
    with torch.no_grad():
        assert torch.equal(made.module(x), module(x))


@pytest.mark.parametrize("name", ["shufflenet_v2_unit", "squeeze_excite_hard", "tiny_unet"])
def test_networks(name: str) -> None:
    torch.manual_seed(0)
    module = ZOO[name].make()
    made = from_program(exported(module, *ZOO[name].shape), name)
    x = torch.randn(2, *ZOO[name].shape)
    with torch.no_grad():
        assert torch.equal(made.module(x), module(x))


def archive(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A program's file with some entries changed, or left out for ``None``."""
    buffer = io.BytesIO()
    torch.export.save(exported(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), 3), buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return path


def test_example_inputs_are_not_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (tmp_path / "mark",))

    buffer = io.BytesIO()
    torch.save((Trap(),), buffer)
    path = archive(
        tmp_path / "net.pt2",
        lambda name, data: buffer.getvalue() if name.endswith("sample_inputs/model.pt") else data,
    )
    assert read_exported(path).shapes == {"input": (3,)}
    assert not (tmp_path / "mark").exists()


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "net.pt2",
        lambda name, data: data.replace(b'"use_pickle": false', b'"use_pickle": true'),
    )
    with pytest.raises(UnsupportedError, match="is kept as pickle, which is not loaded"):
        read_exported(path)


def test_text_that_torch_would_evaluate_is_not(tmp_path: Path) -> None:
    """torch's reader gives the text of a symbolic size to sympy, which evaluates it."""

    def change(name: str, data: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return data
        document = json.loads(data)
        values = document["graph_module"]["graph"]["tensor_values"]
        text = f"__import__('pathlib').Path({str(tmp_path / 'mark')!r}).touch()"
        for value in values.values():
            value["sizes"][0] = {"as_expr": {"expr_str": text, "hint": {"as_int": 1}}}
        return json.dumps(document).encode()

    assert read_exported(archive(tmp_path / "net.pt2", change)).shapes == {"input": (3,)}
    assert not (tmp_path / "mark").exists()


def test_operators_are_known_by_name(tmp_path: Path) -> None:
    """A target that names any function of torch is not called."""
    path = archive(
        tmp_path / "net.pt2",
        lambda name, data: data.replace(b"torch.ops.aten.relu.default", b"torch.hub.load"),
    )
    with pytest.raises(UnsupportedError, match="torch.hub.load 'relu': this operator is not known"):
        read_exported(path)


@pytest.mark.parametrize(
    ("entry", "old", "new"),
    [
        ("weights_config.json", b'"sizes": [{"as_int": 2}', b'"sizes": [{"as_int": 200}'),
        ("weights_config.json", b'"strides": [{"as_int": 3}', b'"strides": [{"as_int": -3}'),
        ("weights_config.json", b'"path_name": "weight_0"', b'"path_name": "../weight_0"'),
        ("models/model.json", b'"graph_module"', b'"other"'),
        ("models/model.json", b"{", b"["),
    ],
)
def test_damaged(entry: str, old: bytes, new: bytes, tmp_path: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        if not name.endswith(entry):
            return data
        assert old in data
        return data.replace(old, new, 1)

    with pytest.raises(InputError, match="cannot be read as a torch.export program"):
        read_exported(archive(tmp_path / "net.pt2", change))


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="cannot be read as a torch.export program"):
        read_exported(tmp_path / "net.pt2")
    with pytest.raises(InputError, match="cannot read the model"):
        read_exported(tmp_path / "none.pt2")


def test_padding_in_words() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2, padding="same"), nn.Conv2d(2, 1, 2))
    program = torch.export.export(module.eval(), (torch.zeros(1, 1, 6, 6),))
    x = torch.randn(3, 1, 6, 6)
    with torch.no_grad():
        assert torch.equal(from_program(program, "net").module(x), module(x))


def test_a_module_in_training_mode(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).train()
    program = torch.export.export(module, (torch.zeros(4, 3),))
    with pytest.raises(UnsupportedError, match=r"module\.eval\(\)"):
        from_program(program, "net")


def test_every_unknown_operator_is_listed() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cumsum(torch.fft.fft(x).real, 1)

    with pytest.raises(UnsupportedError) as caught:
        from_program(exported(Odd(), 4), "odd")
    assert "aten.fft_fft.default" in str(caught.value)
    assert "FILE.py:FUNCTION" in str(caught.value)


def test_types_of_weights(tmp_path: Path) -> None:
    module = nn.Linear(3, 2).double()
    program = torch.export.export(module, (torch.zeros(1, 3, dtype=torch.float64),))
    made = from_program(program, "double")
    x = torch.randn(4, 3)
    with torch.no_grad():
        np.testing.assert_allclose(made.module(x), module(x.double()), rtol=1e-5, atol=1e-6)
