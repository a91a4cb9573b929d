# SPDX-License-Identifier: Apache-2.0
"""The strips of a run's validations, cut into panels that a page carries inside itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from harmonize_core.train.report.read import RunFacts
from harmonize_core.train.samples import LEAST_FMSE, PANELS, QUALITY, folder_of, spread

COLUMNS = 7
"""Validations whose pictures stand in a page; of more, the first, the last and some spread between."""


@dataclass(frozen=True)
class Strip:
    """One held-out triplet at one validation, as a page shows it."""

    name: str
    fmse: float
    fmse_composite: float
    panels: dict[str, str]
    """`data:` addresses by panel; a panel that could not be read is absent."""

    @property
    def ratio(self) -> float:
        return self.fmse / max(self.fmse_composite, LEAST_FMSE)


def shown_steps(run: RunFacts) -> list[int]:
    """Validations to show the pictures of, ascending."""
    steps = sorted(run.samples)
    if len(steps) <= COLUMNS:
        return steps
    return [*(steps[i] for i in spread(len(steps) - 1, COLUMNS - 1)), steps[-1]]


def strips(run: RunFacts, step: int, domain: str, kind: str, panels: tuple[str, ...] = PANELS) -> list[Strip]:
    """Strips of a validation: `kind` is "shown" or "worst"."""
    found = []
    for facts in run.samples.get(step, {}).get("domains", {}).get(domain, {}).get(kind, []):
        strip = _strip(folder_of(run.folder, step), facts, panels)
        if strip is not None:
            found.append(strip)
    return found


def cases(run: RunFacts, domain: str) -> tuple[int, list[tuple[str, float, float]]]:
    """Step of the newest validation that kept every triplet's numbers, and (name, fMSE, the composite's) of each."""
    for step in sorted(run.samples, reverse=True):
        listed = run.samples[step]["domains"].get(domain, {}).get("cases")
        if listed:
            return step, [(str(name), float(fmse), float(untouched)) for name, fmse, untouched in listed]
    return 0, []


def image(strip: Strip, panel: str, *, label: str = "") -> str:
    """An `<img>` of a panel, or a grey place where there is none."""
    if panel not in strip.panels:
        return '<span class="none" role="img" aria-label="no picture"></span>'
    words = escape(label or f"{panel}: {strip.name}")
    return f'<img src="{strip.panels[panel]}" alt="{words}" title="{words}" width="256" height="256">'


def _strip(folder: Path, facts: Mapping[str, Any], panels: tuple[str, ...]) -> Strip | None:
    try:
        strip = Strip(str(facts["name"]), float(facts["fmse"]), float(facts["fmse_composite"]), {})
        path = folder / Path(str(facts["file"])).name
    except (KeyError, TypeError, ValueError):
        return None
    try:
        with Image.open(path) as picture:
            pixels = picture.convert("RGB")
    except (OSError, UnidentifiedImageError):
        return strip
    side = pixels.width // len(PANELS)
    for panel in panels:
        left = PANELS.index(panel) * side
        data = io.BytesIO()
        part = pixels.crop((left, 0, left + side, pixels.height))
        part.convert("L" if panel == "mask" else "RGB").save(data, "JPEG", quality=QUALITY)
        strip.panels[panel] = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    return strip
