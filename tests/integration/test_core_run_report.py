# SPDX-License-Identifier: Apache-2.0
"""A run's page: its numbers are the log's, its pictures the network's, whatever state the run is in."""

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from harmonize_core.checkpoint import load_model
from harmonize_core.cli import main
from harmonize_core.data import toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import ConfigError
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.log import read_log
from harmonize_core.train.loop import train
from harmonize_core.train.presets import preset
from harmonize_core.train.report.page import write_report
from harmonize_core.train.samples import Case, Samples, Seen

STEPS, HELD_OUT = 6, 8


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TrainConfig:
    tiny.register()
    folder = tmp_path_factory.mktemp("runs")
    rendered = toy.write_rendered(folder / "rendered", views=4, size=64)
    photographic = toy.write_photographic(folder / "photographic", photos=16, size=64)
    return replace(
        preset("charmnet-demo"),
        model="tiny_charmnet",
        rendered=rendered,
        photographic=photographic,
        run=folder / "first",
        steps=STEPS,
        batch_size=2,
        validate_every=3,
        validate_limit=HELD_OUT,
        checkpoint_every=3,
        threads=1,
    )


@pytest.fixture(scope="module")
def finished(config) -> Path:
    train(config, quiet=True, say=lambda line: None)
    return config.run


@pytest.fixture
def run(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def page(folder: Path) -> str:
    return write_report([folder]).read_text(encoding="utf-8")


def points(text: str) -> dict[str, dict[str, dict[int, float]]]:
    """By chart and curve: value by step."""
    found = json.loads(text.split('<script id="data" type="application/json">')[1].split("</script>")[0])
    return {
        chart["title"]: {s["label"]: dict(zip(s["step"], s["value"], strict=True)) for s in chart["series"]}
        for chart in found["charts"]
    }


def logged(folder: Path, kind: str, name: str) -> dict[int, float]:
    return {row["step"]: pytest.approx(row[name]) for row in read_log(folder) if row["kind"] == kind}


def picture(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB"), np.float32)


def test_the_curves_and_the_table_are_the_logs_numbers(finished):
    text = (finished / "report.html").read_text()  # as training itself left it
    assert 'class="state good">finished' in text
    curves = points(text)
    assert len(curves["Loss, all terms weighted"]["loss"]) == STEPS
    assert curves["Loss, all terms weighted"]["loss"] == logged(finished, "train", "loss")
    assert curves["Learning rate"]["rate"] == logged(finished, "train", "lr")
    assert curves["Style terms"]["rendered before"] == logged(finished, "train", "style_rendered_before")
    for domain in ("rendered", "photographic"):
        held_out = curves[f"Held-out fMSE, {domain}"]
        assert list(held_out["network"]) == [0, 3, STEPS]
        assert held_out["network"] == logged(finished, "validate", f"fmse_{domain}")
        assert held_out["composite"] == logged(finished, "validate", f"fmse_{domain}_composite")
        last = read_log(finished)[-1]
        share = 100 * (1 - last[f"fmse_{domain}"] / last[f"fmse_{domain}_composite"])
        assert f"<b>{share:.1f} %</b><span>of the error removed, {domain}" in text
    assert not re.search(r'(?:src|href)="(?!#|data:)', text), "everything is in the page itself"


def test_the_pictures_are_what_the_network_makes_of_held_out_triplets(config, finished):
    facts = json.loads((finished / f"samples/step-{STEPS:08d}/samples.json").read_text())["domains"]["photographic"]
    held_out = TripletDataset(list_triplets(config.photographic, "test"), augment=False)
    shown = facts["shown"][-1]
    index = next(i for i, t in enumerate(held_out.triplets) if str(t.composite).endswith(shown["name"]))
    batch = held_out.batch([(0, index)])
    model = load_model(finished / "model.safetensors").model
    with torch.inference_mode():
        harmonized = model(batch.composite, batch.mask, "photographic").harmonized.clamp(0, 1)
    wanted = [batch.composite, batch.mask.expand(-1, 3, -1, -1), harmonized, batch.real]
    strip = np.asarray(Image.open(finished / f"samples/step-{STEPS:08d}" / shown["file"]).convert("RGB"), np.float32)
    panels = np.split(strip, 4, axis=1)
    for panel, one in zip(panels, wanted, strict=True):
        assert np.abs(panel - 255 * one[0].permute(1, 2, 0).numpy()).mean() < 4  # JPEG, and a network that was resumed
    embedded = {m[1]: m[0] for m in re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page(finished))}
    again = picture(embedded[f"composite: {shown['name']}"])
    assert np.abs(again - panels[0]).mean() < 3
    last = read_log(finished)[-1]
    cases = np.array([case[1:] for case in facts["cases"]])
    assert len(cases) == len(held_out)
    assert cases.mean(axis=0) == pytest.approx([last["fmse_photographic"], last["fmse_photographic_composite"]])
    ratios = [case["fmse"] / max(case["fmse_composite"], 1) for case in facts["worst"]]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx((cases[:, 0] / np.maximum(cases[:, 1], 1)).max(), rel=1e-3)


def test_a_killed_run_has_a_page_and_a_resumed_one_no_point_twice(config, run):
    log = run / "metrics.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["step"] <= 4]
    log.write_text("".join(kept) + '{"step": 5, "kind": "tr')
    (run / "model.safetensors").unlink()
    shutil.rmtree(run / f"checkpoints/step-{STEPS:08d}")
    text = page(run)
    assert "stopped before its end" in text
    assert f"step 4 of {STEPS}" in text
    curves = points(text)
    assert list(curves["Loss, all terms weighted"]["loss"]) == [1, 2, 3, 4]
    assert list(curves["Held-out fMSE, rendered"]["network"]) == [0, 3]
    assert "<b>step 3</b>" in text
    assert f"<b>step {STEPS}</b>" not in text, "pictures of a step that the log does not have are not shown"
    for _ in range(2):  # after a kill, and once more when it is finished
        train(replace(config, run=run), resume=True, quiet=True, say=lambda line: None)
        curves = points((run / "report.html").read_text())
        assert list(curves["Loss, all terms weighted"]["loss"]) == list(range(1, STEPS + 1))
        assert list(curves["Held-out fMSE, rendered"]["network"]) == [0, 3, STEPS]
        steps = [row["step"] for row in read_log(run) if row["kind"] == "validate"]
        assert steps == [0, 3, STEPS]


def test_runs_that_lack_things_have_a_page(run):
    """Of an older version: other fields, no samples; then without held-out data, environment and log."""
    shutil.rmtree(run / "samples")
    (run / "config.json").write_text(json.dumps({"model": "old_net", "batch_size": 4, "amp": True, "steps": 6}))
    text = page(run)
    assert '<span class="key">amp</span></th><td>True' in text
    assert 'id="samples"' not in text
    log = run / "metrics.jsonl"
    log.write_text("".join(f"{json.dumps(r)}\n" for r in read_log(run) if r["kind"] == "train"))
    (run / "env.json").unlink()
    text = page(run)
    assert "Nothing is held out" in text
    assert "Held-out fMSE, rendered" not in points(text)
    log.unlink()
    assert "The log has no line yet" in page(run)


def test_several_runs_stand_beside_each_other(run, finished, tmp_path):
    stored = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**stored, "seed": 7}))
    target = tmp_path / "both.html"
    assert main(["report", str(finished), str(run), "--out", str(target)]) == 0
    text = target.read_text()
    assert '<span class="key">seed</span></th><td>0</td><td>7</td>' in text
    curves = points(text)
    assert set(curves["Loss, all terms weighted"]) == {"first", "run"}
    assert curves["Loss, all terms weighted"]["run"] == logged(run, "train", "loss")
    assert "<b>composite</b><b>mask</b><b>first</b><b>run</b><b>real</b>" in text
    namesake = shutil.copytree(finished, run.parent / "first")
    write_report([finished, namesake, finished], target)  # told apart by as much of their paths as that takes
    names = [f"{path.parent.name}/first" for path in (finished, namesake)]
    assert list(points(target.read_text())["Loss, all terms weighted"]) == names


def test_a_report_elsewhere_leaves_the_run_alone_and_what_is_no_run_is_refused(run, tmp_path, capsys):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    assert main(["report", str(run), "--out", str(tmp_path / "elsewhere.html")]) == 0
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before
    with pytest.raises(ConfigError, match=r"neither metrics.jsonl nor config.json; it holds runs: .*run"):
        write_report([tmp_path])
    capsys.readouterr()
    for path in (tmp_path / "nowhere", run / "config.json"):
        assert main(["report", str(path)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"error: {path} should be the folder of a training run but is")
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize("evil", ["</script><b>gone", "<!--<script>"])
def test_names_cannot_end_the_pages_script(run, evil):
    path = run / f"samples/step-{STEPS:08d}/samples.json"
    facts = json.loads(path.read_text())
    facts["domains"]["rendered"]["cases"][0][0] = facts["domains"]["rendered"]["shown"][0]["name"] = evil
    path.write_text(json.dumps(facts))
    text = page(run)
    assert evil not in text
    assert points(text)["Learning rate"]


def test_the_worst_cases_are_kept_whatever_the_order(tmp_path):
    held_out = TripletDataset(list_triplets(toy.write_photographic(tmp_path / "p", photos=24, size=16)), size=8)
    rng = np.random.default_rng(5)
    fmse, untouched = rng.uniform(1, 900, (2, len(held_out)))
    samples = Samples({"photographic": held_out})
    for first in range(0, len(held_out), 5):
        indices = range(first, min(first + 5, len(held_out)))
        batch = held_out.batch([(0, i) for i in indices])
        part = [values[list(indices)].tolist() for values in (fmse, untouched)]
        samples(Seen("photographic", indices, range(len(indices)), batch, batch.composite, *part))
    samples.save(tmp_path / "run", 1)
    facts = json.loads((tmp_path / "run/samples/step-00000001/samples.json").read_text())["domains"]["photographic"]
    wanted = sorted(Case("", *pair).ratio for pair in zip(fmse, untouched, strict=True))[
        : -len(facts["worst"]) - 1 : -1
    ]
    assert [Case("", c["fmse"], c["fmse_composite"]).ratio for c in facts["worst"]] == pytest.approx(wanted)
