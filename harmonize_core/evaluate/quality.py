# SPDX-License-Identifier: Apache-2.0
"""How good a network is where it was never trained: share of the error removed, beside other methods.

The error of a picture is its fMSE against the real one (`metrics.Protocol` A, at 256x256 and at the picture's own
size). *Removed* is 1 - sum of fMSE(harmonized) / sum of fMSE(composite) over the pictures: the ratio of the means, in
which strongly changed composites count more. The mean of the pictures' own ratios stands beside it. On pictures that
are harmonious already the measure is CIEDE2000 against the picture itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harmonize_core.errors import ConfigError
from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.report import SEED
from harmonize_core.evaluate.run import ImageResult, evaluate_triplets
from harmonize_core.formats.triplet import Domain, load_triplet
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOLS, Interval, Scores, ciede2000, interval_of_mean, interval_of_ratio, lab

SIZES = {"256": "a256", "native": "a-full"}
"""Protocols by the name of the size in tables."""

CLASSICAL = ("reinhard", "histogram_match", "mkl")
"""What a network has to be better than, without learning."""

Branches = Mapping[Domain, Predictor]
"""A method: what harmonizes the pictures of each domain."""


@dataclass(frozen=True)
class Standing:
    """A method on some pictures of one domain at one size."""

    method: str
    domain: Domain
    size: str
    group: str
    """Which pictures: "all", or a category."""
    images: int
    fmse: float
    fmse_interval: Interval
    psnr: float
    composite_fmse: float
    composite_psnr: float
    removed: float
    """1 - mean fMSE over the composites' mean fMSE."""
    removed_interval: Interval
    mean_removed: float
    """Mean over the pictures of 1 - fMSE / fMSE of the composite."""


@dataclass(frozen=True)
class Unchanged:
    """What a method does to pictures that are harmonious: mean CIEDE2000 of the foreground."""

    method: str
    domain: Domain
    images: int
    delta_e: float
    interval: Interval
    below_one: float
    """Share of the pictures whose mean difference is below 1."""


@dataclass(frozen=True)
class Measured:
    """Every picture of a domain under one method at one size."""

    method: str
    size: str
    held_out: HeldOut
    images: tuple[ImageResult, ...]

    def standing(self, group: str = "all") -> Standing:
        """The numbers of all pictures, or of those of a category."""
        paired = zip(self.images, self.held_out.triplets, strict=True)
        return standing(
            [i for i, t in paired if group == "all" or self.held_out.category(t) == group],
            self.method,
            self.held_out.domain,
            self.size,
            group,
        )

    def categories(self) -> list[str]:
        """Of the pictures, most frequent first."""
        names = [self.held_out.category(t) for t in self.held_out.triplets]
        return sorted(set(names), key=lambda name: (-names.count(name), name))


def contestants(names: Iterable[str]) -> dict[str, Branches]:
    """Methods that have nothing to learn, by name, the same for both domains."""
    made = {name: Predictor.untrained(name) for name in names}
    return {name: {"photographic": p, "rendered": p} for name, p in made.items()}


def measure(
    methods: Mapping[str, Branches], sets: Sequence[HeldOut], sizes: Sequence[str] = tuple(SIZES)
) -> list[Measured]:
    """Score every method on every set at every size, each domain with its own branch.

    Raises:
        ConfigError: no such size.
        InputError: a picture is missing or damaged.
    """
    unknown = [size for size in sizes if size not in SIZES]
    if unknown:
        raise ConfigError(f"--sizes should be of {', '.join(SIZES)} but names {unknown[0]!r}; leave that out")
    found = []
    for held_out in sets:
        for size in sizes:
            for name, branches in methods.items():
                predictor = branches[held_out.domain]
                triplets = held_out.triplets
                evaluation = evaluate_triplets(predictor, triplets, held_out.root, PROTOCOLS[SIZES[size]])
                found.append(Measured(name, size, held_out, evaluation.images))
    return found


def standing(images: Sequence[ImageResult], method: str, domain: Domain, size: str, group: str) -> Standing:
    """The numbers of some pictures; intervals resample photographs or scenes. Masks that vanish at 256 do not count."""
    images = [image for image in images if np.isfinite(image.model.fmse)]
    groups = [image.group for image in images]
    after = np.array([image.model.fmse for image in images])
    before = np.array([image.untouched.fmse for image in images])
    left = interval_of_ratio(list(after), list(before), groups, seed=SEED)
    own = after[before > 0] / before[before > 0]
    means = [Scores.mean([getattr(i, row) for i in images]) for row in ("model", "untouched")]
    return Standing(
        method,
        domain,
        size,
        group,
        len(images),
        fmse=float(after.mean()),
        fmse_interval=interval_of_mean(list(after), groups, seed=SEED),
        psnr=means[0].psnr,
        composite_fmse=float(before.mean()),
        composite_psnr=means[1].psnr,
        removed=1 - float(after.sum() / before.sum()) if before.sum() > 0 else float("nan"),
        removed_interval=Interval(1 - left.high, 1 - left.low),
        mean_removed=1 - float(own.mean()) if len(own) else float("nan"),
    )


def unchanged(method: str, branches: Branches, held_out: HeldOut) -> Unchanged:
    """Harmonize the real pictures themselves, at their own size: each picture and mask once."""
    own = list({(str(t.real), str(t.mask)): t for t in reversed(held_out.triplets)}.values())[::-1]
    differences = []
    for paths in own:
        triplet = load_triplet(paths)
        result = np.clip(branches[held_out.domain](triplet.real, triplet.mask), 0, 1)
        inside = triplet.mask >= 0.5
        differences.append(float(ciede2000(lab(result[inside]), lab(triplet.real[inside])).mean()))
    return Unchanged(
        method,
        held_out.domain,
        len(own),
        float(np.mean(differences)),
        interval_of_mean(differences, [t.group for t in own], seed=SEED),
        float(np.mean(np.array(differences) < 1)),
    )
