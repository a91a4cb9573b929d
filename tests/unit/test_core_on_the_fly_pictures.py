# SPDX-License-Identifier: Apache-2.0
"""What pictures made while training look like: light is mixed in linear light, under grades, edits and mirrored."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.data import cache, photo_entries, photographic, rendered, toy, views
from harmonize_core.data.degrade import NONE
from harmonize_core.data.display import display
from harmonize_core.data.grades import NEUTRAL, Grade, apply_grades, packed
from harmonize_core.data.on_the_fly import Drawing
from harmonize_core.data.options import DataConfig
from harmonize_core.data.photo_sets import photographs_in
from harmonize_core.data.rng import generator
from harmonize_core.data.transfers import Numbers, edited
from harmonize_core.data.transforms import Crop
from harmonize_core.formats.linear_views import list_views
from harmonize_core.formats.mapped import map_arrays, write_arrays

CPU = torch.device("cpu")
SIZE = 48


def views_below(folder: Path, drawing: Drawing, kind: type[rendered.RenderedViews]) -> rendered.RenderedViews:
    found, _ = cache.fill(folder, views.recipe(SIZE), list_views(folder / "views"), quiet=True)
    chosen, files = zip(*found, strict=True)
    return kind(chosen, files, drawing)


def photographs_below(folder: Path, drawing: Drawing, kind: type[photographic.Photographs]) -> photographic.Photographs:
    found, _ = cache.fill(folder, photo_entries.recipe(SIZE), photographs_in(folder / "photos"), quiet=True)
    chosen, files = zip(*found, strict=True)
    return kind(chosen, files, drawing)


def test_a_soft_pixel_mixes_the_light_of_both_sides_each_under_its_own_grade(tmp_path):
    toy.write_linear(tmp_path / "views", views=1)
    drawn = views_below(tmp_path, Drawing(DataConfig(), SIZE), rendered.RenderedViews).batch([(0, 0)])
    rng = generator(0, "graded")
    front, back = (torch.from_numpy(rng.uniform(0.05, 0.8, (1, 3, 4, 4)).astype(np.float32)) for _ in range(2))
    back = back.half().float()
    share = torch.linspace(0, 1, 16).reshape(1, 1, 4, 4)
    draw = views.Draw(
        view=0,
        real=0,
        fronts=(1,),
        crop=Crop(0, 0, 4, 4),
        real_grade=Grade((0.8, 0.9, 1.0), 0.8, 1.2),
        front_grade=Grade((1.5, 1.2, 0.9), 1.3, 0.6),
        harmonious=False,
        damage=NONE,
    )
    place = share.ravel().nonzero()[:, 0]
    parts = torch.cat([front * share, back * (1 - share)], dim=1).reshape(6, 16)[:, place]
    batch = replace(
        drawn,
        real=back.half(),
        planes=torch.cat([share, share], dim=1),
        place=place,
        parts=parts,
        counts=(len(place),),
        draws=(draw,),
        transforms=("standard",),
    )

    def graded(light: torch.Tensor, grade: Grade) -> torch.Tensor:
        return apply_grades(light, torch.from_numpy(packed([grade]))[:, :, None, None])

    ground = graded(back, draw.real_grade)
    expected = display(share * graded(front, draw.front_grade) + (1 - share) * ground, "standard")
    made = batch.to(CPU)
    torch.testing.assert_close(made.composite, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(made.real, display(ground, "standard"), rtol=0, atol=1e-5)
    bare = (share == 0).expand_as(made.real)
    assert torch.equal(made.composite[bare], made.real[bare])
    assert draw.front_grade != NEUTRAL


def test_photographs_are_edited_and_blended_in_linear_light(tmp_path):
    toy.write_photographs(tmp_path / "photos", count=1)
    drawn = photographs_below(tmp_path, Drawing(DataConfig(), SIZE), photographic.Photographs).batch([(0, 0)])
    rng = generator(0, "blended")
    picture = torch.from_numpy(rng.integers(20, 230, (1, 3, 4, 4)).astype(np.uint8))
    mask = torch.tensor([0, 64, 128, 255], dtype=torch.uint8).repeat(4).reshape(1, 1, 4, 4)
    place = mask.ravel().nonzero()[:, 0]
    numbers = Numbers(matrix=np.diag([1.4, 0.9, 0.6, 0])[:3].astype(np.float32))
    draw = photographic.Draw(0, Crop(0, 0, 4, 4), numbers, None, NONE)
    batch = replace(
        drawn,
        picture=picture.contiguous(memory_format=torch.channels_last),
        mask=mask,
        place=place,
        shade=torch.zeros(len(place), dtype=torch.float16),
        counts=(len(place),),
        draws=(draw,),
    )
    own = srgb_to_linear(picture.numpy().astype(np.float32) / 255)
    flat = torch.from_numpy(own).reshape(1, 3, 1, 16)
    changed = edited(flat, (16,), (numbers,), torch.zeros(1, 1, 1, 16)).reshape(1, 3, 4, 4).numpy()
    share = mask.numpy() / np.float32(255)
    expected = linear_to_srgb(share * np.clip(changed, 0, 1) + (1 - share) * own)
    made = batch.to(CPU)
    np.testing.assert_allclose(made.composite.numpy(), expected, atol=1e-5)
    assert (made.composite - made.real).abs().max() > 0.05


class MirroredViews(rendered.RenderedViews):
    def draw(self, epoch: int, index: int) -> views.Draw:
        found = super().draw(epoch, index)
        return replace(found, crop=replace(found.crop, flip=not found.crop.flip))


class MirroredPhotographs(photographic.Photographs):
    def draw(self, epoch: int, index: int) -> photographic.Draw:
        found = super().draw(epoch, index)
        return replace(found, crop=replace(found.crop, flip=not found.crop.flip))


@pytest.mark.parametrize("domain", ["rendered", "photographic"])
def test_a_mirrored_crop_mirrors_all_of_a_sample(tmp_path, domain):
    drawing = Drawing(DataConfig(on_the_fly=True, identity=0, grade=1.0, edits=("camera+relight",)), SIZE)
    if domain == "rendered":
        toy.write_linear(tmp_path / "views", views=2)
        both = [views_below(tmp_path, drawing, kind) for kind in (rendered.RenderedViews, MirroredViews)]
    else:
        toy.write_photographs(tmp_path / "photos", count=4)
        both = [photographs_below(tmp_path, drawing, kind) for kind in (photographic.Photographs, MirroredPhotographs)]
    samples = [(epoch, index) for epoch in range(3) for index in range(2)]
    plain, mirrored = (dataset.batch(samples).to(CPU) for dataset in both)
    assert (plain.composite - plain.real).abs().amax(dim=(1, 2, 3)).gt(0.05).sum() > 2
    for name in ("composite", "mask", "real"):
        torch.testing.assert_close(getattr(mirrored, name), getattr(plain, name).flip(3), rtol=0, atol=1e-5)


def test_a_pixel_that_is_opaque_but_for_rounding_keeps_its_light(tmp_path):
    """Coverage between 0.999 and the next smaller number that an entry can hold."""
    view = list_views(toy.write_linear(tmp_path, views=1, size=120))[0]
    arrays, about = map_arrays(view.path)
    tile = np.full((5, 5), 65469, np.uint16)
    tile.ravel()[:12] += 1
    arrays = {k: v.copy() for k, v in arrays.items() if k != "shares"} | {"coverage": np.tile(tile, (24, 24))}
    write_arrays(view.path, arrays, about)
    entry = views.decode(view, 16)
    draw = views.Draw(0, 0, (1,), Crop(0, 0, 24, 24), NEUTRAL, NEUTRAL, False, NONE)
    light = views.cut(entry, draw, view.styles, 24).parts
    expected = entry["picture"][1].astype(np.float32).reshape(-1, 3).T
    np.testing.assert_allclose(light[:3] + light[3:], expected, atol=0.02)


def test_pictures_of_one_name_size_and_time_in_two_folders_have_entries_of_their_own(tmp_path):
    for number, folder in enumerate(("a", "b")):
        toy.write_photographs(tmp_path / "photos" / folder, count=1, seed=number)
        for file in (tmp_path / "photos" / folder).iterdir():
            file.write_bytes(file.read_bytes() + bytes(40_000 - file.stat().st_size))  # readers stop at a PNG's end
            os.utime(file, ns=(10**18, 10**18))
    photos = photographs_in(tmp_path / "photos")
    assert len({photo.image.stat().st_size for photo in photos}) == 1
    found, _ = cache.fill(tmp_path / "cache", photo_entries.recipe(SIZE), photos, quiet=True)
    entries = [cache.opened(path) for _, path in found]
    assert len(entries) == 2
    assert not np.array_equal(entries[0]["picture"], entries[1]["picture"])
