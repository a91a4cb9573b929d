# SPDX-License-Identifier: Apache-2.0
"""Colour transfer gives the foreground the background's statistics, and nothing else changes."""

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab
from skimage.exposure import match_histograms

from harmonize_core.color import cielab_to_linear, linear_to_cielab, linear_to_srgb, srgb_to_linear
from harmonize_core.color_transfer import match_covariance, match_histogram, match_statistics, statistics
from harmonize_core.models import build

METHODS = ("reinhard", "histogram_match", "mkl")


@pytest.fixture
def picture() -> tuple[torch.Tensor, torch.Tensor]:
    """A bluish textured background and a warm foreground of other contrast; 8-bit colours, hard mask."""
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 40), np.float32)
    mask[10:40, 8:30] = 1
    background = rng.normal((0.35, 0.45, 0.6), (0.08, 0.06, 0.05), (48, 40, 3))
    foreground = rng.normal((0.7, 0.5, 0.35), (0.05, 0.09, 0.04), (48, 40, 3)) + rng.normal(0, 0.04, (48, 40, 1))
    composite = np.where(mask[..., None] > 0, foreground, background)
    composite = (np.clip(composite, 0, 1) * 255).round().astype(np.float32) / 255
    return torch.from_numpy(composite.transpose(2, 0, 1)[None].copy()), torch.from_numpy(mask[None, None])


def sides(image: torch.Tensor, mask: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    pixels, inside = image[0].permute(1, 2, 0).numpy(), mask[0, 0].numpy() > 0
    return pixels[inside], pixels[~inside]


def test_reinhard_gives_the_foreground_the_lab_statistics_of_the_background(picture):
    foreground, background = sides(build("reinhard")(*picture).harmonized, picture[1])
    ours, target = (rgb2lab(pixels[None])[0] for pixels in (foreground, background))
    np.testing.assert_allclose(ours.mean(axis=0), target.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(ours.std(axis=0), target.std(axis=0), atol=0.05)


def test_histograms_match_as_in_scikit_image(picture):
    foreground, background = sides(*picture)
    expected = np.stack([match_histograms(foreground[:, c], background[:, c]) for c in range(3)], axis=1)
    found, _ = sides(build("histogram_match")(*picture).harmonized, picture[1])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_mkl_gives_mean_and_covariance_by_a_map_without_rotation(picture):
    foreground, background = sides(*picture)
    found, _ = sides(build("mkl")(*picture).harmonized, picture[1])
    np.testing.assert_allclose(found.mean(axis=0), background.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.cov(found.T, bias=True), np.cov(background.T, bias=True), atol=1e-6)
    map_, *_ = np.linalg.lstsq(foreground - foreground.mean(axis=0), found - found.mean(axis=0), rcond=None)
    np.testing.assert_allclose(map_, map_.T, atol=1e-3)
    assert np.linalg.eigvalsh(map_).min() > 0  # symmetric and positive: the map of least movement


@pytest.mark.parametrize("name", METHODS)
def test_a_foreground_like_its_background_stays(name):
    half = torch.rand(1, 3, 32, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    composite, mask = torch.cat([half, half], dim=3), torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    torch.testing.assert_close(build(name)(composite, mask).harmonized, composite, atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", METHODS)
def test_the_background_and_pictures_without_either_side_stay_as_they_are(name, picture):
    composite, mask = picture
    model = build(name)
    out = model(composite.repeat(3, 1, 1, 1), torch.cat([mask, 0 * mask, 0 * mask + 1])).harmonized
    outside = mask[0].expand(3, -1, -1) == 0
    assert torch.equal(out[0][outside], composite[0][outside])
    assert not torch.allclose(out[0], composite[0], atol=0.05)
    assert torch.equal(out[1], composite[0])
    assert torch.equal(out[2], composite[0])
    assert torch.equal(build("composite")(composite, mask).harmonized, composite)


@pytest.mark.parametrize("name", METHODS)
def test_flat_foregrounds_take_the_mean_and_do_not_blow_up(name, picture):
    composite, mask = picture
    flat = torch.where(mask > 0, torch.tensor([0.7, 0.5, 0.3])[None, :, None, None], composite)
    foreground, background = sides(build(name)(flat, mask).harmonized, mask)
    assert np.isfinite(foreground).all()
    assert np.ptp(foreground, axis=0).max() < 0.01
    if name != "histogram_match":  # one value has no distribution; it goes to the end of the donor's
        np.testing.assert_allclose(foreground.mean(axis=0), background.mean(axis=0), atol=0.02)


def test_weights_count_colours_as_often():
    rng = np.random.default_rng(1)
    colors, donor, counts = rng.random((50, 3)), rng.random((40, 3)), rng.integers(1, 4, 50)
    repeated = np.repeat(colors, counts, axis=0)
    weighted, plain = statistics(colors, counts.astype(float)), statistics(repeated)
    np.testing.assert_allclose([weighted.mean, weighted.std], [plain.mean, plain.std])
    by_weight = match_covariance(colors, donor, counts.astype(float))
    np.testing.assert_allclose(np.repeat(by_weight, counts, axis=0), match_covariance(repeated, donor))
    by_weight = match_histogram(colors[:, 0], donor[:, 0], counts.astype(float))
    np.testing.assert_allclose(np.repeat(by_weight, counts), match_histogram(repeated[:, 0], donor[:, 0]))
    moved = match_statistics(colors, weighted, statistics(donor), ratio_limits=(1.0, 1.0))
    np.testing.assert_allclose(moved - colors, np.broadcast_to(statistics(donor).mean - weighted.mean, (50, 3)))


def test_soft_edges_are_blended(picture):
    composite, mask = picture
    soft = mask * 0.5
    full, half = (build("mkl")(composite, m).harmonized for m in (mask, soft))
    inside = mask[0, 0] > 0
    moved = (half - composite)[0][:, inside].abs().mean()
    assert 0 < moved < (full - composite)[0][:, inside].abs().mean()


def test_cielab_agrees_with_scikit_image_and_returns():
    rgb = np.random.default_rng(2).random((64, 3)).astype(np.float32)
    lab = linear_to_cielab(srgb_to_linear(rgb))
    np.testing.assert_allclose(lab, rgb2lab(rgb[None])[0], atol=0.02)
    np.testing.assert_allclose(linear_to_srgb(cielab_to_linear(lab)), rgb, atol=1e-5)
    np.testing.assert_allclose(linear_to_srgb(cielab_to_linear(lab)), lab2rgb(lab[None])[0], atol=1e-3)
    np.testing.assert_allclose(linear_to_cielab(np.ones(3)), [100, 0, 0], atol=1e-4)
    outside = np.array([1.3, -0.1, 0.2], np.float32)
    np.testing.assert_allclose(cielab_to_linear(linear_to_cielab(outside)), outside, atol=1e-5)
