"""What the user asks for: ranges, files, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.flow.request import checked_goals, make_settings, output_folder
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.steps.reporting import command_line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_bits": 0}, "--weight-bits is 0. Remedy: give a number from 1 to 8"),
        ({"act_bits": 9}, "--act-bits is 9"),
        ({"epochs": -1}, "--epochs is -1"),
        ({"seed": -1}, "--seed is -1"),
        ({"frames": 19}, "--frames is 19. Remedy: give a number from 20"),
        ({"target_cycles": 0}, "--target-cycles is 0. Remedy: give a positive number"),
        ({"target_fps": float("nan")}, "--target-fps is nan"),
        ({"fit": True, "target_fps": 9.0}, "both --fit and --target-fps are given"),
        ({"fit": True, "target_latency": "1us"}, "both --fit and --target-latency are given"),
        ({"max_lut": 0}, "--max-lut is 0. Remedy: give a positive number"),
        ({"share": 1.5, "fit": True}, "--share is 1.5. Remedy: give a number above 0, at most 1"),
        ({"share": float("nan"), "fit": True}, "--share is nan"),
        ({"share": 0.5}, "--share without a design to be searched for. Remedy: give --fit"),
        ({"input_scale": -1.0}, "--input-scale is -1.0"),
        ({"target_cycles": 9, "target_fps": 9.0}, "both --target-cycles and --target-fps"),
        ({"simulator": "modelsim"}, "--simulator is 'modelsim'. Remedy: give verilator or icarus"),
        ({"model": "net.pt"}, "weights alone do not say what the network is"),
        ({"model": "net.py"}, "the function that returns the model is missing"),
        ({"model": "net"}, "cannot tell what model 'net' is"),
        ({"model": "net.py:make-net"}, "cannot tell what model"),
    ],
)
def test_wrong_values(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        BuildSettings("pynq-z2", **options)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_model_kinds() -> None:
    assert BuildSettings("b").model_kind == "default"
    onnx = BuildSettings("b", "a/net.onnx")
    assert (onnx.model_kind, onnx.model_file, onnx.trains) == ("onnx", Path("a/net.onnx"), False)
    python = BuildSettings("b", "a/net.py:make")
    assert (python.model_kind, python.model_function) == ("python", "make")
    assert python.model_file == Path("a/net.py")
    assert python.trains


def test_no_such_board() -> None:
    with pytest.raises(InputError, match=r"there is no board 'pinq'.*did you mean pynq\?"):
        make_settings(board="pinq")


def test_missing_files(tmp_path: Path) -> None:
    net = tmp_path / "net.onnx"
    (tmp_path / "x.npz").touch()
    with pytest.raises(InputError, match="there is no model file"):
        make_settings(board="pynq", model=str(net), data=str(tmp_path / "x.npz"))
    net.touch()
    with pytest.raises(InputError, match="needs data to be verified on"):
        make_settings(board="pynq", model=str(net))
    with pytest.raises(InputError, match=r"there is no data file 'x\.npz'"):
        make_settings(board="pynq", model=str(net), data="x.npz")
    with pytest.raises(InputError, match="--data without a model"):
        make_settings(board="pynq", data="x.npz")
    (tmp_path / "net.py").touch()
    with pytest.raises(InputError, match="needs data to be trained or calibrated"):
        make_settings(board="pynq", model=f"{tmp_path}/net.py:make")
    for name in "abc":
        (tmp_path / name).touch()
    three = ",".join(str(tmp_path / name) for name in "abc")
    with pytest.raises(InputError, match="--data names 3 files"):
        make_settings(board="pynq", model=str(net), data=three)


def test_paths_become_absolute_and_the_alias_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("net.onnx", "images.idx", "labels.idx", "with,comma.npz"):
        Path(name).touch()
    settings = make_settings(board="PYNQ", model="net.onnx", data="images.idx,labels.idx")
    assert settings.board == "pynq-z2"
    assert settings.model == str(tmp_path.resolve() / "net.onnx")
    assert settings.data_files == (
        tmp_path.resolve() / "images.idx",
        tmp_path.resolve() / "labels.idx",
    )
    assert output_folder(settings, None) == tmp_path / "hwc-build" / "net-pynq-z2"
    assert output_folder(settings, Path("here")) == tmp_path / "here"
    comma = make_settings(board="pynq", model="net.onnx", data="with,comma.npz")
    assert comma.data_files == (tmp_path.resolve() / "with,comma.npz",)


def test_default_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert output_folder(make_settings(board="pynq"), None).name == "digits-pynq-z2"
    settings = BuildSettings("pynq-z2", model="/a/my nets.py:make")
    assert output_folder(settings, None).name == "my-nets-make-pynq-z2"


def test_command_line_names_files_only() -> None:
    settings = BuildSettings(
        "pynq-z2",
        model="/home/me/net.onnx",
        data="/d/i.idx",
        labels="/d/l.idx",
        target_fps=1000.0,
        seed=3,
    )
    assert command_line(settings) == (
        "hwcompress build net.onnx --board pynq-z2 --data i.idx,l.idx --seed 3 --target-fps 1000.0"
    )
    assert command_line(BuildSettings("pynq-z2")) == "hwcompress build --board pynq-z2"


def test_folding_file(tmp_path: Path) -> None:
    """A folding is read before any work; with a goal its engines stay."""
    good = tmp_path / "f.json"
    good.write_text('{"format": "hwcompress-folding-1", "engines": {"conv1": {"pe": 2}}}')
    assert make_settings(board="pynq", folding=str(good)).folding == str(good.resolve())
    both = checked_goals(board="pynq", folding=str(good), target_cycles=5)
    assert (both.folding, both.target_cycles) == (str(good.resolve()), 5)
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        make_settings(board="pynq", folding=str(tmp_path / "none.json"))
