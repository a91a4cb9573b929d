# SPDX-License-Identifier: Apache-2.0
"""What `quality`, `stress` and `case_sheets` found, as CSV, JSON, tables in Markdown, and pictures."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harmonize_core.evaluate.case_sheets import RANKS, Case, ranked, sheet
from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.quality import SIZES, Branches, Measured, Standing, Unchanged
from harmonize_core.evaluate.stress import Stress
from harmonize_core.formats.images import write_image, write_text
from harmonize_core.metrics import PROTOCOLS, Interval
from harmonize_core.metrics.bootstrap import LEVEL, RESAMPLES

COLUMNS = ("method", "domain", "size", "composite", "category", "group", "fg_ratio")
NUMBERS = ("fmse", "psnr", "fpsnr", "fssim")


@dataclass(frozen=True)
class Findings:
    """All numbers of one network and those it is compared with."""

    network: str
    measured: tuple[Measured, ...]
    unchanged: tuple[Unchanged, ...]
    stressed: tuple[Stress, ...]

    def standings(self, group: str = "all") -> list[Standing]:
        """Every method at every size in every domain."""
        return [m.standing(group) for m in self.measured]

    def own(self) -> list[Measured]:
        """Of the network itself."""
        return [m for m in self.measured if m.method == self.network]


def write_findings(findings: Findings, out: Path) -> list[Path]:
    """`per_image.csv`, `quality.json` and `quality.md` in `out`; the paths.

    Raises:
        OutputError: `out` cannot be written to.
    """
    texts = {
        "per_image.csv": per_image(findings.measured),
        "quality.json": json.dumps(as_facts(findings), indent=1) + "\n",
        "quality.md": markdown(findings),
    }
    for name, text in texts.items():
        write_text(out / name, text)
    return [out / name for name in texts]


def write_sheets(findings: Findings, branches: Branches, out: Path, prefix: str) -> dict[str, list[Case]]:
    """One JPEG for each domain and rank, `<prefix>_<domain>_<rank>.jpg` in `out`: file name to its cases.

    Cases are ranked at the pictures' own size where that was measured.
    """
    made: dict[str, list[Case]] = {}
    for held_out in dict.fromkeys(m.held_out.root for m in findings.own()):
        of_set = [m for m in findings.own() if m.held_out.root == held_out]
        cases = ranked(of_set[-1])
        for rank in RANKS:
            if cases[rank]:
                name = f"{prefix}_{of_set[-1].held_out.domain}_{rank}.jpg"
                write_image(out / name, sheet(cases[rank], branches, of_set[-1].held_out), quality=82)
                made[name] = cases[rank]
    return made


def per_image(measured: Sequence[Measured]) -> str:
    """One line for each picture, method and size: its numbers and the composite's."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*COLUMNS, *NUMBERS, *(f"composite_{name}" for name in NUMBERS)])
    for m in measured:
        for triplet, image in zip(m.held_out.triplets, m.images, strict=True):
            facts = (m.method, m.held_out.domain, m.size, image.composite, m.held_out.category(triplet), image.group)
            values = [getattr(scores, name) for scores in (image.model, image.untouched) for name in NUMBERS]
            rows.writerow([*facts, f"{image.model.fg_ratio:.6f}", *(f"{v:.6f}" for v in values)])
    return text.getvalue()


def as_facts(findings: Findings) -> dict[str, Any]:
    """Everything but the single pictures, for JSON: NaN is null."""
    sets = {m.held_out.domain: m.held_out for m in findings.measured}
    return _finite(
        {
            "network": findings.network,
            "sets": {d: {"split": h.split, "images": len(h.triplets), "groups": _groups(h)} for d, h in sets.items()},
            "protocols": {size: PROTOCOLS[name].describe() for size, name in SIZES.items()},
            "intervals": {"level": LEVEL, "resamples": RESAMPLES},
            "standings": [dataclasses.asdict(s) for s in findings.standings()],
            "categories": [dataclasses.asdict(m.standing(c)) for m in findings.own() for c in m.categories()],
            "unchanged": [dataclasses.asdict(u) for u in findings.unchanged],
            "stress": [dataclasses.asdict(s) for s in findings.stressed],
        }
    )


def markdown(findings: Findings) -> str:
    """The tables, each with what its numbers mean."""
    sets = {m.held_out.domain: m.held_out for m in findings.measured}
    data = "; ".join(
        f"{domain}: {len(h.triplets)} composites of {_groups(h)} {_what(domain)}, split {h.split}"
        for domain, h in sets.items()
    )
    return "\n".join(
        [
            f"Held-out pictures ({data}). *Removed* is 1 - mean fMSE / mean fMSE of the composites, *mean of",
            "ratios* the mean over the pictures of 1 - fMSE / fMSE of the composite. fMSE and PSNR: protocol A, at",
            f"256x256 and at the pictures' own size. {100 * LEVEL:.0f} % intervals by bootstrap over photographs or",
            "scenes.",
            "",
            *_standings(findings),
            "",
            "By category, at the pictures' own size:"
            if any(m.size == "native" for m in findings.own())
            else "By category:",
            "",
            *_categories(findings),
            "",
            "Pictures that are harmonious already: CIEDE2000 of the foreground, mean over its pixels and the pictures.",
            "",
            *_table(
                ("domain", "method", "pictures", "mean difference", "below 1"),
                [
                    (u.domain, u.method, u.images, f"{u.delta_e:.2f} ({_span(u.interval, 2)})", _share(u.below_one))
                    for u in findings.unchanged
                ],
            ),
            "",
            "As pictures come to an artist (own size; composite and real are damaged alike):",
            "",
            *_table(
                ("domain", "situation", "pictures", "fMSE of composites", "fMSE", "removed"),
                [
                    (
                        s.domain,
                        s.situation,
                        s.images,
                        *(f"{v:.0f}" if s.images else "" for v in (s.composite_fmse, s.fmse)),
                        f"{_share(s.removed)} ({_span(s.interval, 0, 100)})" if s.images else "none of the pictures",
                    )
                    for s in findings.stressed
                ],
            ),
            "",
        ]
    )


def _standings(findings: Findings) -> list[str]:
    rows = []
    for domain in dict.fromkeys(m.held_out.domain for m in findings.measured):
        for size in SIZES:
            found = [s for s in findings.standings() if s.domain == domain and s.size == size]
            if found:
                first = found[0]
                rows.append(
                    (domain, size, "composite", f"{first.composite_fmse:.1f}", f"{first.composite_psnr:.2f}", "", "")
                )
            for s in sorted(found, key=lambda s: s.fmse):
                name = f"**{s.method}**" if s.method == findings.network else s.method
                fmse = f"{s.fmse:.1f} ({_span(s.fmse_interval, 0)})"
                removed = f"{_share(s.removed)} ({_span(s.removed_interval, 0, 100)})"
                rows.append((domain, size, name, fmse, f"{s.psnr:.2f}", removed, _share(s.mean_removed)))
    return _table(("domain", "size", "method", "fMSE", "PSNR", "removed", "mean of ratios"), rows)


def _categories(findings: Findings) -> list[str]:
    last = {m.held_out.domain: m for m in findings.own()}  # native, where it was measured
    rows = []
    for domain, measured in last.items():
        for category in measured.categories():
            s = measured.standing(category)
            removed = f"{_share(s.removed)} ({_span(s.removed_interval, 0, 100)})"
            rows.append((domain, category, s.images, f"{s.composite_fmse:.0f}", f"{s.fmse:.0f}", removed))
    return _table(("domain", "category", "pictures", "fMSE of composites", "fMSE", "removed"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(str(value) for value in row) + " |" for row in rows),
    ]


def _share(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else ""


def _span(interval: Interval, digits: int, factor: float = 1) -> str:
    if not math.isfinite(interval.low):
        return "no interval: one group"
    return f"{factor * interval.low:.{digits}f} to {factor * interval.high:.{digits}f}"


def _groups(held_out: HeldOut) -> int:
    return len({t.group for t in held_out.triplets})


def _what(domain: str) -> str:
    return "3D scenes" if domain == "rendered" else "photographs"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
