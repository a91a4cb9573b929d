# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/tutorials/harmonize_your_shot.md, in their order."""

import re
import shlex
from pathlib import Path

import numpy as np
import torch

from harmonize_core import cli
from harmonize_core.checkpoint import save_model
from harmonize_core.formats.images import read_image, write_image, write_mask
from harmonize_core.models import build, init_weights

PAGE = Path(__file__).parents[2] / "docs/tutorials/harmonize_your_shot.md"
FRAMES = ("00000", "00005")


def test_the_commands_run_in_their_order_and_write_what_the_page_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    model = build("charmnet_hr")
    init_weights(model, seed=0)
    head = model.get_parameter("to_grade.weight")
    torch.nn.init.normal_(head, std=0.02, generator=torch.Generator().manual_seed(1))
    Path("charmnet_hr").mkdir()
    save_model(Path("charmnet_hr/model.safetensors"), model, "charmnet_hr")
    mask = np.zeros((36, 64), np.float32)
    mask[8:30, 20:40] = 1
    for folder in ("comp", "matte"):
        Path(folder).mkdir()
    for frame in FRAMES:
        write_image(Path(f"comp/{frame}.jpg"), rng.random((36, 64, 3), dtype=np.float32))
        write_mask(Path(f"matte/{frame}.png"), mask)

    commands = [
        shlex.split(line)
        for block in re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
        if line.startswith("harmonize predict")
    ]
    for _, *arguments in commands:
        assert cli.main(arguments) == 0, arguments
    for command in commands:
        out = command[command.index("--out") + 1]
        results = [out.replace("%05d", frame) for frame in FRAMES] if "%" in out else [out]
        for file, frame in zip(results, FRAMES, strict=False):
            changed = read_image(Path(file)) != read_image(Path(f"comp/{frame}.jpg"))
            assert changed.any(), file
            assert not changed[mask == 0].any(), file
    for name in ("curves.svg", "shot.cc", "shot.cube", "shot.json"):
        assert Path(name).is_file(), name
    locked, again = (read_image(Path(f"{folder}/{FRAMES[1]}.png")) for folder in ("locked", "again"))
    np.testing.assert_array_equal(again, locked)
