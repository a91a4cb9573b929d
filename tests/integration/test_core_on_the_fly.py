# SPDX-License-Identifier: Apache-2.0
"""From kept renders to training: linear views give a set's own composites, and a resumed run repeats its losses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from harmonize_core.cli import main
from harmonize_core.data import toy
from harmonize_core.data.options import DataConfig
from harmonize_core.data.rendered import RenderedViews
from harmonize_core.formats.images import read_image, read_mask
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.log import read_log
from harmonize_core.train.loop import train
from harmonize_core.train.sets import open_sets

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def composed_png(rendered_once, tmp_path_factory) -> Path:
    """The set with PNG pictures, so that files can be compared pixel by pixel, and its linear views."""
    from rdharmony_gen.cli import main as generate

    root = Path(shutil.copytree(rendered_once, tmp_path_factory.mktemp("png") / "out"))
    spec = root / "jobs" / "spec.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"format": "png"}))
    generate(["compose", str(root), "--workers", "1", "--quiet"])
    generate(["linear", str(root), "--quiet"])
    return root


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tiny._registry, "_entries", {**tiny._registry._entries, **tiny.ENTRIES})


def on_the_fly(root: Path, cache: Path, **options) -> TrainConfig:
    return TrainConfig(rendered=root, steps=1, device="cpu", data=DataConfig(on_the_fly=True, cache=cache), **options)


def test_samples_without_grades_are_the_composites_of_the_set(composed_png, tmp_path):
    config = on_the_fly(composed_png, tmp_path, model="harmonizer")
    plain = replace(config.data, side=64, grade=0, same_style=0, identity=0, crop_scale=(1.0, 1.0))
    dataset = open_sets(replace(config, data=plain)).train["rendered"]
    assert isinstance(dataset, RenderedViews)
    assert len(dataset) == 2  # the park; the city corner is for testing
    samples = [(epoch, index) for epoch in range(8) for index in range(2)]
    batch = dataset.batch(samples).to(CPU)
    seen = set()
    for row, sample in enumerate(samples):
        draw = dataset.draw(*sample)
        view, turn = dataset.views[draw.view], slice(None, None, -1 if draw.crop.flip else None)
        folder, a, b = composed_png / view.path.parent.name, view.styles[draw.real], view.styles[draw.fronts[0]]
        file = read_image(folder / "composite_images" / f"{view.scene_id}-{a}_{b}.png")[:, turn]
        truth = read_image(folder / "real_images" / f"{view.scene_id}-{a}.png")[:, turn]
        mask = read_mask(folder / "masks" / f"{view.scene_id}.png")[:, turn]
        assert np.abs(batch.composite[row].permute(1, 2, 0).numpy() - file).max() < 1.5 / 255
        assert np.abs(batch.real[row].permute(1, 2, 0).numpy() - truth).max() < 1.5 / 255
        np.testing.assert_array_equal(batch.mask[row, 0].numpy(), mask)
        seen.add((view.scene_id, a, b))
    assert len(seen) > 6


def test_linear_views_are_made_once_and_have_a_place_in_the_set(composed_png, rdharmony):
    files = {path: path.stat().st_mtime_ns for path in (composed_png / "linear").rglob("*.safetensors")}
    assert len(files) == 4
    assert rdharmony("linear", composed_png, "--quiet")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert "linear" not in rdharmony("validate", composed_png)[1]


def test_a_set_without_renders_is_refused_by_name(composed_png, tmp_path, rdharmony):
    root = Path(shutil.copytree(composed_png, tmp_path / "out", ignore=shutil.ignore_patterns("renders", "linear")))
    code, _, refusal = rdharmony("linear", root)
    assert code == 1
    assert "--keep-renders" in refusal


def test_a_resumed_run_repeats_its_losses_and_validates_on_files(composed_png, tmp_path, small):
    photos = toy.write_photographs(tmp_path / "photos", count=5, size=64)
    config = on_the_fly(composed_png, tmp_path / "cache", model="tiny_plain", run=tmp_path / "whole", batch_size=3)
    config = replace(config, photographic=photos, steps=6, validate_every=0)
    damaged = replace(config.data, jpeg=0.5, noise=0.5, blur=0.5, mask=0.5)
    config = replace(config, data=damaged)

    def losses(config: TrainConfig, **options) -> list[float]:
        train(config, quiet=True, say=lambda _: None, **options)
        return [row["loss"] for row in read_log(config.run) if row["kind"] == "train"]

    whole = losses(config)
    parts = replace(config, run=tmp_path / "parts", workers=0)
    losses(replace(parts, steps=2))
    moved = replace(parts.data, cache=tmp_path / "another")
    assert losses(replace(parts, data=moved, workers=3), resume=True) == whole
    assert open_sets(config).held_out["rendered"].kind == "triplets"


def test_show_data_writes_a_sheet_of_each_domain(composed_png, tmp_path, small, capsys):
    photos = toy.write_photographs(tmp_path / "photos", count=3, size=64)
    roots = ["--rendered", str(composed_png), "--photographic", str(photos)]
    options = ["--data.on-the-fly", "--data.cache", str(tmp_path / "cache"), "--to", str(tmp_path), "--samples", "6"]
    assert main(["show-data", "idih", "--model", "tiny_plain", *roots, *options]) == 0
    assert "6 of" in capsys.readouterr().out
    for domain in ("rendered", "photographic"):
        sheet = np.asarray(Image.open(tmp_path / f"{domain}.png"))
        assert sheet.shape == (2 * 36, 4 * (3 * 32 + 4), 3)
        assert sheet.std() > 20
