# SPDX-License-Identifier: Apache-2.0
"""Batches depend on the step number alone; the three images of a triplet get one geometry; both layouts are found."""

import numpy as np
import pytest
import torch

from harmonize_core.data import sources, toy
from harmonize_core.data.dataset import BatchStream, TripletDataset, prefetch
from harmonize_core.data.rng import generator
from harmonize_core.data.transforms import Crop, apply_crop, sample_crop, sample_crop_with_foreground
from harmonize_core.errors import DatasetError


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return toy.write_rendered(folder / "rendered"), toy.write_photographic(folder / "photographic")


def test_generators_depend_on_seed_and_path_alone():
    draws = {(seed, path): generator(seed, *path).integers(2**60) for seed in (0, 1) for path in (("a", 1), ("a", 2))}
    assert len(set(draws.values())) == 4
    assert generator(0, "a", 1).integers(2**60) == draws[0, ("a", 1)]


def test_both_layouts_are_recognised(roots):
    rendered, photographic = roots
    assert (sources.layout_of(rendered), sources.layout_of(photographic)) == ("rdharmony", "iharmony4")
    assert sources.splits_of(rendered) == sources.splits_of(photographic) == ["test", "train"]
    assert len(sources.list_triplets(rendered)) == 12
    assert len(sources.list_triplets(rendered, "train")) == 6
    assert {t.domain for t in sources.list_triplets(photographic)} == {"photographic"}


def test_thinning_spreads_over_the_list(roots):
    triplets = sources.list_triplets(roots[0])
    assert len(sources.thin(triplets, 4)) == 4
    assert {t.group for t in sources.thin(triplets, 2)} == {t.group for t in triplets}
    assert sources.thin(triplets, 0) == triplets


def test_batches_hold_values_ranges_and_labels(roots):
    dataset = TripletDataset(sources.list_triplets(roots[0], "train"), size=64)
    batch = dataset.batch([(0, i) for i in range(4)])
    assert batch.composite.shape == batch.real.shape == (4, 3, 64, 64)
    assert batch.mask.shape == (4, 1, 64, 64)
    assert 0 <= batch.composite.min() <= batch.composite.max() <= 1
    assert batch.mask.max() == 1
    torch.testing.assert_close(batch.style_soft.sum(dim=1), torch.ones(4))
    assert batch.style_hard.tolist() == [0, 0, 1, 1]
    photographic = TripletDataset(sources.list_triplets(roots[1]), size=64).batch([(0, 0)])
    assert photographic.style_hard.tolist() == [-1]


def test_composite_and_real_agree_outside_the_mask_after_any_crop(roots):
    triplets = sources.list_triplets(roots[0], "train")
    dataset = TripletDataset(triplets, size=64, seed=3)
    for epoch in range(6):
        a = dataset.arrays(epoch % len(triplets), epoch)
        far = a.mask == 0
        difference = np.abs(a.composite.astype(int) - a.real)[far]
        assert np.percentile(difference, 90) <= 6  # JPEG noise, not a shifted picture


def test_cache_changes_speed_only(roots):
    triplets = sources.list_triplets(roots[0], "train")
    cached, small = TripletDataset(triplets, size=64), TripletDataset(triplets, size=64, cache_mb=1)
    for index in (0, 1, 0):
        for one, other in zip(cached.arrays(index, 5), small.arrays(index, 5), strict=True):
            np.testing.assert_array_equal(one, other)


def test_every_sample_comes_once_per_epoch_and_steps_are_addressable(roots):
    dataset = TripletDataset(sources.list_triplets(roots[0], "train"), size=64)
    stream = BatchStream(dataset, 4, seed=0, name="rendered")
    first = [sample for step in range(3) for sample in stream.samples(step)]
    assert sorted(first) == [(epoch, index) for epoch in (0, 1) for index in range(6)]
    again = BatchStream(dataset, 4, seed=0, name="rendered")
    assert again.samples(2) == stream.samples(2)  # no need to have walked through 0 and 1
    assert BatchStream(dataset, 4, seed=1, name="rendered").samples(0) != stream.samples(0)


def test_prefetched_batches_are_those_of_their_steps(roots):
    dataset = TripletDataset(sources.list_triplets(roots[0], "train"), size=32)
    stream = BatchStream(dataset, 2, seed=0, name="rendered")
    for step, (batch,) in enumerate(prefetch([stream], 3, 6), 3):
        torch.testing.assert_close(batch.composite, stream.batch(step).composite, rtol=0, atol=0)


def test_prefetch_passes_on_what_went_wrong(roots, tmp_path):
    triplets = sources.list_triplets(toy.write_rendered(tmp_path / "r"), "train")
    triplets[0].composite.write_bytes(triplets[0].composite.read_bytes()[:300])
    dataset = TripletDataset(triplets, size=32)
    with pytest.raises(Exception, match=str(triplets[0].composite)):
        list(prefetch([BatchStream(dataset, 6, seed=0, name="x")], 0, 1))


def test_crops_stay_inside_and_keep_their_share_of_the_area():
    for number in range(300):
        rng = generator(number, "crop")
        height, width = int(rng.integers(20, 400)), int(rng.integers(20, 400))
        crop = sample_crop(rng, (height, width))
        assert 0 <= crop.top <= height - crop.height
        assert 0 <= crop.left <= width - crop.width
        if 0.8 < height / width < 1.25:
            assert crop.height * crop.width >= 0.45 * height * width


def test_crops_nearly_always_hold_foreground():
    mask = np.zeros((100, 100), np.uint8)
    mask[:6, :6] = 255
    crops = [sample_crop_with_foreground(generator(n, "fg"), mask) for n in range(300)]
    empty = sum(not mask[c.top : c.top + c.height, c.left : c.left + c.width].any() for c in crops)
    assert empty < 0.25 * len(crops)  # a blind crop misses this corner three times in four


def test_flip_mirrors_and_identity_is_exact():
    image = np.arange(5 * 5 * 3, dtype=np.uint8).reshape(5, 5, 3)
    np.testing.assert_array_equal(apply_crop(image, Crop(0, 0, 5, 5), 5), image)
    np.testing.assert_array_equal(apply_crop(image, Crop(0, 0, 5, 5, flip=True), 5), image[:, ::-1])


def test_an_empty_dataset_is_refused():
    with pytest.raises(DatasetError, match="at least one triplet"):
        TripletDataset([])
