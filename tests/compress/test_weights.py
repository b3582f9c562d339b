"""Parameters from files: what fits is loaded, nothing is unpickled, the rest has a message."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.errors import InputError
from hwcompress.models.loader import load_module
from hwcompress.models.weights import load_weights, read_weights
from tests.shared_data import shared_file

ROOT = Path(__file__).resolve().parents[2]


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def filled() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(4)
    state = net().state_dict()
    return {
        name: torch.rand(item.shape, generator=random) if item.is_floating_point() else item
        for name, item in state.items()
    }


def safetensors(path: Path, tensors: dict[str, tuple[str, np.ndarray]]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, (kind, array) in tensors.items():
        data = array.tobytes()
        header[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def same(module: nn.Module, wanted: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(module.state_dict()[name], item) for name, item in wanted.items())


@pytest.mark.parametrize("kind", ["npz", "safetensors", "pth", "nested", "wrapped", "inside"])
def test_every_kind_of_file(kind: str, tmp_path: Path) -> None:
    state, module = filled(), net()
    path = tmp_path / f"w.{kind if kind in ('npz', 'safetensors') else 'pth'}"
    if kind == "npz":
        np.savez(path, **{name: item.numpy() for name, item in state.items()})
    elif kind == "safetensors":
        kinds = {torch.float32: "F32", torch.int64: "I64"}
        safetensors(path, {n: (kinds[t.dtype], t.numpy()) for n, t in state.items()})
    elif kind == "pth":
        torch.save(state, path)
    elif kind == "nested":
        torch.save({"epoch": 3, "state_dict": state}, path)
    elif kind == "wrapped":
        torch.save({f"module._orig_mod.{name}": item for name, item in state.items()}, path)
    else:  # a training loop's class around the network
        inside = {f"model.net.{name}": item for name, item in state.items()}
        torch.save({"state_dict": inside, "epoch": 3}, path)
    load_weights(module, path)
    assert same(module, state)


def test_a_module_around_the_network(tmp_path: Path) -> None:
    state = filled()
    torch.save(state, tmp_path / "w.pth")
    outer = nn.ModuleDict({"net": net()})
    load_weights(outer, tmp_path / "w.pth")
    assert same(outer, {f"net.{name}": item for name, item in state.items()})


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    state = filled()
    state["0.weight"][0, 0] = float("nan")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"0.weight holds numbers that are not finite"):
        load_weights(net(), tmp_path / "w.pth")


def test_half_precision(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 0.15625, 3e38], np.float32)
    brain = (values.view(np.uint32) >> 16).astype(np.uint16)
    safetensors(
        tmp_path / "w.safetensors",
        {"a": ("BF16", brain), "b": ("F16", values[:3].astype(np.float16))},
    )
    found = read_weights(tmp_path / "w.safetensors")
    wanted = (brain.astype(np.uint32) << 16).view(np.float32)
    assert np.array_equal(found["a"].numpy(), wanted)
    assert np.array_equal(found["b"].numpy(), values[:3])


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"a": Trap(mark)}, tmp_path / "w.pth")
    np.savez(tmp_path / "w.npz", a=np.array([Trap(mark)], dtype=object))
    for name, text in (("w.pth", "Python objects"), ("w.npz", "cannot be read")):
        with pytest.raises(InputError, match=text) as caught:
            read_weights(tmp_path / name)
        assert "numpy.savez" in str(caught.value)
    assert not mark.exists()


def test_names_and_shapes_that_do_not_fit(tmp_path: Path) -> None:
    state = filled()
    cases: dict[str, tuple[dict[str, torch.Tensor], str]] = {
        "missing": ({k: v for k, v in state.items() if k != "0.bias"}, "missing 0.bias"),
        "other": (state | {"head.weight": torch.zeros(2)}, "not in the module: head.weight"),
        "shape": (state | {"0.weight": torch.zeros(2, 4)}, r"0.weight is \(2, 4\), the module's"),
    }
    for name, (tensors, text) in cases.items():
        path = tmp_path / f"{name}.pth"
        torch.save(tensors, path)
        with pytest.raises(InputError, match=text):
            load_weights(net(), path)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 8, struct.pack("<Q", 4) + b"nope", struct.pack("<Q", 2) + b"[]"],
)
def test_damaged_safetensors(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_weights(tmp_path / "w.safetensors")


def test_a_tensor_beyond_the_file(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"1234")
    with pytest.raises(InputError, match="'a' lies outside of it"):
        read_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["w.pth", "w.npz"])
def test_files_cut_off(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "w.pth":
        torch.save(filled(), path)
    else:
        np.savez(path, **{key: item.numpy() for key, item in filled().items()})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="cannot be read|damaged or cut off"):
        read_weights(path)


def test_published_resnet20() -> None:
    """Two files of one checkpoint, saved from a GPU by an old PyTorch, all names ``module.*``."""
    found = []
    for name in ("resnet20_cifar10.pth", "resnet20_cifar10.npz"):
        module = load_module(f"{ROOT / 'benchmarks' / 'resnet20.py'}:resnet20")
        load_weights(module, shared_file(f"models/checkpoints/{name}"))
        found.append(module.state_dict())
    assert all(torch.equal(item, found[1][name]) for name, item in found[0].items())


def test_published_brevitas_mlp() -> None:
    """Its ``.pth`` needs Brevitas's classes to be unpickled; the ``.npz`` fits the module."""
    import brevitas.nn as qnn
    from brevitas.core.quant import QuantType

    with pytest.raises(InputError, match="Python objects besides tensors"):
        read_weights(shared_file("models/checkpoints/cybsec_mlp_w2a2.pth"))
    layers: list[nn.Module] = []
    for inputs in (593, 64, 64):
        layers += [
            qnn.QuantLinear(inputs, 64, bias=True, weight_bit_width=2),
            nn.BatchNorm1d(64),
            nn.Dropout(0.5),
            qnn.QuantReLU(bit_width=2, quant_type=QuantType.INT),
        ]
    module = nn.Sequential(*layers, qnn.QuantLinear(64, 1, bias=True, weight_bit_width=2))
    load_weights(module, shared_file("models/checkpoints/cybsec_mlp_w2a2.npz"))
    with np.load(shared_file("models/checkpoints/cybsec_mlp_w2a2.npz"), allow_pickle=False) as data:
        assert np.array_equal(module[0].weight.detach().numpy(), data["0.weight"])
        key = "3.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value"
        assert float(module.state_dict()[key]) == float(data[key])
