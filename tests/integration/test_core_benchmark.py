# SPDX-License-Identifier: Apache-2.0
"""The published tables are made again on data from both generators, every row trained and scored, and go on."""

import csv
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import harmonize_core
from harmonize_core import cli
from harmonize_core.benchmark.tables import CHOICES, GROUPS
from harmonize_core.checkpoint import load_model
from harmonize_core.data import toy
from harmonize_core.models import _registry
from harmonize_core.models.discriminators import VerificationDiscriminator
from harmonize_core.train.objectives import _verified

PHOTOS = Path(harmonize_core.__file__).parent / "photos"
CHOSEN = ("gc_cat_fish2", "gc_cat_fish3", "gc_cat_fish6", "gc_cat_cup", "gc_cat_bucket", "gc_cat_plate")
HELD_OUT = ("gc_cat_fish2", "gc_cat_bucket")
WIDE = (
    *("pix2pixhd", "crn", "hidt", "dovenet_256", "rainnet_256", "unit", "cyclegan", "cut", "idih_256", "issam_256"),
    "s2am_256",
)
FAR = (
    *("intrinsic_256", "fmm_256", "fmm_256_a", "fmm_256_self_attention", "fmm_256_baseline", "issam_256", "s2am_256"),
    *("pix2pixhd", "hidt"),
)
TALL = ("cdtnet_256", "cdtnet_256_sim", "cdtnet_512", "cdtnet_512_sim")
SHALLOW = ("unit", "cyclegan", "cut")
SMALLER = {1024: 320, 2048: 384}
PARTS = ("novel", "base-part", "rendered-part")


@pytest.fixture
def quick(monkeypatch, narrow) -> None:
    """Networks with few channels or levels or a small picture to look at, small critics and tables."""
    entries = dict(_registry._entries)
    entries |= {name: replace(entries[name], config=narrow(entries[name].config)) for name in WIDE}
    entries |= {name: replace(entries[name], config=replace(entries[name].config, base_size=64)) for name in TALL}
    for name in FAR:
        entries[name] = replace(entries[name], input_spec=replace(entries[name].input_spec, size=64))
    for name in SHALLOW:
        shallow = replace(entries[name].config, harmonizer_depth=5)
        spec = replace(entries[name].input_spec, size=64, divisor=64)
        entries[name] = replace(entries[name], config=shallow, input_spec=spec)
    few = replace(entries["charmnet_256"].config, base_channels=8)
    entries["charmnet_256"] = replace(entries["charmnet_256"], config=few)
    monkeypatch.setattr(_registry, "_entries", entries)
    monkeypatch.setattr(_verified, "VerificationDiscriminator", partial(VerificationDiscriminator, width=8))
    smaller = tuple(replace(table, size=SMALLER[table.size]) for table in GROUPS["hr"])
    for tables in (GROUPS, CHOICES):
        monkeypatch.setitem(tables, "hr", smaller)


@pytest.fixture
def sets(composed, tmp_path) -> Path:
    root = tmp_path / "sets"
    shutil.move(composed, root / "rendered")
    photos = tmp_path / "photos"
    photos.mkdir()
    with open(photos / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "mask", "split"])
        for name in CHOSEN:
            rows.writerow([f"{name}.jpg", f"{name}_mask.png", "test" if name in HELD_OUT else "train"])
            for ending in (".jpg", "_mask.png"):
                shutil.copy(PHOTOS / f"{name}{ending}", photos)
    command = ["make-real", *map(str, (photos, photos, root / "photographic")), "--quiet"]
    assert cli.main([*command, "--per-photo", "4"]) == 0
    large = toy.write_photographs(tmp_path / "large", count=1, size=max(SMALLER.values()))
    (large / "manifest.csv").write_text("file,mask,split\ntoy0.png,toy0_mask.png,test\n")
    command = ["make-real", *map(str, (large, large, root / "photographic_hr")), "--quiet"]
    assert cli.main([*command, "--per-photo", "1", "--generators", "camera"]) == 0
    return root


@pytest.mark.usefixtures("quick")
def test_a_tiny_run_makes_all_four_tables_and_goes_on_where_it_was(sets, tmp_path, capsys):
    out = tmp_path / "benchmark"
    command = ["benchmark", "seeds-table", "--data", str(sets), "--novel", "fish", "--budget", "tiny", "--quiet"]
    assert cli.main([*command, "--out", str(out), "--tables", "cross"]) == 0
    trained = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model.safetensors")}
    assert len(trained) == 3
    capsys.readouterr()
    assert cli.main([*command, "--out", str(out)]) == 0
    page = capsys.readouterr().out
    assert (out / "tables.md").read_text() in page
    assert all(path.stat().st_mtime_ns == time for path, time in trained.items())
    for table in (table for group in GROUPS.values() for table in group):
        text = page.split(f"## {table.title}\n")[1].split("\n## ")[0]
        assert f"{table.size}x{table.size}" in text
        for row in table.all_rows():
            line = next(line for line in text.splitlines() if line.startswith(f"| {row.label} | `{row.model}`"))
            assert "nan" not in line
            assert f"- {row.label} (`{row.model}`): " in text
    assert "Test images: 1 (pictures of photographic_hr of at least that size)" in page
    learnt = {plan: (out / f"runs/idih_256-{plan}/triplets.txt").read_text().splitlines() for plan in PARTS}
    assert {name.split("/")[0] for name in learnt["rendered-part"]} == {"rendered"}
    assert all("fish" in name for name in learnt["novel"])
    assert not any("fish" in name for name in learnt["base-part"])
    assert len(learnt["novel"]) == len(learnt["base-part"]) == len(learnt["rendered-part"])
    first, second = (load_model(out / f"runs/idih_256-two-stage-{n}/model.safetensors").model for n in (1, 2))
    moved = [(a - b).abs().max() for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    assert 0 < max(moved) < 1.1e-3  # a step of Adam at rate 1e-3 from the first stage's weights
    code = cli.main([*command, "--out", str(out), "--seed", "1"])
    assert code == 2
    assert "holds a benchmark of other settings (seed: 0 -> 1)" in capsys.readouterr().err
