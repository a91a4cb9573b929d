# SPDX-License-Identifier: Apache-2.0
"""Losses at points where their value is known by hand."""

import math

import pytest
import torch

from harmonize_core import losses


def log_p(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows).log()


def test_fn_mse_divides_the_whole_error_by_the_foreground_area():
    real = torch.zeros(1, 3, 32, 32)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1  # 512 pixels
    everywhere = torch.full_like(real, 0.5)
    assert losses.fn_mse(everywhere, real, mask).item() == pytest.approx(0.25 * 1024 / 512)
    tiny = torch.zeros_like(mask)
    tiny[..., 0, 0] = 1
    assert losses.fn_mse(everywhere, real, tiny).item() == pytest.approx(0.25 * 1024 / 100)
    assert losses.fn_mse(everywhere, real, tiny, a_min=1).item() == pytest.approx(0.25 * 1024)


def test_the_discriminator_wants_photographs_above_one_and_renders_below_minus_one():
    assert losses.hinge_d(torch.tensor([-1.0]), torch.tensor([1.0])).item() == 0
    assert losses.hinge_d(torch.tensor([1.0]), torch.tensor([-1.0])).item() == 4
    assert losses.hinge_adv(torch.tensor([2.0, 4.0])).item() == -3


def test_entropy_of_uniform_and_of_certain_distributions():
    uniform = torch.full((2, 10), 0.1).log()
    assert losses.entropy(uniform).item() == pytest.approx(math.log(10), rel=1e-6)
    certain = torch.tensor([[50.0, 0, 0]]).log_softmax(1)
    assert losses.entropy(certain).item() == pytest.approx(0, abs=1e-6)
    assert losses.entropy_margin(uniform, certain.new_tensor([[50.0] + [0.0] * 9]).log_softmax(1)).item() == 0
    assert losses.entropy_margin(uniform, uniform).item() == pytest.approx(1)


def test_soft_cross_entropy_takes_the_target_second():
    p, q = log_p([0.9, 0.1]), torch.tensor([[1.0, 0.0]])
    assert losses.soft_cross_entropy(p, q).item() == pytest.approx(-math.log(0.9), rel=1e-6)


def test_style_weights_multiply_their_terms():
    rows = torch.randn(4, 2, 10, generator=torch.Generator().manual_seed(0)).log_softmax(2)
    soft, hard = torch.full((2, 10), 0.1), torch.tensor([1, 2])
    style = losses.style_aggregation(*rows, soft, hard)
    by_hand = (
        style.rendered_before
        + style.rendered_after
        + 0.5 * style.photographic_agreement
        + 0.5 * style.photographic_margin
    )
    assert style.total.item() == pytest.approx(by_hand.item())
    off = losses.style_aggregation(*rows, soft, hard, rendered_weight=0, agreement_weight=0, margin_weight=0)
    assert off.total.item() == 0


def test_the_harmonizers_loss_weighs_root_and_square_in_the_foreground():
    real, mask = torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    mask[0, :, :2] = 1
    harmonized = real + 0.1
    one, empty = losses.harmonizer_pixel(harmonized, real, mask).tolist()
    assert one == pytest.approx(3 * (0.1 + 10 * 0.01), rel=1e-3)
    assert empty == 0


def test_sobel_is_the_magnitude_of_the_usual_filters():
    from scipy import ndimage

    image = torch.rand(2, 3, 9, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    plane = image[1, 2].numpy()
    across, down = (ndimage.sobel(plane, axis=axis, mode="nearest") / 8 for axis in (1, 0))
    expected = torch.from_numpy((across**2 + down**2 + 1e-6) ** 0.5)
    torch.testing.assert_close(losses.sobel(image)[1, 2], expected)


def test_losses_that_convolve_stay_in_float32_beside_networks_in_bfloat16():
    """SSIM's variances are differences of squares: in bfloat16 they would be noise."""
    generator = torch.Generator().manual_seed(0)
    real = 0.9 + 0.01 * torch.rand(1, 3, 32, 32, generator=generator)
    feature = losses.gray(real)
    expected, edges = losses.inharmony_free(feature, real), losses.sobel(real)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert losses.inharmony_free(feature, real) == pytest.approx(float(expected), abs=1e-6)
        assert torch.equal(losses.sobel(real), edges)
