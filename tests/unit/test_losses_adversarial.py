# SPDX-License-Identifier: Apache-2.0
"""Adversarial and intrinsic terms at points where their value is known by hand."""

import math

import pytest
import torch

from harmonize_core import losses


@pytest.mark.parametrize(
    ("critic_loss", "at_zero", "where_it_wants_them"),
    [(losses.hinge_d, 2.0, (-1.0, 1.0)), (losses.ls_d, 1.0, (0.0, 1.0)), (losses.logistic_d, 2 * math.log(2), None)],
)
def test_critic_losses_at_zero_and_at_their_targets(critic_loss, at_zero, where_it_wants_them):
    zero = torch.zeros(2, 1, 4, 4)
    assert critic_loss(zero, zero).item() == pytest.approx(at_zero, rel=1e-6)
    if where_it_wants_them:
        negative, positive = (torch.full((3,), value) for value in where_it_wants_them)
        assert critic_loss(negative, positive).item() == 0
    assert critic_loss(zero + 3, zero - 3) > critic_loss(zero - 3, zero + 3)


def test_the_wasserstein_critic_separates_means():
    assert losses.wgan_d(torch.tensor([1.0, 3.0]), torch.tensor([5.0])).item() == -3


@pytest.mark.parametrize("generator_loss", [losses.hinge_adv, losses.ls_adv, losses.logistic_adv])
def test_generators_want_the_scores_of_real_images(generator_loss):
    assert generator_loss(torch.ones(4)) < generator_loss(torch.zeros(4)) < generator_loss(-torch.ones(4))


def test_the_gradient_penalty_of_a_linear_critic_is_its_slope():
    slope = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    slope *= 3.0 / slope.norm()
    real, harmonized = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    penalty = losses.gradient_penalty(lambda x: (x * slope).sum(dim=(1, 2, 3)), harmonized, real, torch.rand(2))
    assert penalty.item() == pytest.approx(10 * (3 - 1) ** 2, rel=1e-5)


def test_the_gradient_penalty_looks_between_both_images_and_trains_the_critic():
    scale = torch.tensor(1.0, requires_grad=True)

    def critic(x: torch.Tensor) -> torch.Tensor:
        return scale * x.square().sum(dim=(1, 2, 3)) / 2  # its gradient is scale * x

    real, harmonized = torch.full((1, 1, 1, 1), 5.0), torch.full((1, 1, 1, 1), 1.0)
    penalty = losses.gradient_penalty(critic, harmonized, real, torch.tensor([0.25]), weight=1.0)
    assert penalty.item() == pytest.approx((2.0 - 1) ** 2)
    penalty.backward()
    assert scale.grad is not None
    assert scale.grad.item() == pytest.approx(2 * (2.0 - 1) * 2.0)


def test_the_gradient_penalty_of_a_constant_critic_is_finite_and_has_finite_gradients():
    weight = torch.zeros(1, requires_grad=True)
    image = torch.rand(2, 3, 4, 4)
    penalty = losses.gradient_penalty(lambda x: weight * x.sum(dim=(1, 2, 3)), image, image, torch.rand(2))
    penalty.backward()
    assert penalty.item() == pytest.approx(10, rel=1e-4)
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_verification_scores_inner_products_of_both_domains():
    foreground, background = torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.5], [4.0, 0.0]])
    similarity = losses.domain_similarity(foreground, background)
    assert similarity.tolist() == [[4.0], [0.0]]
    assert losses.verification_d(similarity, similarity + 2).item() == pytest.approx(3.0)  # (5 + 1) / 2
    assert losses.verification_adv(similarity).item() == -2


def test_feature_matching_averages_critics_and_layers_and_leaves_the_real_side_alone():
    mine = [[torch.zeros(1, 2), torch.zeros(1, 4)], [torch.ones(1, 2), torch.ones(1, 2)]]
    real = [[torch.full((1, 2), 2.0, requires_grad=True), torch.full((1, 4), 4.0)], [torch.zeros(1, 2)] * 2]
    assert losses.feature_matching(mine, real).item() == pytest.approx((3.0 + 1.0) / 2)
    assert losses.feature_matching(mine, real, layer_weight=1.0).item() == pytest.approx((6.0 + 2.0) / 2)
    assert not losses.feature_matching(mine, real).requires_grad


def test_the_reflectance_may_change_in_brightness_but_not_in_its_edges():
    real = torch.zeros(1, 1, 4, 4)
    real[..., 2:] = 1.0
    assert losses.reflectance_gradient(real, real).item() == 0
    assert losses.reflectance_gradient(-real, real).item() == 0  # sizes of the differences count
    flat = torch.zeros_like(real)
    # one step of 1 in each of 4 rows; and the upper border of the two bright columns against zeros
    assert losses.reflectance_gradient(flat, real).item() == pytest.approx((4 + 2) / 16)


def test_the_reflectances_gradients_are_those_of_the_released_filters():
    generator = torch.Generator().manual_seed(3)
    pair = [torch.rand(2, 3, 6, 5, generator=generator) for _ in range(2)]
    across = torch.tensor([[0.0, 0.0], [-1.0, 1.0]]).expand(1, 3, 2, 2)
    expected = torch.zeros(())
    for kernel in (across, across.transpose(2, 3)):
        first, second = (torch.nn.functional.conv2d(image, kernel, padding=1)[:, :, :6, :5].abs() for image in pair)
        expected = expected + (first - second).abs().mean()
    torch.testing.assert_close(losses.reflectance_gradient(*pair), expected)


def test_smooth_light_may_slope_but_not_bend():
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    plane = (0.1 * rows + 0.3 * columns)[None, None]
    assert losses.illumination_smoothness(plane).item() == pytest.approx(0, abs=1e-5)
    assert losses.illumination_smoothness(columns.square()[None, None]).item() == pytest.approx(2)
    assert losses.illumination_smoothness((rows * columns)[None, None]).item() == pytest.approx(2)


def test_inharmony_free_maps_share_structure_but_not_light():
    real = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    same = losses.gray(real[..., ::2, ::2])
    assert losses.inharmony_free(same, real).item() == pytest.approx(0, abs=1e-6)
    inverted = losses.inharmony_free(1 - same, real).item()
    assert losses.inharmony_free(torch.zeros_like(same), real).item() < inverted < 1


def test_inharmony_free_is_ssim_without_its_luminance_factor():
    from skimage.metrics import structural_similarity

    generator = torch.Generator().manual_seed(2)
    frame = torch.nn.ZeroPad2d(16)  # so that padding with zeros and by reflection are the same
    real = frame(torch.rand(1, 3, 48, 48, generator=generator, dtype=torch.float64))
    mine = 0.5 * losses.gray(real) + 0.2 * frame(torch.rand(1, 1, 48, 48, generator=generator, dtype=torch.float64))
    bright = [(image + 1000)[0, 0].numpy() for image in (mine, losses.gray(real))]  # luminance factors within 1e-6 of 1
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    _, ssim = structural_similarity(*bright, data_range=1.0, full=True, **window)
    assert losses.inharmony_free(mine, real).item() == pytest.approx((1 - ssim.mean()) / 2, abs=1e-5)
