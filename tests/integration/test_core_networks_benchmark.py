# SPDX-License-Identifier: Apache-2.0
"""Networks are trained for the same computing time, scored under one protocol, and a stopped comparison goes on."""

import json
import os
import runpy
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harmonize_core import cli
from harmonize_core.benchmark.networks import Made, Options, Row, Training
from harmonize_core.benchmark.networks_page import markdown
from harmonize_core.checkpoint import load_model
from harmonize_core.data import toy
from harmonize_core.models import _registry
from harmonize_core.models.charmnet import CharmNetConfig

SCRIPT = Path(__file__).parents[2] / "scripts" / "model_scores.py"


@pytest.fixture(autouse=True)
def quick(monkeypatch, narrow) -> None:
    """The chosen networks with few channels."""
    entries = dict(_registry._entries)
    entries["idih_256"] = replace(entries["idih_256"], config=narrow(entries["idih_256"].config))
    entries["charmnet_256"] = replace(entries["charmnet_256"], config=CharmNetConfig(base_channels=8))
    monkeypatch.setattr(_registry, "_entries", entries)


@pytest.fixture
def sets(tmp_path) -> Path:
    toy.write_photographic(tmp_path / "sets/photographic", photos=8)
    toy.write_rendered(tmp_path / "sets/rendered")
    return tmp_path / "sets"


def run(sets: Path, out: Path, *models: str, minutes: float = 0.02) -> int:
    chosen = ["--models", *models, "--minutes", str(minutes), "--limit", "3", "--quiet"]
    return cli.main(["benchmark", "networks", "--data", str(sets), "--out", str(out), *chosen])


def cells_of(page: str, model: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| `{model}` |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def fill_pages(out: Path, pages: Path) -> None:
    """The script for the networks' pages puts each row on the page that names the network, and nothing elsewhere."""
    pages.mkdir()
    block = "before\n<!-- scores -->\nold\n<!-- /scores -->\nafter\n"
    (pages / "README.md").write_text(f"| [iDIH](idih.md) | `idih_256` `idih_512` |\n{block}")
    (pages / "idih.md").write_text(block)
    runpy.run_path(str(SCRIPT))["main"](out, pages)
    page, whole = (pages / "idih.md").read_text(), (pages / "README.md").read_text()
    spent = cells_of((out / "networks.md").read_text(), "idih_256")
    assert cells_of(page, "idih_256")[1:3] == spent[3:5]
    assert cells_of(whole, "idih_256") == spent
    assert "Not run: `idih_512`." in page
    assert "charmnet" not in page
    assert "old" not in page
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")


def test_every_row_says_what_was_spent_and_what_came_of_it(sets, tmp_path, capsys):
    out = tmp_path / "out"
    models = ("reinhard", "charmnet_256", "composite", "idih_256")
    assert run(sets, out, *models) == 0
    page = (out / "networks.md").read_text()
    assert page in capsys.readouterr().out
    table = page.split("| network | parameters")[1].split("\n\n")[0]
    assert [line.split("`")[1] for line in table.splitlines() if "`" in line] == list(models)
    assert cells_of(page, "composite")[2:6] == ["–"] * 4
    assert cells_of(page, "composite")[-1] == "100 %"
    for model, domains in (("charmnet_256", 2), ("idih_256", 1)):
        facts = json.loads((out / "results" / model / "row.json").read_text())["training"]
        assert facts["steps"] >= 1
        assert facts["images"] == facts["steps"] * facts["batch_size"] * domains
        summary = json.loads((out / "results" / model / "summary.json").read_text())
        assert summary["images"] == 3
        cells = cells_of(page, model)
        assert cells[3:5] == [f"{facts['steps']:,}", f"{facts['images']:,}"]
        assert cells[6].startswith(f"{summary['means']['model']['fmse']:.2f} [")
        assert load_model(out / "runs" / model / "model.safetensors").name == model
    assert "0.02 minutes of processor time" in page
    assert "12 photographic" in page
    assert "6 rendered" in page
    fill_pages(out, tmp_path / "pages")
    kept = {file: file.stat().st_mtime_ns for file in out.glob("r*/*/*")}
    assert run(sets, out, "idih_256", "composite") == 0  # another choice of rows uses what is finished
    assert {file: file.stat().st_mtime_ns for file in out.glob("r*/*/*")} == kept


def test_a_stopped_comparison_goes_on_and_keeps_to_its_budget(sets, tmp_path, capsys):
    out, minutes = tmp_path / "out", 0.06

    def stop_once_it_learns() -> None:
        log = out / "runs/idih_256/metrics.jsonl"
        while not (log.is_file() and log.stat().st_size):  # its first line is written while signals are awaited
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_once_it_learns, daemon=True).start()
    assert run(sets, out, "composite", "idih_256", minutes=minutes) == 2
    assert "run the same command to go on" in capsys.readouterr().err
    assert not (out / "results/idih_256").exists()
    planned = json.loads((out / "runs/idih_256.json").read_text())
    assert run(sets, out, "composite", "idih_256", minutes=2 * minutes) == 2
    assert f"holds a benchmark of other settings (minutes: {minutes} -> {2 * minutes})" in capsys.readouterr().err
    assert run(sets, out, "composite", "idih_256", minutes=minutes) == 0
    cells = cells_of((out / "networks.md").read_text(), "idih_256")
    assert cells[2:4] == [str(planned["batch_size"]), f"{planned['steps']:,}"]
    assert cells[5] == "interrupted"


def test_a_photograph_that_is_trained_and_tested_on_is_refused(sets, tmp_path, capsys):
    lists = sets / "photographic"
    seen = (lists / "IHD_train.txt").read_text().splitlines()[0]
    with open(lists / "IHD_test.txt", "a") as file:
        file.write(f"{seen}\n")
    assert run(sets, tmp_path / "out", "idih_256") == 1
    assert "for training and for testing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_network_whose_loss_was_no_number_stays_in_the_table():
    training = Training(2, 5, 10, 1.0, ("photographic",), "FN-MSE", "", "loss is nan at step 3")
    row = Row("idih_256", 7, "2026-01-01", training, None)
    page = markdown(
        Made([row], {"base": "0" * 64, "test": "1" * 64}, {"base": 8, "test": 4}), Options(Path("d"), Path("o"), 1.0)
    )
    assert cells_of(page, "idih_256")[6:] == ["diverged"] * 4 + ["–"]
    assert "no result: loss is nan at step 3" in page
