# SPDX-License-Identifier: Apache-2.0
"""How training pictures are made; the field texts are the command line's help."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import ConfigError

PHOTO_EDITS = ("transfer", "camera", "transfer+camera", "camera+relight")


@dataclass(frozen=True)
class DataConfig:
    """Composites made while training, and what is done to pictures on their way. Shares are probabilities from 0 to 1;
    with the defaults pictures are those of the files."""

    on_the_fly: bool = False
    """Make composites anew for every sample: --rendered is a folder of linear views (`rdharmony linear`) or a set that
    holds one, --photographic a folder of photographs with masks or an iHarmony4 root. Held-out numbers stay those of
    fixed pictures."""
    cache: Path | None = None
    """Folder of decoded views and photographs, made once, shared by runs; --data.on-the-fly only. Default: data-cache
    beside the run's folder."""
    side: int = 0
    """Side of training pictures in pixels; 0: the network's own. Networks that take any size shrink by themselves; some
    others are built with as many levels as 64, 128, 256 or 512 px leave room for: smaller relatives to try ideas on."""
    identity: float = 0.06
    """Share of samples on the fly whose composite is harmonious already: nothing is exchanged or changed."""
    grade: float = 0.5
    """Share of rendered samples on the fly whose foreground is exposed, balanced and graded otherwise, in linear
    light, beside its other style; and of those whose whole real picture is, by less."""
    same_style: float = 0.1
    """Share of rendered samples on the fly whose foreground keeps its style and is only graded otherwise."""
    mixed: float = 0.0
    """Share of rendered samples on the fly whose real picture has the light of two styles at once, and of those whose
    foreground has: light adds up, so ten styles become endless ones."""
    painted: float = 0.0
    """Share of rendered samples on the fly whose foreground reflects other colours, in composite and real picture."""
    exposed: float = 0.0
    """Share of photographs on the fly that are exposed, balanced and graded otherwise as a whole: composite and real
    picture alike."""
    borrowed: float = 0.0
    """Share of photographs on the fly whose foreground is what lies under another photograph's mask: any part of a
    photograph fits the rest of it, and few foregrounds become endless ones."""
    edits: tuple[str, ...] = PHOTO_EDITS
    """How foregrounds of photographs are changed on the fly: each sample takes one of these, parts joined by +, always
    in the order transfer (or reinhard, mkl, histogram), camera, relight."""
    per_series: int = 8
    """A series of photographs on the fly counts as so many of them at most, drawn anew each time; 0: all."""
    apart: float = 0.0
    """Rendered views of several foregrounds on the fly: share of samples in which each has a style of its own."""
    crop_scale: tuple[float, float] = (0.5, 1.0)
    """Smallest and largest share of a picture's area that a crop takes."""
    cover: tuple[float, float] = (0.0, 1.0)
    """Crops are drawn again, up to 20 times, until the foreground covers a share between these, say 0.02 0.6."""
    jpeg: float = 0.0
    """Share of samples with the artefacts of JPEG, quality 40 to 95; on the fly only, as all that follow."""
    noise: float = 0.0
    """Share of samples with sensor noise, up to 4 % of white."""
    blur: float = 0.0
    """Share of samples that are shrunk and grown again, by up to 2."""
    eight_bit: float = 0.0
    """Share of samples rounded to 8 bits, as files are."""
    mask: float = 0.0
    """Share of samples whose mask is grown, shrunk or softened by a pixel or two; composites are made before."""


def check_data(data: DataConfig) -> list[str]:
    """What cannot be, a phrase each."""
    shares = {
        field.name.replace("_", "-"): getattr(data, field.name)
        for field in dataclasses.fields(data)
        if isinstance(field.default, float)
    }
    problems = [f"--data.{n} should be from 0 to 1 but is {v}" for n, v in shares.items() if not 0 <= v <= 1]
    low, high = data.crop_scale
    if not 0 < low <= high <= 1:
        problems.append(f"--data.crop-scale should rise from above 0 to at most 1 but is {low} {high}")
    low, high = data.cover
    if not 0 <= low < high <= 1:
        problems.append(f"--data.cover should rise within 0 and 1 but is {low} {high}")
    if data.side < 0 or data.side % 8:
        problems.append(f"--data.side should be a multiple of 8 pixels, or 0, but is {data.side}")
    if data.per_series < 0:
        problems.append(f"--data.per-series should be 0 or more but is {data.per_series}")
    degraded = [n for n in ("jpeg", "noise", "blur", "eight-bit", "mask") if shares[n]]
    if degraded and not data.on_the_fly:
        problems.append(f"--data.{degraded[0]} needs --data.on-the-fly")
    try:
        check_edits(data.edits)
    except ConfigError as error:
        problems.append(str(error))
    return problems


def check_edits(names: tuple[str, ...]) -> None:
    """Refuse unknown edits, and two of one kind in one name.

    Raises:
        ConfigError: says which.
    """
    from harmonize_core.data.edits import ORDER, check_generators

    check_generators(names, "--data.edits")
    for name in names:
        kinds = [ORDER[part] for part in name.split("+")]
        if kinds != sorted(set(kinds)):
            raise ConfigError(f"--data.edits should join a transfer, camera and relight in this order, not {name!r}")
