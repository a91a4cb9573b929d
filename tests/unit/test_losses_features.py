# SPDX-License-Identifier: Apache-2.0
"""VGG features with the user's weights, and the losses on features."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harmonize_core import losses
from harmonize_core.errors import CheckpointError, ConfigError

PLANS = {
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def torchvision_layout(plan: str) -> nn.Sequential:
    """The published configuration as a plain chain of layers, numbered as torchvision numbers them."""
    layers: list[nn.Module] = []
    c_in = 3
    for word in plan.split():
        if word == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(c_in, int(word), 3, padding=1), nn.ReLU()]
            c_in = int(word)
    return nn.Sequential(*layers)


@pytest.fixture(scope="module", params=sorted(PLANS))
def chain(request) -> nn.Sequential:
    torch.manual_seed(0)
    return torchvision_layout(PLANS[request.param])


def state(chain: nn.Sequential) -> dict[str, torch.Tensor]:
    return {f"features.{name}": value for name, value in chain.state_dict().items()}


def test_features_are_those_of_the_published_layers(chain):
    image = torch.rand(1, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (image - mean[:, None, None]) / std[:, None, None]
    first, deep = losses.Vgg(state(chain))(image, ["relu1_1", "relu4_3"])
    four_three = 23 if len(chain) == 31 else 25  # torchvision: vgg16.features[:23], vgg19.features[:25]
    with torch.no_grad():
        torch.testing.assert_close(first, chain[:2](normalised))
        torch.testing.assert_close(deep, chain[:four_three](normalised))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_come_from_a_file_of_the_users(chain, tmp_path, suffix):
    path = tmp_path / f"vgg{suffix}"
    whole = state(chain) | {"classifier.0.weight": torch.zeros(2, 2)}
    torch.save(whole, path) if suffix == ".pth" else save_file(whole, path)
    image = torch.rand(1, 3, 16, 16)
    (read,) = losses.perceptual_network(path)(image, ["relu2_1"])
    assert torch.equal(read, losses.Vgg(state(chain))(image, ["relu2_1"])[0])


def test_missing_damaged_and_foreign_weights_are_refused_by_name(chain, tmp_path):
    with pytest.raises(ConfigError, match=r"needs its weights but no file is given; save the state dict"):
        losses.perceptual_network(None)
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(CheckpointError, match=name):
            losses.perceptual_network(Path(tmp_path / name))
    for name in ("noise.pth", "noise.safetensors"):
        (tmp_path / name).write_bytes(b"not a state dict")
        with pytest.raises(CheckpointError, match=rf"{name} should hold the state dict of a VGG16 or VGG19.* damaged"):
            losses.perceptual_network(tmp_path / name)
    with pytest.raises(CheckpointError, match="these weights have 0"):
        losses.Vgg({"layer1.weight": torch.zeros(1)})
    broken = state(chain) | {"features.5.weight": torch.zeros(128, 64, 1, 1)}
    with pytest.raises(CheckpointError, match=r"features\.5 should be a convolution with a kernel \(128, 64, 3, 3\)"):
        losses.Vgg(broken)
    with pytest.raises(ConfigError, match=r"no layer 'conv1_1'; known: relu1_1, relu1_2"):
        losses.Vgg(state(chain))(torch.zeros(1, 3, 16, 16), ["conv1_1"])


def test_the_perceptual_loss_weighs_layers_and_moves_only_the_harmonized_image(chain):
    vgg = losses.Vgg(state(chain))
    harmonized, real = (torch.rand(1, 3, 16, 16, requires_grad=True) for _ in range(2))
    assert losses.perceptual(vgg, real, real, losses.PIX2PIXHD_LAYERS).item() == 0
    one, two, both = (
        losses.perceptual(vgg, harmonized, real, layers)
        for layers in ({"relu1_1": 1.0}, {"relu2_2": 1.0}, {"relu1_1": 0.5, "relu2_2": 2.0})
    )
    assert both.item() == pytest.approx(0.5 * one.item() + 2 * two.item(), rel=1e-5)
    both.backward()
    assert harmonized.grad is not None
    assert harmonized.grad.abs().sum() > 0
    assert real.grad is None


def test_domain_invariance_compares_standardised_features(chain):
    vgg = losses.Vgg(state(chain))
    translated, source = (torch.rand(1, 3, 32, 32, requires_grad=True) for _ in range(2))
    loss = losses.domain_invariant(vgg, translated, source, layer="relu2_2")
    with torch.no_grad():
        (a,), (b,) = (vgg(image, ["relu2_2"]) for image in (translated, source))
        a, b = (
            (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
            for x in (a, b)
        )
    assert loss.item() == pytest.approx((a - b).square().mean().item(), rel=1e-4)
    assert losses.domain_invariant(vgg, source, source).item() == 0
    loss.backward()
    assert translated.grad is not None
    assert source.grad is None


def test_style_contrast_is_the_share_of_the_distance_to_the_real_style():
    real = torch.zeros(2, 3, 4, 4)
    composite, background = real + 3, real + 1
    for harmonized, share in ((real, 0.0), (real + 1, 1 / 3), (composite, 1.0)):
        # positions 1/3 of the way to the composite: d+ = 1, d- = 2; correlations scale by the same factor
        loss = losses.style_contrastive(harmonized, real, [composite], background)
        assert loss.item() == pytest.approx(2 * share, abs=1e-6)
    two_negatives = losses.style_contrastive(real + 1, real, [composite, composite], background)
    assert two_negatives.item() == pytest.approx(2 / 5)


def test_patch_nce_knows_chance_and_certainty():
    patches = torch.eye(8)[None].repeat(2, 1, 1)
    assert losses.patch_nce(patches, patches).item() == pytest.approx(math.log(1 + 7 * math.exp(-1 / 0.07)), abs=1e-6)
    same = torch.zeros(1, 8, 4)
    same[..., 0] = 1
    assert losses.patch_nce(same, same).item() == pytest.approx(math.log(8), rel=1e-5)
    assert losses.patch_nce(patches, patches.flip(1)).item() == pytest.approx(1 / 0.07, abs=1e-3)
    key = patches.clone().requires_grad_(True)
    assert not losses.patch_nce(patches, key).requires_grad
