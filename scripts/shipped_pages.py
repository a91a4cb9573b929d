# SPDX-License-Identifier: Apache-2.0
"""What `ship_weights.py` writes beside weights: the model's card, and the slice of held-out pictures that tests use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from harmonize_core.evaluate.case_sheets import Case
from harmonize_core.evaluate.held_out import HeldOut, drawn
from harmonize_core.evaluate.quality import Branches
from harmonize_core.formats.images import read_image, read_mask, write_image, write_mask, write_text
from harmonize_core.formats.triplet import Domain, TripletPaths, load_triplet
from harmonize_core.metrics import PROTOCOL_A, fmse
from harmonize_core.models import build, lookup

TEMPLATE = Path(__file__).with_name("card_template.md")

SLICE: dict[Domain, int] = {"rendered": 6, "photographic": 4}
"""Pictures of each domain in the slice."""
SIDE = 256
QUALITY = 88

RANKS = {"best": "Best", "median": "Middle", "worst": "Worst"}


def card(
    page: Path,
    facts: Mapping[str, Any],
    tables: str,
    sheets: Mapping[str, Sequence[Case]],
    sets: Mapping[Domain, HeldOut],
    command: Sequence[str],
) -> None:
    """Fill the template; every number comes from `facts` (the weights' own card) and `tables`."""
    name = facts["name"]
    entry = lookup(name)
    pictures, credits = [], []
    by_domain = {str(domain): held_out for domain, held_out in sets.items()}
    for file, cases in sheets.items():
        domain, rank = file.removesuffix(".jpg").removeprefix(f"{name}_").split("_")
        pictures.append(f"### {RANKS[rank]} {len(cases)}, {domain}\n\n![{RANKS[rank]} cases](images/{file})\n")
        credits += [by_domain[domain].credit(case.triplet) for case in cases]
    config = facts["training_config"]
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=name,
        source=entry.source,
        licence=facts["licence"],
        parameters=f"{sum(p.numel() for p in build(name).parameters()):,}",
        files="\n".join(f"| `{file}` | {size / 1e6:.2f} MB |" for file, size in facts["bytes"].items()),
        stored=facts["stored"],
        lost=", ".join(f"{domain} {max(value, 0):.3f} dB" for domain, value in facts["lost_db"].items()),
        training_data=facts["training_data"],
        step=f"{facts['step']:,}",
        batch=config.get("batch_size"),
        seed=config.get("seed"),
        code=facts["training_code"][:12],
        config=json.dumps(config, indent=1),
        chosen=_chosen(facts),
        sha=facts["trained_weights_sha256"],
        tables=tables.strip(),
        pictures="\n".join(pictures).strip() or "No picture may be shown.",
        credits="\n".join(f"- {credit}" for credit in dict.fromkeys(credits)) or "- none",
        command=" ".join(["python scripts/ship_weights.py", *(_short(word) for word in command[1:])]),
    )
    write_text(page, text)


def _chosen(facts: Mapping[str, Any]) -> str:
    """Which of the networks that there were it is."""
    if "averaged" in facts:
        parts = f"Shipped is an average of two networks (`harmonize average`), {facts['averaged']}"
        return f"{parts}; [how its share was chosen](../weights.md#how-the-shipped-ones-were-trained)."
    told = " and ".join(f"{told['pictures']} {domain}" for domain, told in facts["held_out"].items())
    return (
        f"The moving average of the weights is what is shipped, and of the {facts['chosen_among']} networks that the "
        f"run kept the one that removed most on {told} of the held-out pictures."
    )


def write_pictures(folder: Path, sets: Sequence[HeldOut]) -> None:
    """Pictures of 256x256 that may be passed on, in `folder`/pictures, with their credits."""
    for held_out in sets:
        shown = [t for t in held_out.triplets if held_out.may_be_shown(t)]
        credits = []
        for number, triplet in enumerate(drawn(shown, SLICE[held_out.domain])):
            stem = f"{held_out.domain}-{number}"
            _write_triplet(folder / "pictures", stem, triplet)
            credits.append(f"- {stem}: {held_out.credit(triplet)}\n")
        write_text(folder / "pictures" / f"{held_out.domain}-CREDITS.md", "".join(credits))


def write_slice(folder: Path, name: str, branches: Branches) -> None:
    """What the shipped file of a network makes of these pictures: `folder`/<name>.json, recomputed by tests."""
    rows = []
    for mask_file in sorted((folder / "pictures").glob("*-mask.png")):
        stem = mask_file.name.removesuffix("-mask.png")
        domain: Domain = "rendered" if stem.startswith("rendered") else "photographic"
        composite, real = (read_image(mask_file.with_name(f"{stem}-{part}.jpg")) for part in ("composite", "real"))
        mask = read_mask(mask_file)
        result = np.clip(branches[domain](composite, mask), 0, 1)
        errors = [fmse(255 * picture, 255 * real, mask) for picture in (composite, result)]
        rows.append({"picture": stem, "domain": domain, "composite_fmse": errors[0], "fmse": errors[1]})
    write_text(folder / f"{name}.json", json.dumps({"name": name, "rows": rows}, indent=1) + "\n")


def _write_triplet(folder: Path, stem: str, paths: TripletPaths) -> None:
    triplet = load_triplet(paths)
    composite, real, mask = (PROTOCOL_A.resized(a) for a in (triplet.composite, triplet.real, triplet.mask))
    write_image(folder / f"{stem}-composite.jpg", composite, quality=QUALITY)
    write_image(folder / f"{stem}-real.jpg", real, quality=QUALITY)
    write_mask(folder / f"{stem}-mask.png", mask)


def _short(word: str) -> str:
    """Paths by their names: folders of one machine mean nothing on another."""
    return Path(word).name if "/" in word else word
