# SPDX-License-Identifier: Apache-2.0
"""Lets the golden tests import `compare` and `parity_fill` beside them, and writes what they found as a page."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import compare


def pytest_sessionfinish() -> None:
    """With PARITY_PAGE=docs/parity.md in the environment, the table of largest differences goes there."""
    if page := os.environ.get("PARITY_PAGE"):
        Path(page).write_text(_page(), encoding="utf-8")


def _page() -> str:
    rows = []
    for model, errors in sorted(compare.ERRORS.items()):
        images = {view: error for view, (error, _) in errors.items() if "image" in view}
        network = compare.described(model)
        worst = max(errors, key=lambda view: errors[view][0])
        count = sum(size for _, size in errors.values())
        official = sum(part["parameters"] for part in network["networks"].values())
        rows.append(
            f"| {model} | {official:,} | {compare.PARAMETERS[model]:,} | {max(images.values()):.1e} "
            f"| {errors[worst][0]:.1e} ({worst}) | {len(errors)} | {count:,} |"
        )
    return TEXT + "\n".join(rows) + "\n"


TEXT = """# Equal to the authors' code

Largest absolute differences between our networks and stored outputs of the authors' released code, both with the same
pseudo-random weights (`tests/golden/parity/README.md` has the rule, repositories and commits) on the same pictures, in
float32 on a CPU. *image*: over everything the network shows; *worst*: over all intermediate tensors, too. Parameters
are counted with the networks that help in training (CharmNet's critic and classifiers): the authors' as their code has
them, ours as built. `pctnet_cnn` leaves out a colour head of 99 that the released code never calls. Made by

```bash
PARITY_PAGE=docs/parity.md python -m pytest -q tests/golden
```

| network | parameters, authors' | ours | image | worst (where) | tensors compared | values compared |
|---|---|---|---|---|---|---|
"""
