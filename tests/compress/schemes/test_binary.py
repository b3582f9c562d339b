"""Binary networks: the arithmetic behind them, their thresholds, XNOR-Net's map and order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.schemes import (
    BinaryNetwork,
    LocalBinary,
    Xnor,
    apply_scheme,
    learned_state,
    load_learned_state,
    settle,
)
from hwcompress.compress.train import logits
from hwcompress.errors import UnsupportedError
from hwcompress.frontend import import_model
from hwcompress.ir import Conv, Dense, MaxPool, Threshold
from tests.compress.schemes.networks import (
    check_exact,
    cnn8,
    data,
    right,
    sign_first,
    trained,
    trained_float,
)


def test_agreements_count_what_products_add_up_to() -> None:
    """``2 popcount(xnor) - n`` is the product of two sign vectors; padded places are masked."""
    random = np.random.default_rng(2)
    pairs = wrong = 0
    for length in (9, 27, 64) * 9:  # a million pairs
        x, w = random.integers(0, 2, (2, 40_000, length), dtype=np.int8)
        there = random.random((40_000, length)) < 0.9  # the others are padding: zero
        agree = np.logical_and(x == w, there).sum(axis=1)
        signs = (2 * x.astype(np.int32) - 1) * (2 * w.astype(np.int32) - 1) * there
        assert np.array_equal(2 * agree - there.sum(axis=1), signs.sum(axis=1))
        pairs += len(agree)
        wrong += np.count_nonzero(2 * (x == w).sum(axis=1) - length != signs.sum(axis=1))
    print(f"\n{pairs} pairs, 0 differences; twin that takes padding for data: {wrong}")
    assert pairs >= 1_000_000 and wrong > 0


def test_batch_norm_and_sign_are_one_threshold(tmp_path: Path) -> None:
    """3200 random channels, gains of either sign and zero: every reachable sum."""
    torch.manual_seed(4)
    count, inputs = 3200, 15
    module = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, inputs, bias=False),
        nn.BatchNorm1d(inputs),
        nn.Linear(inputs, count, bias=False),
        nn.BatchNorm1d(count),
        nn.Linear(count, 2, bias=False),
    )
    norm = module[4]
    with torch.no_grad():
        norm.weight.normal_()
        norm.weight[::50] = 0.0
        norm.bias.normal_()
        norm.running_mean.normal_(0, 4)
        norm.running_var.uniform_(0.5, 20)
    quantized = apply_scheme(module, BinaryNetwork(), data().x[:16])
    settle(quantized)
    export_qonnx(quantized, (1, 8, 8), tmp_path / "m.onnx")
    graph = import_model(tmp_path / "m.onnx", samples=data().x[:2]).graph
    found = [op for op in graph.ops if isinstance(op, Threshold)][1]
    plain = next(
        part
        for part in quantized.modules()
        if isinstance(part, nn.BatchNorm1d) and part.num_features == count
    )
    gain, offset = plain.weight.detach().double().numpy(), plain.bias.detach().double().numpy()
    assert np.sum(gain == 0) >= count // 50 and np.any(gain < 0)
    sums = np.arange(-inputs, inputs + 1, 2)  # of 15 products
    wanted = gain * sums[:, None] + offset >= 0
    rows = np.broadcast_to(found.thresholds, (count, 1))[:, 0]
    flip = np.broadcast_to(found.sign, (count,))
    assert np.array_equal(flip * sums[:, None] >= rows, wanted)
    twin = np.count_nonzero((sums[:, None] >= flip * rows) != wanted)
    print(
        f"\n{count} channels, {np.sum(gain < 0)} falling, {np.sum(gain == 0)} constant:"
        f" 0 of {wanted.size} signs differ; twin that does not turn them round: {twin}"
    )
    assert twin > 0


def test_the_block_order_is_kept(tmp_path: Path) -> None:
    """Pooling before the sign and behind it are two networks, and both come out as written."""
    outputs = []
    for pool_first in (False, True):
        module = sign_first(1, pool_first)
        with torch.no_grad():
            for part in module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.weight.normal_()  # falling channels tell the two apart
        quantized = apply_scheme(module, Xnor(), data().x[:64])
        graph = check_exact(quantized, tmp_path).graph
        kinds = [op.kind for op in graph.ops if isinstance(op, Conv | MaxPool | Threshold)]
        first = kinds.index("MaxPool")
        assert (kinds[:first].count("Conv") == 1) is pool_first
        outputs.append(logits(quantized, data().test_x[:50]))
    assert not np.array_equal(outputs[0], outputs[1])
    differ = 100 * np.mean(outputs[0] != outputs[1])
    print(
        f"\nboth orders exact; their twins with the other order differ in {differ:.0f} % of logits"
    )


def both_forms(epochs: int, seed: int) -> tuple[float, float]:
    """Percent right of XNOR-Net without and with K."""
    found = []
    for k_map in (False, True):
        module = trained(Xnor(k_map=k_map), sign_first(seed), epochs=epochs, seed=seed)
        found.append(right(module))
    return found[0], found[1]


def test_the_map_is_refused_for_hardware() -> None:
    without, with_map = both_forms(1, 0)
    print(f"\nXNOR-Net after an epoch: {without:.1f} % without K, {with_map:.1f} % with it")
    module = apply_scheme(sign_first(), Xnor(k_map=True), data().x[:16])
    with pytest.raises(UnsupportedError, match=r"box filter .* train without it"):
        settle(module)


@pytest.mark.long
def test_what_the_map_is_worth() -> None:
    found = np.array([both_forms(20, seed) for seed in range(3)])
    without, with_map = found.mean(axis=0)
    print(f"\nXNOR-Net, three seeds: {without:.1f} % without K, {with_map:.1f} % with it")
    assert without >= 93.0


def test_local_binary_layers_are_stored_by_their_seed(tmp_path: Path) -> None:
    scheme = LocalBinary(act_bits=4, anchor_seed=11)
    module = trained(scheme, trained_float(), epochs=1)
    before = logits(module, data().test_x[:40])
    state = learned_state(module)
    anchors = {
        name: part.weight.clone()
        for name, part in module.named_modules()
        if hasattr(part, "anchor_seed")
    }
    assert len(anchors) == 2 and not any(f"{name}.weight" in state for name in anchors)
    replaced = sum(part.weight.numel() for part in (cnn8()[3], cnn8()[7]))
    learned = sum(state[name.replace(".0", ".2") + ".weight"].numel() for name in anchors)
    assert 0.28 <= learned / replaced <= 0.32
    torch.save(state, tmp_path / "state.pth")
    print(
        f"\nLBCNN learns {100 * learned / replaced:.0f} % of the replaced layers' weights; stored"
        f" {(tmp_path / 'state.pth').stat().st_size} bytes, of anchors 2 seeds; twin:"
        f" {sum(item.numel() for item in anchors.values())} anchors' weights"
    )

    again = apply_scheme(cnn8(5), LocalBinary(act_bits=4, anchor_seed=2), data().x[:64])
    load_learned_state(again, torch.load(tmp_path / "state.pth", weights_only=True))
    for name, weight in anchors.items():
        assert torch.equal(again.get_submodule(name).weight, weight)
    assert np.array_equal(logits(again, data().test_x[:40]), before)
    # They are never trained.
    for name, weight in anchors.items():
        assert torch.equal(weight, torch.round(weight)) and weight.abs().max() == 1
        assert not module.get_submodule(name).weight.requires_grad
    graph = check_exact(module, tmp_path).graph
    kinds = [(op.wtype.lo, op.wtype.hi) for op in graph.ops if isinstance(op, Conv | Dense)]
    assert kinds.count((-1, 1)) == 2
