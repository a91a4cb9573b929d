# SPDX-License-Identifier: Apache-2.0
"""What every image loss keeps, whatever the images: its gradient is its slope, and equal images cost nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harmonize_core import losses

MASK = torch.zeros(2, 1, 16, 16, dtype=torch.float64)
MASK[:, :, 4:12, 4:12] = 1

COMPARING = {
    "fn_mse": lambda a, b: losses.fn_mse(a, b, MASK),
    "l1": losses.l1,
    "l2": losses.l2,
    "reflectance_gradient": losses.reflectance_gradient,
}

SCORING = {
    "hinge_d": losses.hinge_d,
    "ls_d": losses.ls_d,
    "logistic_d": losses.logistic_d,
    "wgan_d": losses.wgan_d,
}


def images(seed: int, count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(2, 3, 16, 16, generator=generator, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize("name", sorted(COMPARING))
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_equal_images_cost_nothing_and_others_do(name, seed):
    first, second = images(seed, 2)
    assert COMPARING[name](first, first).item() == 0
    assert COMPARING[name](first, second).item() > 0
    assert COMPARING[name](first, second).item() == pytest.approx(COMPARING[name](second, first).item())


@pytest.mark.parametrize("name", sorted(COMPARING))
def test_gradients_of_image_losses_are_their_slopes(name):
    first, second = (image[:, :, :6, :6].clone() for image in images(1, 2))
    mask = MASK[:, :, 4:10, 4:10]
    loss = (lambda a, b: losses.fn_mse(a, b, mask)) if name == "fn_mse" else COMPARING[name]
    assert torch.autograd.gradcheck(loss, (first.requires_grad_(True), second))


def test_gradients_of_light_and_contrast_terms_are_their_slopes():
    light, real, feature = images(2, 3)
    light, feature = (x[:1, :1, :8, :8].clone().requires_grad_(True) for x in (light, feature))
    assert torch.autograd.gradcheck(losses.illumination_smoothness, (light,))
    assert torch.autograd.gradcheck(losses.inharmony_free, (feature, real[:1]))


@pytest.mark.parametrize("name", sorted(SCORING))
@given(seed=st.integers(0, 10_000), shift=st.floats(0.01, 0.9))
@settings(max_examples=10, deadline=None)
def test_critics_gain_by_moving_both_sides_apart(name, seed, shift):
    negative, positive = (0.1 * (image - 0.5) for image in images(seed, 2))
    worse = SCORING[name](negative, positive)
    assert SCORING[name](negative - shift * (name != "ls_d"), positive + shift) < worse


@given(seed=st.integers(0, 10_000), brightness=st.floats(-0.5, 0.5))
@settings(max_examples=10, deadline=None)
def test_light_changes_cost_the_reflectance_little_and_the_smoothness_nothing(seed, brightness):
    image, other = images(seed, 2)
    smooth = losses.illumination_smoothness(image)
    assert losses.illumination_smoothness(image + brightness).item() == pytest.approx(smooth.item(), rel=1e-9)
    # beyond the border stands 0, so a change of brightness costs the border pixels alone: 3 |brightness| / 16 per axis
    assert losses.reflectance_gradient(image + 1 + brightness, image + 1) <= 2 * 3 * abs(brightness) / 16 + 1e-9
    assert losses.reflectance_gradient(other, image) > 0


@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 10))
@settings(max_examples=10, deadline=None)
def test_style_contrast_does_not_depend_on_the_scale_of_the_features(seed, scale):
    f, positive, negative, background = images(seed, 4)
    plain = losses.style_contrastive(f, positive, [negative], background)
    scaled = losses.style_contrastive(scale * f, scale * positive, [scale * negative], background)
    assert scaled.item() == pytest.approx(plain.item(), rel=1e-5)
    assert 0 < plain.item() < 2
