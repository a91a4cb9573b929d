# SPDX-License-Identifier: Apache-2.0
"""Every layout gives the same triplets; lists are official; deep pictures keep their depth; damage is named."""

import io
import json
import logging
import shutil
import tarfile
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from harmonize_core.color import linear_to_srgb
from harmonize_core.data import sources, toy
from harmonize_core.data.dataset import Batch, BatchStream, TripletDataset, prefetch
from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats import rdharmony, shards
from harmonize_core.formats.images import write_exr
from harmonize_core.formats.triplet import load_triplet


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    return toy.write_rendered(tmp_path_factory.mktemp("toy") / "rendered", size=48)


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def pack(rendered: Path, folder: Path) -> Path:
    """The set as shards with the members that `rdharmony pack` writes, one shard a split."""
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        with tarfile.open(folder / f"{split}-000000.tar", "w") as tar:
            for t in sources.list_triplets(rendered, split):
                key = f"SHuman_{t.composite.stem}"
                for field, path in (("composite", t.composite), ("mask", t.mask), ("real", t.real)):
                    add(tar, f"{key}.{field}{path.suffix}", path.read_bytes())
                scene = rdharmony.scene_of(t.composite.relative_to(rendered))
                facts = {"style_soft": t.style_soft, "style_hard": t.style_hard, "scene_id": scene, "split": split}
                add(tar, f"{key}.json", json.dumps(facts).encode())
    return folder


def clips(rendered: Path, root: Path) -> Path:
    """The set as one clip in the HYouTube layout."""
    names = ["real_videos/v", "foreground_mask/v/object_0", "synthetic_composite_videos/v/object_0"]
    for name in names:
        (root / name).mkdir(parents=True)
    for number, t in enumerate(sources.list_triplets(rendered)):
        for name, path in zip(names, (t.real, t.mask, t.composite), strict=True):
            shutil.copy(path, root / name / f"{5 * number:05d}{path.suffix}")
    (root / "test_list.txt").write_text(" ".join(names) + "\n")
    return root


def plain(rendered: Path, root: Path) -> Path:
    for t in sources.list_triplets(rendered):
        for kind, path in (("composite", t.composite), ("mask", t.mask), ("real", t.real)):
            (root / kind).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / kind / f"{t.composite.stem}{path.suffix}")
    return root


@pytest.mark.parametrize(
    ("make", "layout", "domain"),
    [(pack, "shards", "rendered"), (clips, "hyoutube", "photographic"), (plain, "plain", "photographic")],
)
def test_every_layout_gives_the_triplets_of_the_set(rendered, tmp_path, make, layout, domain):
    root = make(rendered, tmp_path / "set")
    assert (sources.layout_of(root), sources.domain_of(root)) == (layout, domain)
    found = sources.list_triplets(root)
    wanted = sources.list_triplets(rendered)
    assert len(found) == len(wanted) == 12
    pixels = {load_triplet(t).composite.tobytes() + load_triplet(t).real.tobytes() for t in found}
    assert pixels == {load_triplet(t).composite.tobytes() + load_triplet(t).real.tobytes() for t in wanted}
    batch = TripletDataset(found, size=32).batch([(0, 0), (0, 1)])
    assert batch.composite.shape == (2, 3, 32, 32)
    assert ".." not in str(found[0].composite.relative_to(root))


def test_shards_keep_labels_splits_and_groups(rendered, tmp_path):
    root = pack(rendered, tmp_path / "packed")
    assert sources.splits_of(root) == ["test", "train"]
    for split in ("train", "test"):
        ours, theirs = sources.list_triplets(root, split), sources.list_triplets(rendered, split)
        assert [(t.group, t.style_soft, t.style_hard) for t in ours] == [
            (t.group, t.style_soft, t.style_hard) for t in theirs
        ]
        a, b = (TripletDataset(t, size=32, seed=4).batch([(1, i) for i in range(6)]) for t in (ours, theirs))
        torch.testing.assert_close(a.composite, b.composite, rtol=0, atol=0)
        torch.testing.assert_close(a.style_soft, b.style_soft)


def test_the_index_of_shards_is_built_once_and_again_when_they_change(rendered, tmp_path):
    root = pack(rendered, tmp_path / "packed")
    first = sources.list_triplets(root)
    index = root / shards.INDEX
    before = index.stat().st_mtime_ns
    assert sources.list_triplets(root) == first
    assert index.stat().st_mtime_ns == before
    with tarfile.open(root / "train-000000.tar", "a") as tar:
        for field in ("composite", "mask", "real"):
            add(tar, f"another.{field}.png", b"")
    assert len(sources.list_triplets(root)) == 13
    index.write_text('{"format": "harmonize-shards/1", "shards": {"train-000000.tar": {"samples": [{}], "bytes": 1}}}')
    assert len(sources.list_triplets(root)) == 13


def test_shards_that_are_not_whole_are_refused_and_links_passed_over(rendered, tmp_path):
    root = pack(rendered, tmp_path / "packed")
    shard = root / "test-000000.tar"
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    with tarfile.open(shard, "a") as tar:
        for field in ("composite", "mask", "real"):
            link = tarfile.TarInfo(f"x.{field}.png")
            link.type, link.linkname = tarfile.SYMTYPE, str(secret)
            tar.addfile(link)
    assert len(sources.list_triplets(root, "test")) == 6
    with tarfile.open(shard, "a") as tar:
        add(tar, "y.composite.png", b"")
    with pytest.raises(DatasetError, match=r"test-000000.tar should hold y.mask.png"):
        sources.list_triplets(root, "test")
    shard.write_bytes(shard.read_bytes()[:5000])
    with pytest.raises(DatasetError, match="no whole, uncompressed tar"):
        sources.list_triplets(root, "test")
    (root / "index.json").write_text('{"complete": false}')
    with pytest.raises(DatasetError, match="not packed to its end"):
        sources.list_triplets(root, "train")


def test_official_lists_of_iharmony4_are_read_in_all_their_spellings(tmp_path):
    root = toy.write_photographic(tmp_path / "set", size=32)
    names = [str(t.composite.relative_to(root)) for t in sources.list_triplets(root)]
    (root / "IHD_nonhuman_train.txt").write_bytes("".join(f"{n}  \r\n" for n in names[:3]).encode())
    (root / "HToy" / "HToy_val.txt").write_text("\n".join(Path(n).name for n in names[3:5]) + "\n\n")
    (root / "IHD_test.txt").write_text(names[5].replace("/", "\\") + "\n")
    (root / "HToy/composite_images/Thumbs.db").write_bytes(b"x")
    assert sources.splits_of(root) == ["nonhuman_train", "test", "train", "val"]
    assert len(sources.list_triplets(root)) == 8
    for split, wanted in (("nonhuman_train", names[:3]), ("val", names[3:5]), ("test", names[5:6])):
        assert [str(t.composite.relative_to(root)) for t in sources.list_triplets(root, split)] == wanted
    (root / "IHD_test.txt").write_text("../outside_1_1.jpg\n")
    with pytest.raises(DatasetError, match="leaves the data set"):
        sources.list_triplets(root, "test")


def test_the_released_rdharmony_beside_iharmony4_is_told_apart_by_domain_and_list(tmp_path):
    root = toy.write_photographic(toy.write_rendered(tmp_path / "root", size=32), size=32)
    shutil.rmtree(root / "splits")  # as released
    (root / "IHD_test.txt").rename(root / "IHD_human_test.txt")
    (root / "IHD_train.txt").unlink()
    for domain, count in (("rendered", 12), ("photographic", 8)):
        triplets = sources.list_triplets(root, None, domain)
        assert {t.domain for t in triplets} == {domain}
        assert len(triplets) == count
    assert sources.layout_of(root) == "rdharmony"
    assert sources.splits_of(root, "photographic") == ["human_test"]
    assert {t.domain for t in sources.list_triplets(root, "human_test")} == {sources.domain_of(root, "human_test")}
    assert sources.domain_of(root, "human_test") == "photographic"


def test_plain_lists_and_what_is_wrong_with_them(rendered, tmp_path):
    root = plain(rendered, tmp_path / "set")
    stems = sorted(p.stem for p in (root / "composite").iterdir())
    (root / "test.txt").write_text(f"{stems[3]}\n{stems[1]}.jpg\n")
    assert [t.group for t in sources.list_triplets(root, "test")] == [stems[3], stems[1]]
    (root / "real" / f"{stems[1]}.jpg").unlink()
    with pytest.raises(InputError, match=f"{stems[1]}.png does not exist"):
        load_triplet(sources.list_triplets(root, "test")[1])
    with pytest.raises(DatasetError, match="lists found: test"):
        sources.list_triplets(root, "train")
    (root / "test.txt").write_text("nobody\n")
    with pytest.raises(DatasetError, match=r"test.txt:1 names 'nobody'"):
        sources.list_triplets(root, "test")


def test_a_folder_of_no_layout_is_told_what_is_looked_for(tmp_path):
    with pytest.raises(DatasetError, match=r"SHuman_all_labeled.txt \(rdharmony\).*000000.tar \(shards\)"):
        sources.layout_of(tmp_path)


def deep(root: Path, suffix: str) -> tuple[Path, np.ndarray]:
    """A plain set of one triplet with deep pictures; the sRGB values they stand for."""
    linear = np.random.default_rng(0).uniform(0, 1.3, (24, 24, 3)).astype(np.float32)
    srgb = np.clip(linear_to_srgb(linear), 0, 1)
    for kind in ("composite", "real"):
        path = root / kind / f"a{suffix}"
        path.parent.mkdir(parents=True)
        if suffix == ".exr":
            write_exr(path, {c: linear[..., i] for i, c in enumerate("RGB")}, half=False)
        else:
            cv2.imwrite(str(path), np.rint(srgb[..., ::-1] * 65535).astype(np.uint16))
    (root / "mask").mkdir()
    cv2.imwrite(str(root / "mask/a.png"), np.full((24, 24), 40000, np.uint16))
    return root, srgb


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
@pytest.mark.parametrize("packed", [False, True], ids=["files", "tar"])
def test_deep_pictures_reach_the_batch_with_16_bits(tmp_path, suffix, packed):
    root, srgb = deep(tmp_path / "set", suffix)
    if packed:
        (tmp_path / "tar").mkdir()
        with tarfile.open(tmp_path / "tar" / "train-0.tar", "w") as tar:
            for t in sources.list_triplets(root):
                for field, path in (("composite", t.composite), ("mask", t.mask), ("real", t.real)):
                    add(tar, f"a.{field}{path.suffix}", path.read_bytes())
        root = tmp_path / "tar"
    batch = TripletDataset(sources.list_triplets(root), size=24, augment=False).batch([(0, 0)])
    found = batch.composite[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, srgb, atol=1.5 / 65535)
    np.testing.assert_allclose(batch.mask.numpy(), 40000 / 65535, atol=1e-6)


def test_floating_point_tiff_is_refused_because_its_light_is_not_known(tmp_path):
    root, _ = deep(tmp_path / "set", ".tif")
    Image.fromarray(np.random.default_rng(0).random((24, 24), dtype=np.float32)).save(root / "composite/a.tif")
    with pytest.raises(InputError, match=r"floating-point values; save it as EXR"):
        load_triplet(sources.list_triplets(root)[0])


def test_damage_is_an_error_that_names_the_file_or_is_left_out_on_request(rendered, tmp_path, caplog):
    root = shutil.copytree(rendered, tmp_path / "set")
    triplets = sources.list_triplets(root, "train")
    whole = TripletDataset(triplets, size=32, seed=2)
    expected = [whole.arrays(i, 1) for i in range(len(triplets))]
    triplets[2].composite.write_bytes(triplets[2].composite.read_bytes()[:400])
    triplets[3].real.unlink()  # the real image of 2 and 3
    with pytest.raises(
        InputError, match=rf"{triplets[3].real} does not exist.*--skip-corrupt leaves such triplets out"
    ):
        TripletDataset(triplets, size=32).arrays(3)
    patient = TripletDataset(triplets, size=32, seed=2, skip_corrupt=True)
    stream = BatchStream(patient, 6, seed=0, name="x")
    with caplog.at_level(logging.WARNING):
        ((batch,),) = list(prefetch([stream], 0, 1))
        list(prefetch([stream], 1, 3))
    assert sorted(patient.skipped) == [2, 3]
    assert len([r for r in caplog.records if "left out" in r.getMessage()]) == 2  # once each, not once a batch
    order = [i for _, i in stream.samples(0)]
    for row, index in enumerate(order):
        used = 4 if index in (2, 3) else index
        assert batch.style_hard[row] + 1 == triplets[used].style_hard
    for index in (0, 1, 4, 5):  # the others are as they were
        np.testing.assert_array_equal(patient.arrays(index, 1).composite, expected[index].composite)
    np.testing.assert_array_equal(patient.arrays(3, 1).composite, expected[4].composite)
    backwards = TripletDataset(triplets, size=32, seed=2, skip_corrupt=True)
    np.testing.assert_array_equal(backwards.arrays(2, 1).composite, expected[4].composite)  # whatever was read before


def test_a_set_without_one_usable_triplet_is_refused(rendered, tmp_path):
    root = shutil.copytree(rendered, tmp_path / "set")
    for mask in (root / "SHuman/masks").iterdir():
        mask.unlink()
    dataset = TripletDataset(sources.list_triplets(root), size=32, skip_corrupt=True)
    with pytest.raises(InputError, match="none of the 12 triplets can be read"):
        dataset.arrays(5)


@pytest.mark.parametrize("cache_mb", [0, 64])
def test_workers_change_no_value(rendered, cache_mb):
    triplets = sources.list_triplets(rendered)[:2]  # two epochs a batch: workers are many epochs apart

    def batches(workers: int) -> list[tuple[Batch, ...]]:
        dataset = TripletDataset(triplets, size=32, cache_mb=cache_mb)
        return list(prefetch([BatchStream(dataset, 4, seed=1, name="x")], 0, 10, workers=workers))

    alone = batches(0)
    assert len(alone) == 10
    for workers in (1, 8):
        for (a,), (b,) in zip(alone, batches(workers), strict=True):
            for name in ("composite", "mask", "real", "style_soft", "style_hard"):
                torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=0, atol=0)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_damage_is_said_alike_by_any_number_of_workers_and_none_stays(rendered, tmp_path, workers):
    root = shutil.copytree(rendered, tmp_path / "set")
    triplets = sources.list_triplets(root, "train")
    stream = BatchStream(TripletDataset(triplets, size=32), 1, seed=0, name="x")
    at = next(step for step in range(len(triplets)) if stream.samples(step) == [(0, 3)])
    triplets[3].composite.write_bytes(triplets[3].composite.read_bytes()[:400])
    batches = prefetch([stream], 0, 20, workers=workers)
    assert len([next(batches) for _ in range(at)]) == at  # those before it come as they are
    with pytest.raises(InputError) as caught:
        next(batches)
    assert str(caught.value).startswith(f"{triplets[3].composite} is not a readable image")
    assert str(caught.value).endswith("; --skip-corrupt leaves such triplets out")
    stopped = prefetch([stream], at + 1, 20, workers=workers)
    next(stopped)
    stopped.close()  # as a signal does it
    assert [thread for thread in threading.enumerate() if thread.name.startswith("batches")] == []
