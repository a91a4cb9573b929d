# SPDX-License-Identifier: Apache-2.0
"""`harmonize benchmark shipped`: a network on pictures it was never trained on, beside other methods."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from harmonize_core.commands.terminal import say, silent


def shipped(
    rendered: Path | None = None,
    photographic: Path | None = None,
    model: Path = Path("charmnet_hr"),
    against: tuple[Path, ...] = (),
    out: Path = Path("quality"),
    sizes: tuple[Literal["256", "native"], ...] = ("256", "native"),
    split: str | None = None,
    limit: int = 0,
    sheets: bool = True,
    quiet: bool = False,
) -> int:
    """Measure a network on held-out pictures: error removed, harmonious pictures left alone, hard situations, cases.

    Example: harmonize benchmark shipped --rendered out --photographic triplets --out quality

    Args:
        rendered: Root of rendered triplets (made by `rdharmony make`).
        photographic: Root of photographic triplets (made by `harmonize make-real`; its photos.csv says what may be
            shown in sheets).
        model: Name of shipped weights, a run's folder, or a weights file that holds both domains.
        against: Other networks to compare with, run folders or weights files; named as their architectures.
        out: Folder for per_image.csv, quality.json, quality.md and the sheets.
        sizes: Where errors are measured: at 256x256, at the pictures' own size, or both.
        split: Split to measure on. Default: test where there is one, else all.
        limit: At most that many triplets of each domain, spread evenly; 0: all.
        sheets: Make contact sheets of the best, median and worst cases.
        quiet: Print nothing but the tables.
    """
    from harmonize_core.benchmark.shipped import branches_of, findings_of
    from harmonize_core.errors import ConfigError
    from harmonize_core.evaluate.held_out import HeldOut
    from harmonize_core.evaluate.quality_page import write_findings, write_sheets

    roots = [root for root in (rendered, photographic) if root]
    if not roots:
        raise ConfigError("benchmark shipped needs pictures: give --rendered, --photographic, or both")
    sets = [HeldOut.of(root, split, limit) for root in roots]
    own = branches_of(model)
    findings = findings_of(own, sets, against, sizes, silent if quiet else say)
    files = write_findings(findings, out)
    made = write_sheets(findings, own, out, findings.network) if sheets else {}
    print((out / "quality.md").read_text(encoding="utf-8"))
    if not quiet:
        say(f"written to {out}: {', '.join([file.name for file in files] + list(made))}")
    return 0
