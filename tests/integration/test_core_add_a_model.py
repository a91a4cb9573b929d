# SPDX-License-Identifier: Apache-2.0
"""The network of docs/add_a_model.md, put into the package as the page says, trains and is scored like any other."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import harmonize_core
from harmonize_core.data import toy

ROOT = Path(__file__).parents[2]
LEARN = """
import json, sys
from pathlib import Path

import harmonize_core
from harmonize_core.evaluate.run import evaluate
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOL_A, Scores
from harmonize_core.train.config import OptimConfig, TrainConfig
from harmonize_core.train.loop import train

data, run = Path(sys.argv[1]), Path(sys.argv[2])
optim = OptimConfig(lr=1e-2)
config = TrainConfig(
    photographic=data, run=run, model="gains", steps=150, batch_size=4, optim=optim, validate_every=0, device="cpu"
)
train(config, quiet=True, say=lambda _: None)
result = evaluate(Predictor.load(run / "model.safetensors"), data, PROTOCOL_A, split="train")
fmse = {who: Scores.mean([getattr(image, who) for image in result.images]).fmse for who in ("model", "untouched")}
print(json.dumps({"package": harmonize_core.__file__, **fmse}))
"""


def test_the_network_of_the_page_in_its_place_learns_through_the_ordinary_loop(tmp_path):
    file, line = re.findall(r"```python\n(.*?)```", (ROOT / "docs/add_a_model.md").read_text("utf-8"), re.DOTALL)
    assert len(file.splitlines()) < 50
    copy = tmp_path / "harmonize_core"
    without = shutil.ignore_patterns("photos", "__pycache__")
    shutil.copytree(Path(harmonize_core.__file__).parent, copy, ignore=without)
    (copy / "models/gains.py").write_text(file, encoding="utf-8")
    siblings = (copy / "models/__init__.py").read_text("utf-8").splitlines(keepends=True)
    first = next(number for number, sibling in enumerate(siblings) if sibling.startswith("from") and sibling > line)
    siblings.insert(first, line)
    (copy / "models/__init__.py").write_text("".join(siblings), encoding="utf-8")

    data = toy.write_photographic(tmp_path / "photographic")
    done = subprocess.run(
        [sys.executable, "-c", LEARN, data, tmp_path / "run"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert Path(told["package"]).parent == copy
    assert told["model"] < 0.7 * told["untouched"]
