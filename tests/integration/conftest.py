# SPDX-License-Identifier: Apache-2.0
"""A small planned set whose linear renders are computed, not ray-traced: what comes after rendering, in seconds."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harmonize_core.formats.images import write_exr
from rdharmony_gen.cli import main
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.job import RenderJob, read_job

sys.path.insert(0, str(Path(__file__).parent))  # tests import `generator` beside them
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from generator import run

if TYPE_CHECKING:  # tests without networks need not wait for torch
    from harmonize_core.infer.export import ExportReport
    from harmonize_core.models.charmnet_hr import CharmNetHr

SIDE = 64
PLAN = ["--views", "2", "--category", "human", "car", "--scenes", "park", "city_corner", "--size", f"{SIDE}x{SIDE}"]
STYLES = ("noon_clear", "other_cloudy", "night")


@pytest.fixture
def rdharmony(capsys):
    """Runs the command in this process: exit code, what it printed, and its refusal (one last line, no traceback)."""

    def told(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(*arguments)
        done = capsys.readouterr()
        assert "Traceback" not in done.err, done.err
        last = (done.err.strip().splitlines() or [""])[-1]
        assert (code == 0) != last.startswith("error: "), done.err
        return code, done.out, last

    return told


@pytest.fixture(scope="session")
def rendered_once(tmp_path_factory) -> Path:
    """Four views of two categories in two places under three styles, rendered but not composed."""
    out = tmp_path_factory.mktemp("rendered") / "out"
    main(["plan", str(out), *PLAN, "--samples", "2", "--seed", "7", "--quiet", "--styles", *STYLES])
    for path in sorted((out / "jobs").glob("S*/*.json")):
        _render(out, read_job(path))
    return out


@pytest.fixture(scope="session")
def composed_once(rendered_once, tmp_path_factory) -> dict[str, Path]:
    """The finished set by layout; tests that change it work on copies."""
    sets = {}
    for layout in ("rdharmony", "iharmony4"):
        sets[layout] = Path(shutil.copytree(rendered_once, tmp_path_factory.mktemp(layout) / "out"))
        spec = sets[layout] / "jobs" / "spec.json"
        data = json.loads(spec.read_text()) | {"layout": layout}
        spec.write_text(json.dumps(data))
        main(["compose", str(sets[layout]), "--workers", "1", "--quiet"])
        main(["report", str(sets[layout]), "--quiet"])
    return sets


@pytest.fixture(params=["rdharmony", "iharmony4"])
def either_layout(request, composed_once, tmp_path) -> Path:
    return Path(shutil.copytree(composed_once[request.param], tmp_path / "out"))


@pytest.fixture
def composed(composed_once, tmp_path) -> Path:
    return Path(shutil.copytree(composed_once["rdharmony"], tmp_path / "out"))


@pytest.fixture(scope="session")
def exported_look(tmp_path_factory) -> tuple[CharmNetHr, Path, ExportReport]:
    """CharmNet-HR under random weights that let every part of it count, its file that gives looks, and what was said.

    Writing it takes 10 s.
    """
    from check_exports import fill

    from harmonize_core.infer.export import export_onnx
    from harmonize_core.models.charmnet_hr import CharmNetHr

    model, path = fill(CharmNetHr()), tmp_path_factory.mktemp("look") / "charmnet_hr.onnx"
    return model, path, export_onnx(model, path, name="charmnet_hr", look=True)


def _render(out: Path, job: RenderJob) -> None:
    """A ball before a sloping ground, lit as the condition says; soft at the ball's edge."""
    layout, _ = existing(out)
    folder = layout.renders(job.job_id)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    radius = 0.2 + 0.03 * job.view
    distance = np.hypot(rows - 0.55, columns - 0.4)
    share = np.clip((radius - distance) * SIDE / 2 + 0.5, 0, 1)
    grain = np.random.default_rng(job.view).uniform(0.8, 1.2, (SIDE, SIDE))
    for condition in job.conditions:
        light = np.asarray(condition.key_irradiance) * (1.2 - rows[..., None]) + np.asarray(condition.sky_irradiance)
        ground = light * 0.3 * grain[..., None]
        ball = light * np.array([0.5, 0.25, 0.2]) * (1.4 - columns[..., None])
        picture = ball * share[..., None] + ground * (1 - share[..., None])
        write_exr(folder / f"{condition.style}.exr", {name: picture[..., i] for i, name in enumerate("RGB")})
    left = np.where(columns < 0.4, np.floor(share * 2048) / 2048, 0)
    right = np.where(columns < 0.4, 0, np.floor(share * 2048) / 2048)
    write_exr(folder / "coverage.exr", {"Y": left + right, "S1": left, "S2": right})
    facts = {"assets": ["human_male_01_standing"], "blender": "4.5", "focal_mm": 50.0, "rejects": {"too_dark": 3}}
    (folder / "view.json").write_text(json.dumps(facts))
