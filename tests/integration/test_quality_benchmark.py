# SPDX-License-Identifier: Apache-2.0
"""harmonize benchmark shipped on sets in files, and what scripts/ship_weights.py refuses to ship."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harmonize_core.checkpoint import save_model
from harmonize_core.cli import main
from harmonize_core.data.toy import write_photographic, write_rendered
from harmonize_core.models import init_weights
from harmonize_core.models.charmnet import CharmNetConfig

SCRIPT = Path(__file__).parents[2] / "scripts" / "ship_weights.py"


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    """Held-out toy triplets of both domains, and a run with an eighth of CharmNet that nobody trained."""
    root = tmp_path_factory.mktemp("quality")
    write_rendered(root / "rendered", views=4, conditions=3, size=48)
    write_photographic(root / "photographic", photos=8, per_photo=2, size=48)
    config = CharmNetConfig(8)
    for number, seed in enumerate((1, 2), 1):
        model = config.build()
        init_weights(model, seed=seed)
        folder = root / "run" / "checkpoints" / f"step-0000000{number}"
        save_model(folder / "model.safetensors", model, "charmnet_256", config=config, provenance={"step": str(number)})
    return root


def test_the_benchmark_measures_both_domains_beside_other_methods(sets, tmp_path, capsys):
    data = ["--rendered", str(sets / "rendered"), "--photographic", str(sets / "photographic")]
    out = tmp_path / "quality"
    assert main(["benchmark", "shipped", *data, "--model", str(sets / "run"), "--limit", "4", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "| rendered | 256 | composite |" in printed
    assert "**charmnet_256**" in printed
    facts = json.loads((out / "quality.json").read_text())
    rows = {(s["method"], s["domain"], s["size"]): s for s in facts["standings"]}
    methods = {"charmnet_256", "reinhard", "histogram_match", "mkl"}
    assert set(rows) == {(m, d, s) for m in methods for d in ("rendered", "photographic") for s in ("256", "native")}
    with open(out / "per_image.csv", newline="") as file:
        images = list(csv.DictReader(file))
    assert len(images) == 4 * 2 * 2 * 4
    for (method, domain, size), row in rows.items():
        own = [i for i in images if (i["method"], i["domain"], i["size"]) == (method, domain, size)]
        sums = [sum(float(i[key]) for i in own) for key in ("fmse", "composite_fmse")]
        assert row["removed"] == pytest.approx(1 - sums[0] / sums[1], abs=1e-5)
        assert row["removed_interval"]["low"] <= row["removed"] <= row["removed_interval"]["high"]
    assert main(["evaluate", "mkl", str(sets / "photographic"), "--split", "test", "--out", str(tmp_path / "e")]) == 0
    whole = json.loads((tmp_path / "e" / "summary.json").read_text())
    assert whole["images"] == 4
    assert rows["mkl", "photographic", "256"]["fmse"] == pytest.approx(whole["means"]["model"]["fmse"])
    assert {u["method"] for u in facts["unchanged"]} == methods
    assert (out / "charmnet_256_photographic_worst.jpg").stat().st_size > 1000


def test_a_network_that_adds_error_is_not_shipped(sets, tmp_path):
    data = ["--rendered", sets / "rendered", "--photographic", sets / "photographic"]
    places = ["--weights", tmp_path / "weights", "--tests", tmp_path / "tests", "--pages", tmp_path / "pages"]
    command = [sys.executable, SCRIPT, sets / "run", *data, *places, "--choose", "2"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert "charmnet_256 should remove error but leaves more than there was" in sentence
    assert not list(tmp_path.iterdir())
