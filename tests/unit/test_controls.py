# SPDX-License-Identifier: Apache-2.0
"""What an artist may ask of a harmonization is kept, pixel by pixel."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from harmonize_core.color import linear_to_cielab, linear_to_oklab, linear_to_srgb, srgb_to_linear
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.formats.images import write_image
from harmonize_core.infer.controls import Controlled, Controls, apply_controls, baked
from harmonize_core.infer.predictor import Predictor
from harmonize_core.runtime.controls import limit_change
from harmonize_core.runtime.difference import ciede2000
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.look_session import LookHarmonizer
from harmonize_core.runtime.session import ModelInfo
from harmonize_core.runtime.transform import ColorTransform

HEX = "f6ede4 f3e7db f7ead0 eadaba d7bd96 a07e56 825c43 604134 3a312a 292420 735244 c29682".split()
SKIN = np.array([[int(tone[i : i + 2], 16) / 255 for i in (0, 2, 4)] for tone in HEX], np.float32)
"""sRGB of the ten tones of the Monk Skin Tone Scale, and of "dark skin" and "light skin" of the ColorChecker chart."""

WARMER = Look(np.array([-1, 0.4, -0.2, *[0.01] * 3, *[0.2] * 3, 0.3], np.float32), Look.identity().map)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def uneven(rng) -> Look:
    return Look(WARMER.grade, rng.uniform(-0.4, 0.4, (12, 4, 4)).astype(np.float32) * ([[[1]]] * 9 + [[[0.05]]] * 3))


@pytest.fixture
def affine(rng) -> ColorTransform:
    cells = np.eye(3, 4) + rng.uniform(-0.2, 0.2, (4, 4, 3, 4))
    return ColorTransform(cells.astype(np.float32))


def scene(rng, height: int = 120, width: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Patches of colour, and a disc with a soft edge."""
    patches = rng.random((height // 10, width // 10, 3), dtype=np.float32)
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(down - height / 2, across - width / 2) - 0.35 * height
    return np.repeat(np.repeat(patches, 10, axis=0), 10, axis=1), np.clip(0.5 - distance / 4, 0, 1)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """CIEDE2000 of sRGB pictures, by scikit-image."""
    return deltaE_ciede2000(*(linear_to_cielab(srgb_to_linear(v)).astype(np.float64) for v in (one, other)))


def test_the_difference_is_that_of_another_implementation(rng):
    one, other = (rng.uniform([0, -100, -100], [100, 100, 100], (5000, 3)) for _ in range(2))
    one[:2000] = other[:2000] + rng.normal(size=(2000, 3))
    one[2000:2100, 1:] = other[2050:2150, 1:] = 0
    np.testing.assert_allclose(ciede2000(one, other), deltaE_ciede2000(one, other), atol=1e-9)


@pytest.mark.parametrize("kind", ["uneven", "affine"])
@pytest.mark.parametrize("ceiling", [1.0, None])
def test_no_pixel_changes_by_more_than_was_allowed(kind, ceiling, rng, request):
    transform = request.getfixturevalue(kind)
    composite, mask = scene(rng)
    composite = composite if ceiling else composite * 2 - 0.1
    free = apply_controls(transform, composite, mask, Controls(), ceiling)
    held = apply_controls(transform, composite, mask, Controls(max_delta_e=6), ceiling)
    before, after = difference(composite, free), difference(composite, held)
    assert before.max() > 15
    assert after.max() <= 6.05
    assert after[before > 6.1].min() > 5.95  # as much as is allowed
    np.testing.assert_array_equal(held[before < 5.9], free[before < 5.9])
    none = apply_controls(transform, composite, mask, Controls(max_delta_e=0), ceiling)
    np.testing.assert_allclose(none, composite, atol=1e-6)


@pytest.mark.parametrize("kind", ["uneven", "affine"])
def test_hues_stay_and_light_changes(kind, rng, request):
    transform = request.getfixturevalue(kind)
    composite, mask = scene(rng)
    hard = (mask > 0.5).astype(np.float32)
    free, kept = (apply_controls(transform, composite, hard, Controls(keep_hue=keep)) for keep in (False, True))
    old, new, plain = (linear_to_oklab(srgb_to_linear(v[hard > 0])) for v in (composite, kept, free))
    chroma = [np.hypot(lab[:, 1], lab[:, 2]) for lab in (old, new, plain)]
    coloured = (chroma[0] > 0.03) & (chroma[1] > 0.03)
    turned = np.degrees(np.abs(np.angle((new[:, 1] + 1j * new[:, 2]) / (old[:, 1] + 1j * old[:, 2]))))
    unkept = np.degrees(np.abs(np.angle((plain[:, 1] + 1j * plain[:, 2]) / (old[:, 1] + 1j * old[:, 2]))))
    assert turned[coloured].max() < 1 < np.median(unkept[coloured])
    assert kept.min() >= 0
    assert kept.max() <= 1
    assert np.median(np.abs(new[:, 0] - plain[:, 0])) < 0.002
    assert np.corrcoef(chroma[1], chroma[2])[0, 1] > 0.9


def test_hues_stay_in_light_above_white(uneven, rng):
    composite, mask = scene(rng)
    composite, hard = composite + 1, (mask > 0.5).astype(np.float32)
    free, kept = (apply_controls(uneven, composite, hard, Controls(keep_hue=keep), None) for keep in (False, True))
    old, new, plain = (linear_to_oklab(srgb_to_linear(v[hard > 0])) for v in (composite, kept, free))
    assert (new[:, 0] > 1.1).mean() > 0.5
    np.testing.assert_allclose(new[:, 0], plain[:, 0], atol=0.01)
    coloured = np.hypot(*old[:, 1:].T) > 0.05
    assert np.abs(np.angle((new[:, 1] + 1j * new[:, 2]) / (old[:, 1] + 1j * old[:, 2])))[coloured].max() < 0.02


def test_what_is_grey_stays_grey_with_its_hue():
    noise = np.random.default_rng(1).normal(0, 0.004, (40, 40, 3)).astype(np.float32)
    composite, mask = 0.5 + noise, np.ones((40, 40), np.float32)
    kept = apply_controls(WARMER, composite, mask, Controls(keep_hue=True))
    spread = [linear_to_oklab(srgb_to_linear(v))[..., 1:].std() for v in (composite, kept)]
    assert spread[1] < 4 * spread[0]


@pytest.mark.parametrize("stops", [-2, -1, 0])
def test_skin_of_any_tone_changes_less_and_other_colours_do_not(stops):
    tones = linear_to_srgb(np.minimum(srgb_to_linear(SKIN) * 2.0**stops, 1))
    others = [[0.2, 0.6, 0.2], [0.3, 0.5, 0.9], [0.9, 0.1, 0.1], [0.5, 0.5, 0.5], [1, 1, 1], [0, 0, 0]]
    for color, left in (*((tone, 0.25) for tone in tones), *((other, 1.0) for other in others)):
        noise = np.random.default_rng(0).normal(0, 0.004, (12, 12, 3))
        colors, mask = np.clip(color + noise, 0, 1).astype(np.float32), np.ones((12, 12), np.float32)
        free, held = (apply_controls(WARMER, colors, mask, Controls(protect_skin=p)) for p in (0, 0.75))
        change = [np.abs(srgb_to_linear(v) - srgb_to_linear(colors)).mean() for v in (free, held)]
        assert change[1] == pytest.approx(left * change[0], rel=0.2, abs=1e-4)


def test_skin_is_protected_softly_and_where_it_is():
    composite, mask = np.full((80, 400, 3), SKIN[5]), np.ones((80, 400), np.float32)
    composite[:, 200:] = [0.2, 0.5, 0.3]
    free, held = (apply_controls(WARMER, composite, mask, Controls(protect_skin=p)) for p in (0, 1))
    left = np.abs(held - composite).sum(axis=-1)[40] / np.abs(free - composite).sum(axis=-1)[40]
    assert left[:180].max() < 0.01 < 0.99 < left[220:].min()
    assert np.abs(np.diff(left)).max() < 0.15
    np.testing.assert_allclose(held[0], held[40], atol=1e-4)


def test_inverted_the_background_changes_and_the_foreground_keeps_its_bits(uneven, rng):
    composite, mask = scene(rng)
    changed = apply_controls(uneven, composite, mask, Controls(invert=True))
    np.testing.assert_array_equal(changed[mask == 1], composite[mask == 1])
    np.testing.assert_array_equal(changed, apply_controls(uneven, composite, 1 - mask))
    assert np.abs(changed - composite)[mask == 0].mean() > 0.05
    assert [Controls(invert=True).domain(d) for d in ("rendered", "photographic", None)] == [
        "photographic",
        "rendered",
        None,
    ]
    with pytest.raises(InputError, match="leave a background"):
        apply_controls(uneven, composite, np.ones_like(mask), Controls(invert=True))


def test_one_grade_for_all_is_the_same_everywhere(uneven, affine, rng):
    _, mask = scene(rng)
    flat = np.full((*mask.shape, 3), 0.4, np.float32)
    for transform in (uneven, affine):
        local, same = (apply_controls(transform, flat, mask, Controls(mode=mode)) for mode in ("map", "global"))
        inside = mask == 1
        assert np.ptp(same[inside], axis=0).max() < 1e-5 < np.ptp(local[inside], axis=0).max()
    fitted = baked(affine, mask, Controls(mode="global", invert=True))
    np.testing.assert_array_equal(fitted.coefficients, baked(affine, 1 - mask, Controls(mode="global")).coefficients)
    for strength in (0.5, 1.5):
        controls = Controls(strength, mode="global")
        saved = baked(uneven, mask, controls)
        np.testing.assert_array_equal(apply_controls(uneven, flat, mask, controls), apply_controls(saved, flat, mask))


def test_without_controls_it_is_the_predictor(rng):
    predictor = Predictor.untrained("reinhard")
    composite, mask = scene(rng)
    np.testing.assert_array_equal(predictor.controlled(Controls())(composite, mask), predictor(composite, mask))
    transform = predictor.estimate(composite, mask)
    np.testing.assert_array_equal(
        apply_controls(transform, composite, mask), predictor.apply(transform, composite, mask)
    )


def test_networks_that_see_the_picture_itself_are_under_the_same_controls(rng):
    composite, mask = scene(rng)
    limits = Controls(1.5, keep_hue=True, max_delta_e=4, protect_skin=1)
    harmonized = Predictor.untrained("reinhard").controlled(limits)(composite, mask)
    assert harmonized.min() >= 0
    assert harmonized.max() <= 1
    assert 3 < difference(composite, harmonized).max() < 4.05
    np.testing.assert_array_equal(harmonized[mask == 0], composite[mask == 0])
    global_ = Predictor.untrained("mkl").controlled(Controls(mode="global"))
    flat = np.where(mask[..., None] > 0, np.float32(0.4), composite)
    assert np.ptp(global_.apply(global_.estimate(composite, mask), flat, mask)[mask == 1], axis=0).max() < 1e-5


def test_another_reference_is_what_the_foreground_is_fitted_to(tmp_path: Path, rng):
    composite, mask = scene(rng)
    night = 0.25 * rng.random((60, 90, 3), dtype=np.float32)
    write_image(tmp_path / "night.png", night)
    predictor = Predictor.untrained("reinhard")
    controlled = Controlled(predictor, Controls(reference=tmp_path / "night.png"))
    harmonized = controlled(composite, mask)
    np.testing.assert_array_equal(harmonized[mask == 0], composite[mask == 0])
    inside = mask == 1
    assert harmonized[inside].mean() == pytest.approx(night.mean(), abs=0.03)
    assert predictor(composite, mask)[inside].mean() > 0.4
    write_image(tmp_path / "itself.png", composite)
    itself = Controlled(predictor, Controls(mode="global", reference=tmp_path / "itself.png"))(composite, mask)
    plain = Controlled(predictor, Controls(mode="global"))(composite, mask)
    np.testing.assert_allclose(itself, plain, atol=0.01)
    with pytest.raises(InputError, match="covers all of it"):
        controlled(composite, np.ones_like(mask))
    with pytest.raises(InputError, match=r"gone\.png"):
        Controlled(predictor, Controls(reference=tmp_path / "gone.png"))


def test_nothing_of_the_old_background_is_seen_over_another_reference(tmp_path: Path):
    seen = []

    def looking(composite, mask):
        seen.append((composite, mask))
        return Look.identity()

    mask = np.tile(np.clip(np.linspace(-0.5, 1.5, 64, dtype=np.float32), 0, 1), (64, 1))
    subject, old, new = (np.full((64, 64, 3), light, np.float32) for light in (0.1, 0.9, 0.01))
    share = mask[..., None]
    write_image(tmp_path / "new.png", linear_to_srgb(new))
    predictor = Predictor(LookHarmonizer(looking, ModelInfo("looking", "CC0-1.0", "this file", 64)))
    composite = linear_to_srgb(share * subject + (1 - share) * old)
    Controlled(predictor, Controls(reference=tmp_path / "new.png")).estimate(composite, mask)
    ((picture, coverage),) = seen
    wanted = linear_to_srgb(coverage[..., None] * subject + (1 - coverage[..., None]) * new)
    np.testing.assert_allclose(picture, wanted, atol=0.02)


def test_limits_take_no_more_memory_for_larger_pictures(rng):
    before = np.repeat(rng.random((40, 800, 3), dtype=np.float32), 20, axis=0)
    after = np.minimum(before * 1.3, 1)
    tracemalloc.start()
    limit_change(before[:200], after[:200], 5, threads=1)
    small = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    limit_change(before, after, 5, threads=1)
    large = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert large < 1.2 * small


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"strength": 1.6}, "--strength should be from 0 to 1.5 but is 1.6"),
        ({"strength": float("nan")}, "--strength should be from 0 to 1.5 but is nan"),
        ({"protect_skin": 2}, "--protect-skin should be from 0 to 1 but is 2"),
        ({"max_delta_e": -1}, "--max-delta-e should be 0 or more but is -1"),
    ],
)
def test_numbers_outside_their_range_are_refused(wrong, sentence):
    with pytest.raises(ConfigError) as error:
        Controls(**wrong)
    assert str(error.value) == sentence
