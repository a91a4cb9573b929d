# SPDX-License-Identifier: Apache-2.0
"""The colour transform: fitted exactly where it can be, detail kept, time smoothed, layers put together."""

import numpy as np
import pytest

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.formats.images import read_image, read_mask
from harmonize_core.metrics import fmse
from harmonize_core.runtime import (
    ColorTransform,
    Harmonizer,
    MaskEmpty,
    ModelInfo,
    apply_transform,
    fit_transform,
    harmonize,
    harmonize_layers,
)
from harmonize_core.runtime.resize import resize

PHOTO = "harmonize_core/photos/sklearn_china"


@pytest.fixture(scope="module")
def photo(request) -> tuple[np.ndarray, np.ndarray]:
    root = request.config.rootpath
    return read_image(root / f"{PHOTO}.jpg"), read_mask(root / f"{PHOTO}_mask.png")


def disc(size: int, radius: float = 0.3) -> np.ndarray:
    ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    return (np.hypot(*np.meshgrid(ramp, ramp)) < radius).astype(np.float32)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def warm(image: np.ndarray) -> np.ndarray:
    """A known affine change of colour."""
    matrix = np.array([[1.1, 0.05, 0], [0, 0.9, 0.02], [0.01, 0, 0.7]], dtype=np.float32)
    return (image @ matrix.T + np.float32([0.02, -0.01, 0.03])).astype(np.float32)


def oracle(answer) -> Harmonizer:
    """A harmonizer whose network is a known function of the picture."""
    return Harmonizer(lambda composite, mask: answer(composite), ModelInfo("oracle", "CC0-1.0", "this test", 256))


def test_an_affine_change_is_recovered_at_any_size():
    composite = 0.2 + 0.5 * noise(256, 256, 3)
    transform = fit_transform(composite, warm(composite), disc(256))
    large = 0.2 + 0.5 * noise(500, 700, 3, seed=1)
    middle = np.s_[200:300, 300:400]
    assert np.abs(transform.apply(large) - warm(large))[middle].max() < 0.01


def test_no_change_is_the_identity():
    composite = noise(256, 256, 3)
    transform = fit_transform(composite, composite, disc(256))
    np.testing.assert_allclose(transform.coefficients, np.broadcast_to(np.eye(3, 4), (32, 32, 3, 4)), atol=1e-6)


def test_the_background_has_no_say():
    composite = noise(256, 256, 3)
    harmonized = warm(composite)
    mask = disc(256)
    spoiled = np.where(mask[..., None] > 0, harmonized, 1 - harmonized).astype(np.float32)
    a, b = fit_transform(composite, harmonized, mask), fit_transform(composite, spoiled, mask)
    np.testing.assert_array_equal(a.coefficients, b.coefficients)


def test_one_flat_colour_and_one_pixel_stay_finite_and_gentle():
    flat = np.full((256, 256, 3), 0.4, dtype=np.float32)
    dot = np.zeros((256, 256), dtype=np.float32)
    dot[100, 50] = 1
    for mask in (disc(256), dot):
        transform = fit_transform(flat, flat + 0.1, mask)
        assert np.isfinite(transform.coefficients).all()
        assert transform.apply(flat)[100, 50] == pytest.approx(0.5, abs=0.01)
        assert np.abs(transform.coefficients[..., :3] - np.eye(3)).max() < 0.01


def test_an_empty_mask_is_refused():
    with pytest.raises(MaskEmpty, match="the mask should mark the foreground"):
        fit_transform(noise(256, 256, 3), noise(256, 256, 3), np.zeros((256, 256), np.float32))


def test_a_relit_photograph_is_mostly_repaired_at_full_resolution(photo):
    real, mask = photo
    height, width = mask.shape
    light = np.float32([1.5, 1.0, 0.6]) * np.linspace(0.6, 1.3, width, dtype=np.float32)[None, :, None]
    changed = np.clip(linear_to_srgb(srgb_to_linear(real) * light), 0, 1)
    composite = np.where(mask[..., None] > 0.5, changed, real).astype(np.float32)
    answer = resize(real, (256, 256))
    harmonized = harmonize(oracle(lambda _: answer), composite, mask)
    before, after = (fmse(x * 255, real * 255, mask) for x in (composite, harmonized))
    assert after < 0.1 * before
    # fine detail is the composite's own: sharper than the network's picture enlarged
    enlarged = resize(answer, (height, width))
    inside = mask > 0.5
    assert (
        np.abs(np.diff(harmonized, axis=1))[inside[:, 1:]].mean()
        > np.abs(np.diff(enlarged, axis=1))[inside[:, 1:]].mean()
    )


def test_a_box_is_the_same_part_of_the_whole():
    image = noise(300, 200, 3)
    transform = fit_transform(image[:256, :200], warm(image[:256, :200]), np.ones((256, 200), np.float32))
    whole = transform.apply(image)
    box = transform.apply(image, (31, 211, 17, 160))
    np.testing.assert_allclose(box, whole[31:211, 17:160], atol=1e-6)
    rows, columns = np.nonzero(np.ones(image.shape[:2]))
    single = transform.apply_to(image[rows, columns], rows, columns, (300, 200))
    np.testing.assert_allclose(single.reshape(image.shape), whole, atol=1e-5)


def test_strength_interpolates_to_the_identity():
    image = noise(256, 256, 3)
    transform = fit_transform(image, warm(image), np.ones((256, 256), np.float32))
    np.testing.assert_allclose(transform.scaled(0).apply(image), image, atol=1e-6)
    np.testing.assert_array_equal(transform.scaled(1).coefficients, transform.coefficients)
    half = transform.scaled(0.5).apply(image)
    unclipped = (transform.apply(image) > 0) & (transform.apply(image) < 1)
    np.testing.assert_allclose(half[unclipped], ((image + transform.apply(image)) / 2)[unclipped], atol=1e-5)


def test_bright_pixels_of_a_render_may_stay_above_white():
    brighter = np.eye(3, 4, dtype=np.float32)[None, None] * 2
    out = ColorTransform(brighter).apply(np.float32([[[0.2, 0.7, 3.0]]]))
    np.testing.assert_allclose(out, [[[0.4, 1.0, 3.0]]], atol=1e-6)


def test_a_picture_keeps_its_background_bit_for_bit(photo):
    real, mask = photo
    harmonized = harmonize(oracle(warm), real, mask)
    outside = mask == 0
    assert np.array_equal(harmonized[outside], real[outside])
    assert not np.array_equal(harmonized, real)
    assert harmonized.dtype == np.float32


def test_soft_masks_blend():
    image = np.full((64, 64, 3), 0.5, np.float32)
    brighter = ColorTransform(np.float32([[[[1, 0, 0, 0.2], [0, 1, 0, 0.2], [0, 0, 1, 0.2]]]]))
    mask = np.full((64, 64), 0.25, np.float32)
    np.testing.assert_allclose(apply_transform(brighter, image, mask), 0.55, atol=1e-6)


def test_layers_over_a_background():
    background = noise(40, 60, 3)
    straight = np.full((40, 60, 3), 0.18, np.float32)
    alpha = np.zeros((40, 60), np.float32)
    alpha[10:30, 10:30] = 1
    alpha[10:30, 30] = 0.25
    layer = straight * alpha[..., None]
    plain = harmonize_layers(ColorTransform.identity(), layer, alpha, background)
    assert np.array_equal(plain[alpha == 0], background[alpha == 0])
    np.testing.assert_allclose(plain[alpha == 1], linear_to_srgb(straight[alpha == 1]), atol=1e-5)
    edge = 0.25 * 0.18 + 0.75 * srgb_to_linear(background[15, 30])
    np.testing.assert_allclose(srgb_to_linear(plain[15, 30]), edge, atol=1e-5)
    # the transform acts on straight colour, so opaque and half-covered pixels of one material get the same colour
    brighter = ColorTransform(np.eye(3, 4, dtype=np.float32)[None, None] * 1.2)
    changed = harmonize_layers(brighter, layer, alpha, background)
    inside_linear = srgb_to_linear(changed[15, 20])
    np.testing.assert_allclose(
        srgb_to_linear(changed[15, 30]), 0.25 * inside_linear + 0.75 * srgb_to_linear(background[15, 30]), atol=1e-5
    )


def test_a_layer_without_anything_is_the_background():
    background = noise(8, 8, 3)
    nothing = harmonize_layers(
        ColorTransform.identity(), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.float32), background
    )
    assert np.array_equal(nothing, background)


@pytest.mark.parametrize(
    ("composite", "mask", "fragment"),
    [
        (noise(8, 8), noise(8, 8), r"composite should have shape \(H, W, 3\)"),
        (noise(8, 8, 4), noise(8, 8), r"composite should have shape \(H, W, 3\) but has \(8, 8, 4\)"),
        (noise(8, 8, 3), noise(8, 8, 1), r"mask should have shape \(H, W\)"),
        (noise(0, 8, 3), noise(0, 8), "composite should have shape"),
        (noise(8, 8, 3), noise(8, 9), "the mask is 9x8, the image is 8x8"),
        ((noise(8, 8, 3) * 255).astype(np.uint8), noise(8, 8), "should hold floats"),
        (noise(8, 8, 3), noise(8, 8) * 255, r"the mask should hold values in \[0, 1\]"),
        (noise(8, 8, 3), noise(8, 8) * np.nan, r"the mask should hold values in \[0, 1\]"),
        (noise(8, 8, 3) * np.inf, noise(8, 8), "finite"),
        (noise(8, 8, 3), noise(8, 8) * 0, "is 0 everywhere"),
    ],
)
def test_arrays_no_network_can_use_are_refused_in_one_sentence(composite, mask, fragment):
    with pytest.raises(InputError, match=fragment) as caught:
        harmonize(oracle(warm), composite, mask)
    assert "\n" not in str(caught.value)


def test_layers_of_other_sizes_are_refused():
    with pytest.raises(InputError, match=r"the background should have shape \(8, 8, 3\)"):
        harmonize_layers(ColorTransform.identity(), noise(8, 8, 3), noise(8, 8), noise(8, 9, 3))
    with pytest.raises(InputError, match="the alpha should have shape"):
        harmonize_layers(ColorTransform.identity(), noise(8, 8, 3), noise(8, 8, 1), noise(8, 8, 3))
