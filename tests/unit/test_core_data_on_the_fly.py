# SPDX-License-Identifier: Apache-2.0
"""Triplets made while training: pure draws, backgrounds bit for bit, torch as NumPy, a cache that notices changes."""

import io
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.data import cache, photo_entries, photographic, rendered, toy, views
from harmonize_core.data.degrade import jpeg
from harmonize_core.data.display import display
from harmonize_core.data.edits import Camera, Foreground, Relight, Transfer, apply_edits, shade_of
from harmonize_core.data.grades import apply_grades, packed
from harmonize_core.data.on_the_fly import Drawing
from harmonize_core.data.options import DataConfig
from harmonize_core.data.photo_sets import photographs_in
from harmonize_core.data.rng import generator
from harmonize_core.data.transfers import Numbers, edited, numbers_of
from harmonize_core.data.transforms import apply_crop, resize
from harmonize_core.errors import ConfigError, DatasetError, InputError
from harmonize_core.formats.linear_views import list_views
from harmonize_core.train.config import ListConfig, TrainConfig
from harmonize_core.train.loop import train
from harmonize_core.train.sets import open_sets
from rdharmony_gen.compose import view_transform

CPU = torch.device("cpu")
SIZE = 48
ALL_DAMAGE = {"jpeg": 1.0, "noise": 1.0, "blur": 1.0, "eight_bit": 1.0, "mask": 1.0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    return toy.write_linear(root / "linear", views=4), toy.write_photographs(root / "photos", count=6), root / "cache"


def views_of(folders, **changes) -> rendered.RenderedViews:
    found, _ = cache.fill(folders[2], views.recipe(SIZE), list_views(folders[0]), quiet=True)
    chosen, files = zip(*found, strict=True)
    return rendered.RenderedViews(chosen, files, Drawing(DataConfig(on_the_fly=True, **changes), SIZE))


def photos_of(folders, **changes) -> photographic.Photographs:
    found, _ = cache.fill(folders[2], photo_entries.recipe(SIZE), photographs_in(folders[1]), quiet=True)
    photos, files = zip(*found, strict=True)
    return photographic.Photographs(photos, files, Drawing(DataConfig(on_the_fly=True, **changes), SIZE))


@pytest.fixture(params=[views_of, photos_of], ids=["rendered", "photographic"])
def make(request, folders):
    return lambda **changes: request.param(folders, **changes)


def test_a_sample_is_a_function_of_seed_epoch_and_index(make):
    dataset, again = make(**ALL_DAMAGE), make(**ALL_DAMAGE)
    one = dataset.batch([(0, 0), (3, 1), (0, 2)]).to(CPU)
    other = again.batch([(3, 1)]).to(CPU)
    for name in ("composite", "mask", "real", "style_soft", "style_hard"):
        torch.testing.assert_close(getattr(one, name)[1:2], getattr(other, name), rtol=0, atol=1e-6)
    assert (dataset.batch([(4, 1)]).to(CPU).composite - other.composite).abs().mean() > 0.01


@pytest.mark.parametrize("damage", [{}, ALL_DAMAGE], ids=["clean", "damaged"])
def test_outside_the_foreground_composite_and_real_are_the_same_bits(make, damage):
    dataset, clean = make(**damage), make()
    samples = [(epoch, index) for epoch in range(4) for index in range(4)]
    batch, mask = dataset.batch(samples).to(CPU), clean.batch(samples).to(CPU).mask
    outside = (torch.nn.functional.max_pool2d(mask, 9, 1, 4) == 0).expand_as(batch.real)
    assert outside.any()
    assert torch.equal(batch.composite[outside], batch.real[outside])
    assert ((batch.composite - batch.real).abs() * mask).sum() / mask.sum() > 0.05
    assert 0 <= batch.composite.min() <= batch.composite.max() <= 1
    assert 0.1 < batch.real.mean() < 0.9  # neither black nor blown out


def test_damage_changes_pictures_and_masks_and_each_can_be_had_alone(make):
    samples = [(epoch, index) for epoch in range(3) for index in range(4)]
    clean = make().batch(samples).to(CPU)
    for name in ALL_DAMAGE:
        hurt = make(**{name: 1.0}).batch(samples).to(CPU)
        assert torch.equal(hurt.mask, clean.mask) == (name != "mask"), name
        assert torch.equal(hurt.composite, clean.composite) == (name == "mask"), name
        assert (hurt.real - clean.real).abs().mean() < 0.05


def test_composing_happens_on_the_device_alone(make):
    """Torch's meta device refuses to meet tensors of another one, as a GPU does."""
    batch = make(**ALL_DAMAGE, grade=1.0).batch([(epoch, 0) for epoch in range(12)]).to(torch.device("meta"))
    for name in ("composite", "mask", "real", "style_soft", "style_hard"):
        assert getattr(batch, name).device.type == "meta"


def test_harmonious_samples_are_the_real_picture(make):
    batch = make(identity=1.0).batch([(epoch, index) for epoch in range(2) for index in range(4)]).to(CPU)
    assert torch.equal(batch.composite, batch.real)
    assert batch.mask.amax(dim=(1, 2, 3)).min() == 1


def test_crops_hold_as_much_foreground_as_wanted(make):
    batch = make(cover=(0.3, 0.6), crop_scale=(0.1, 1.0)).batch([(e, i) for e in range(8) for i in range(4)]).to(CPU)
    share = batch.mask.mean(dim=(1, 2, 3))
    assert ((share > 0.25) & (share < 0.65)).float().mean() > 0.8
    assert make().batch([(e, i) for e in range(8) for i in range(4)]).to(CPU).mask.mean() < 0.3


def test_style_labels_are_shares_of_area(folders):
    dataset = views_of(folders, identity=0, same_style=0)
    samples = [(epoch, index) for epoch in range(4) for index in range(4)]
    batch = dataset.batch(samples).to(CPU)
    for row, sample in enumerate(samples):
        draw = dataset.draw(*sample)
        area = float(dataset.batch([sample]).planes[0, 0].mean())
        expected = torch.zeros(10)
        expected[draw.real] += 1 - area
        expected[draw.fronts[0]] += area
        torch.testing.assert_close(batch.style_soft[row], expected)
        assert batch.style_hard[row] == draw.real
        assert draw.real != draw.fronts[0]


def test_the_light_of_two_styles_adds_up(folders):
    dataset = views_of(folders, identity=0, same_style=0, grade=0, mixed=1.0)
    draw = dataset.draw(0, 0)
    (other, share), (front_other, front_share) = draw.second
    assert 0 < share < 0.5
    assert 0 < front_share < 0.5
    entry, styles = dataset._entries[0], dataset.views[0].styles

    def parts(real, front):
        return views.cut(entry, replace(draw, real=real, fronts=(front,), second=(None, None)), styles, SIZE)

    mixed = views.cut(entry, draw, styles, SIZE)
    one, two = parts(draw.real, draw.fronts[0]), parts(other, front_other)
    np.testing.assert_allclose(mixed.real, (1 - share) * one.real + share * two.real, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(mixed.parts[3:], (1 - share) * one.parts[3:] + share * two.parts[3:], atol=1e-5)
    front = (1 - front_share) * one.parts[:3] + front_share * two.parts[:3]
    np.testing.assert_allclose(mixed.parts[:3], front, atol=1e-5)
    assert mixed.style_soft.sum() == pytest.approx(1)
    assert mixed.style_soft[styles[other] - 1] >= share * (1 - mixed.planes[..., 0].mean()) - 1e-6
    assert {dataset.draw(e, 0).second for e in range(9)} != {draw.second}


def test_paint_changes_a_foreground_alike_in_composite_and_real_and_nothing_else(folders):
    samples = [(epoch, index) for epoch in range(2) for index in range(4)]
    options = {"identity": 0, "same_style": 0, "grade": 0}
    plain = views_of(folders, **options).batch(samples).to(CPU)
    batch = views_of(folders, painted=1.0, **options).batch(samples)
    shown = batch.to(CPU)
    covered = batch.planes[:, :1] > 0
    assert torch.equal(shown.mask, plain.mask)
    for name in ("real", "composite"):
        now, before = getattr(shown, name), getattr(plain, name)
        assert torch.equal(torch.where(covered, 0, now), torch.where(covered, 0, before))
        assert (now - before).abs().masked_select(covered).mean() > 0.02
    ratios = []
    for name in ("real", "composite"):
        light = [srgb_to_linear(getattr(b, name).numpy()) for b in (shown, plain)]
        bright = (batch.planes[:, :1].numpy() == 1) & (light[0] > 0.02) & (light[1] > 0.02)
        bright &= (light[0] < 0.95) & (light[1] < 0.95)
        ratios.append(np.where(bright, light[0] / np.maximum(light[1], 1e-6), np.nan))
    both = np.isfinite(ratios[0]) & np.isfinite(ratios[1])
    assert both.any()
    np.testing.assert_allclose(ratios[0][both], ratios[1][both], rtol=0.02)


def test_whole_photographs_can_be_exposed_and_graded_otherwise(folders):
    samples = [(epoch, index) for epoch in range(2) for index in range(4)]
    plain, dataset = photos_of(folders).batch(samples).to(CPU), photos_of(folders, exposed=1.0)
    shown = dataset.batch(samples).to(CPU)
    grades = [dataset.draw(*sample).grade for sample in samples]
    assert all(2**-2.5 <= grade.gains[1] <= 2**0.5 for grade in grades)
    assert len({grade.saturation for grade in grades}) == len(grades)
    numbers = torch.from_numpy(packed(grades))[:, :, None, None]
    for name in ("real", "composite"):
        light = torch.from_numpy(srgb_to_linear(getattr(plain, name).numpy()))
        graded = apply_grades(light, numbers).numpy().clip(0, 1)
        np.testing.assert_allclose(getattr(shown, name).numpy(), linear_to_srgb(graded), atol=1e-5)


def test_a_borrowed_mask_makes_a_foreground_of_any_part_of_a_photograph(folders):
    samples = [(epoch, index) for epoch in range(3) for index in range(4)]
    dataset = photos_of(folders, borrowed=1.0, identity=0)
    draws = [dataset.draw(*sample) for sample in samples]
    lent = [row for row, draw in enumerate(draws) if draw.lender is not None]
    assert lent
    batch = dataset.batch(samples).to(CPU)
    for row in lent:
        entry, mask = dataset._entries[draws[row].photo], dataset._entries[draws[row].lender]["mask"]
        mask = resize(mask, entry["mask"].shape)
        expected = apply_crop(mask, draws[row].crop, SIZE) / np.float32(255)
        np.testing.assert_array_equal(batch.mask[row, 0].numpy(), expected)
        real = apply_crop(entry["picture"], draws[row].crop, SIZE) / np.float32(255)
        np.testing.assert_array_equal(batch.real[row].permute(1, 2, 0).numpy(), real)
        same = (batch.composite[row] == batch.real[row]).all(dim=0).numpy()
        assert same[expected == 0].all()
        assert not same[expected == 1].all() or draws[row].numbers.nothing


def test_each_subject_of_a_view_can_have_a_style_of_its_own(folders):
    dataset = views_of(folders, apart=1.0, identity=0, same_style=0, grade=0)
    sample = next((e, 0) for e in range(50) if len(set(dataset.draw(e, 0).fronts)) == 2)
    draw, apart = dataset.draw(*sample), dataset.batch([sample])
    entry, styles = dataset._entries[0], dataset.views[0].styles
    single = [views.cut(entry, replace(draw, fronts=(style,)), styles, SIZE).parts[:3] for style in draw.fronts]
    away = [np.abs(apart.parts[:3].numpy() - one).max(axis=0) for one in single]
    assert (np.minimum(*away) < 1e-3).mean() > 0.8  # all but the seam is lit by one of both
    assert all((a < 1e-3).mean() > 0.05 for a in away)


def test_view_transforms_are_those_of_the_generator():
    light = 2.0 ** generator(0, "light").uniform(-12, 7, (2, 16, 16, 3)).astype(np.float32)
    for name in ("standard", "agx", "filmic"):
        shown = display(torch.from_numpy(light).permute(0, 3, 1, 2), name).permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(shown, view_transform.display(light, name), atol=1e-5)


@pytest.mark.parametrize(
    "edits",
    [
        (Transfer("reinhard", 0.8),),
        (Transfer("mkl", 0.7),),
        (Transfer("histogram", 0.9),),
        (Camera(0.4, (1.2, 1.0, 0.9), 1.1, 1.3, 0.02, 1.2, (0.01, -0.01), (-0.01, 0.02)),),
        (Transfer("reinhard", 0.5), Relight(1.0, 0.3, 1.5, 0.2)),
    ],
    ids=lambda edits: "+".join(getattr(e, "method", type(e).__name__) for e in edits),
)
def test_edits_in_torch_are_those_of_make_real(edits):
    rng = generator(0, "photo")
    y, x = np.mgrid[:40, :40] - 19.5
    mask = (np.hypot(x, y) < 15).astype(np.float32)
    picture = (0.2 + 0.6 * rng.random((40, 40, 3))).astype(np.float32)
    foreground, donor = Foreground.of(picture, mask), srgb_to_linear(rng.uniform(0.3, 0.7, (500, 3)))
    expected = apply_edits(edits, foreground, donor)
    light = next((e for e in edits if isinstance(e, Relight)), None)
    shade = shade_of(foreground, light.angle, light.height) if light else np.zeros((40, 40))
    numbers = numbers_of(edits, foreground.colors, donor, shade[foreground.rows, foreground.columns])
    linear = torch.from_numpy(foreground.colors).T[None, :, None].repeat(1, 1, 1, 2)  # twice, once without edits
    at = torch.from_numpy(shade[foreground.rows, foreground.columns].astype(np.float32))[None, None, None]
    count = len(foreground.colors)
    both = edited(linear, (count, count), (Numbers(), numbers), at.repeat(1, 1, 1, 2))[0, :, 0].T.numpy()
    np.testing.assert_array_equal(both[:count], foreground.colors)
    changed = both[count:]
    bound = 0.02 if edits == (Transfer("histogram", 0.9),) else 2e-3  # its curve has 65 points
    assert np.abs(linear_to_srgb(changed) - linear_to_srgb(expected)).max() < bound


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_is_that_of_files(quality):
    picture = np.asarray(generator(0, "jpeg").integers(0, 256, (5, 5, 3)), np.uint8)
    picture = np.asarray(Image.fromarray(picture).resize((42, 37), Image.Resampling.BICUBIC))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(file)).astype(np.float32)
    ours = jpeg(torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None], quality)
    error = np.abs(ours[0].permute(1, 2, 0).numpy() * 255 - expected)
    assert error.mean() < 1
    assert error.mean() < 0.3 * np.abs(picture - expected).mean() + 0.3


def test_the_cache_is_made_once_and_notices_a_changed_source(tmp_path):
    root, folder = toy.write_linear(tmp_path / "views", views=2), tmp_path / "cache"
    first, _ = cache.fill(folder, views.recipe(SIZE), list_views(root), quiet=True)
    times = {path: path.stat().st_mtime_ns for _, path in first}
    again, _ = cache.fill(folder, views.recipe(SIZE), list_views(root), quiet=True)
    assert {path: path.stat().st_mtime_ns for _, path in again} == times
    changed = first[0][0].path
    os.utime(changed, ns=(1, 1))
    other, _ = cache.fill(folder, views.recipe(SIZE), list_views(root), quiet=True)
    assert [a[1] == b[1] for a, b in zip(first, other, strict=True)] == [False, True]
    smaller, _ = cache.fill(folder, views.recipe(16), list_views(root), quiet=True)
    assert not {path for _, path in smaller} & {path for _, path in other}


def test_runs_that_make_the_cache_at_once_get_whole_files(tmp_path):
    root, results = toy.write_linear(tmp_path / "views", views=3, size=64), []

    def open_it() -> None:
        config = TrainConfig(rendered=root, steps=1, data=DataConfig(on_the_fly=True, cache=tmp_path / "cache"))
        results.append(open_sets(config).train["rendered"].batch([(0, 0), (0, 1)]).to(CPU).composite)

    threads = [threading.Thread(target=open_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    assert not list((tmp_path / "cache").glob("*partial*"))


@pytest.mark.parametrize("quiet", [False, True])
def test_a_quiet_run_decodes_without_a_progress_bar(tmp_path, monkeypatch, capfd, quiet):
    bar = cache.tqdm
    monkeypatch.setattr(cache, "tqdm", lambda *args, **options: bar(*args, **options | {"delay": 0}))  # a long one
    sources = (
        toy.write_linear(tmp_path / "views", views=2, size=32),
        toy.write_photographs(tmp_path / "photos", count=2),
    )
    data = DataConfig(on_the_fly=True, cache=tmp_path / "cache")
    config = TrainConfig(
        rendered=sources[0],
        photographic=sources[1],
        run=tmp_path / "run",
        steps=1,
        batch_size=2,
        data=data,
        model="harmonizer",
    )
    train(config, quiet=quiet, say=lambda line: None)
    assert ("decoding" in capfd.readouterr().err) is not quiet


def config_of(folders, **changes) -> TrainConfig:
    data = DataConfig(on_the_fly=True, cache=folders[2])
    return TrainConfig(rendered=folders[0], photographic=folders[1], steps=1, data=data, **changes)


def test_splits_hold_and_validation_is_the_same_for_every_seed(folders):
    sets, other = open_sets(config_of(folders)), open_sets(config_of(folders, seed=5))
    few = open_sets(config_of(folders, validate_limit=2)).held_out["rendered"]
    groups = {name: {t.group for t in s.triplets} for name, s in (("train", sets.train["rendered"]),)}
    assert groups["train"] == {"toy_00", "toy_02"}
    assert {t.group for t in sets.held_out["rendered"].triplets} == {"toy_01", "toy_03"}
    assert len(sets.held_out["rendered"]) == 8
    assert {t.group for t in few.triplets} == {"toy_01", "toy_03"}
    assert len(few) == len(few.triplets) == 2
    samples = [(0, i) for i in range(3)]
    for domain in other.held_out:
        a, b = (s.held_out[domain].batch(samples).to(CPU) for s in (sets, other))
        assert torch.equal(a.composite, b.composite)
        a, b = (s.train[domain].batch(samples).to(CPU) for s in (sets, other))
        assert not torch.equal(a.composite, b.composite)


def test_photographs_are_held_out_by_name_whatever_else_there_is(tmp_path):
    toy.write_photographs(tmp_path / "many", count=40, size=16)
    held_out = {p.name for p in photographs_in(tmp_path / "many") if p.held_out}
    assert 1 <= len(held_out) <= 12
    for number in range(0, 40, 2):
        (tmp_path / "many" / f"toy{number}.png").unlink()
    fewer = photographs_in(tmp_path / "many")
    assert {p.name for p in fewer if p.held_out} == held_out & {p.name for p in fewer}
    manifest = "file,mask,split\n" + "".join(
        f"toy{n}.png,toy{n}_mask.png,{'val' if n == 3 else 'train'}\n" for n in (1, 3)
    )
    (tmp_path / "many" / "manifest.csv").write_text(manifest)
    assert {p.name: p.held_out for p in photographs_in(tmp_path / "many")} == {"toy1": False, "toy3": True}


def test_a_long_series_counts_as_few_photographs_and_lends_itself_no_colours(tmp_path):
    root = toy.write_photographs(tmp_path / "photos", count=8, size=48)
    lines = [f"toy{n}.png,toy{n}_mask.png,{'walk' if n > 1 else ''}" for n in range(8)]
    (root / "manifest.csv").write_text("\n".join(["file,mask,series", *lines]))
    dataset = photos_of((None, root, tmp_path / "cache"), per_series=3)
    assert len(dataset) == 2 + 3
    assert {t.group for t in dataset.triplets} == {"toy0", "toy1", "walk"}
    shown = {dataset.draw(epoch, index).photo for epoch in range(20) for index in range(2, 5)}
    assert shown == set(range(2, 8))
    rng = generator(0, "donors")
    assert {dataset._donor(rng, 4) for _ in range(50)} <= {0, 1}


def test_an_iharmony4_root_gives_the_photographs_of_its_training_list(tmp_path):
    root = toy.write_photographic(tmp_path / "set", photos=5, per_photo=2)
    config = TrainConfig(photographic=root, steps=1, data=DataConfig(on_the_fly=True, cache=tmp_path / "cache"))
    sets = open_sets(config)
    assert len(sets.train["photographic"]) == 4
    assert len(sets.held_out["photographic"]) == 2  # the files of its test list
    assert sets.held_out["photographic"].kind == "triplets"


def test_what_cannot_be_is_refused(folders, tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"idih_256 takes pictures of 64 or 128 or 256 or 512 px but was asked for 96; choose another --data.side",
    ):
        open_sets(replace(config_of(folders), model="idih_256", data=DataConfig(side=96)))
    with pytest.raises(DatasetError, match="rdharmony linear"):
        open_sets(replace(config_of(folders), rendered=folders[1]))
    with pytest.raises(ConfigError, match="should have lists of triplets"):
        open_sets(replace(config_of(folders), lists=ListConfig(photographic="train")))
    root = toy.write_linear(tmp_path / "views", views=2, size=32)
    damaged = next(root.glob("S*/*"))
    damaged.write_bytes(damaged.read_bytes()[:-5])
    with pytest.raises(InputError, match=str(damaged)):
        open_sets(replace(config_of(folders), rendered=root))
    photos = toy.write_photographs(tmp_path / "photos", count=3, size=32)
    Path(photos / "toy1.png").write_bytes(b"no picture")
    config = replace(config_of(folders), photographic=photos, skip_corrupt=True)
    sets = open_sets(config)
    assert len(sets.train["photographic"]) == 2
    assert "toy1.png" in sets.left_out()[0]
