# SPDX-License-Identifier: Apache-2.0
"""The verification critic looks where it says it looks, and its spectral norm is one."""

import pytest
import torch

from harmonize_core.models.discriminators import PartialConv, SpectralConv, VerificationDiscriminator


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.zeros(2, 1, 256, 256)
    mask[:, :, 60:200, 80:180] = 1
    return torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0)), mask


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_region_is_described_by_its_own_pixels_alone(norm, pictures):
    image, mask = pictures
    region = VerificationDiscriminator(norm, width=8).eval().region
    repainted = mask * image + (1 - mask) * torch.rand_like(image)
    torch.testing.assert_close(region(image, mask), region(repainted, mask))
    assert not torch.equal(region(image, 1 - mask), region(repainted, 1 - mask))


def test_a_partial_convolution_rescales_by_what_it_sees():
    layer = PartialConv(3, 4, stride=1, bias=True).eval()
    flat = torch.full((1, 3, 9, 9), 0.5)
    half = torch.zeros(1, 1, 9, 9)
    half[..., :5] = 1
    torch.nn.init.constant_(layer.conv.conv.weight, 0.1)
    torch.nn.init.constant_(layer.bias, 0.3)
    whole, none = layer(flat)
    seen, region = layer(flat, half)
    assert none is None
    torch.testing.assert_close(seen[..., :5], whole[..., :5])
    assert seen[..., 5:].abs().max() == 0
    assert region.sum() == 7 * 5


def test_a_picture_without_foreground_is_scored_too(pictures):
    image, mask = pictures
    verdict = VerificationDiscriminator(width=8)(image, mask * torch.tensor([0.0, 1.0])[:, None, None, None])
    assert verdict.mean.isfinite().all()
    assert verdict.image.shape == verdict.similarity.shape == (2, 1, 1, 1)


def test_the_largest_singular_value_is_one_after_some_steps():
    layer = SpectralConv(5, 7, 3)
    for _ in range(50):
        layer(torch.zeros(1, 5, 9, 9))
    impulse = torch.eye(45).reshape(45, 5, 3, 3)  # each column of the weight matrix in turn
    columns = layer.eval()(impulse) - layer.conv.bias[:, None, None]
    assert torch.linalg.svdvals(columns.flatten(1)).max().item() == pytest.approx(1, abs=1e-3)
