# SPDX-License-Identifier: GPL-3.0-or-later
"""Which styles the videos of a view exchange their foregrounds between."""

from __future__ import annotations

from collections.abc import Sequence

from rdharmony_gen.sampling.rng import rng_for


def clip_pairs(seed: int, job_id: str, styles: Sequence[int], count: int) -> tuple[tuple[int, int], ...]:
    """Ordered pairs (background, foreground) of different styles, sorted; fewer if there are no more.

    They are of as few styles as give that many pairs, three for six: every style costs a render of every frame, and
    other views show other styles.

    Args:
        seed: of the set.
        job_id: names the decision.
        styles: numbers to choose from, at least two.
        count: of pairs wanted, 1 or more.
    """
    rng = rng_for(seed, "clip_pairs", job_id)
    few = next((n for n in range(2, len(styles)) if n * (n - 1) >= count), len(styles))
    chosen = sorted(int(s) for s in rng.choice(list(styles), few, replace=False))
    pairs = [(a, b) for a in chosen for b in chosen if a != b]
    if len(pairs) > count:
        ring = [(a, b) for a, b in zip(chosen, chosen[1:] + chosen[:1], strict=True)][:count]  # every style occurs
        rest = [p for p in pairs if p not in ring]
        pairs = ring + [rest[int(i)] for i in rng.permutation(len(rest))[: count - len(ring)]]
    return tuple(sorted(pairs))
