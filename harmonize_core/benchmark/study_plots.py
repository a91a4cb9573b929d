# SPDX-License-Identifier: Apache-2.0
"""Figures of the study as PNG: differences from dataset fusion, errors over training, errors by foreground size."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harmonize_core.benchmark.study_data import SIDES
from harmonize_core.benchmark.study_numbers import Outcome, verdict
from harmonize_core.benchmark.study_rows import CLAIM, REFERENCE, ROWS_OF
from harmonize_core.errors import EnvironmentFault
from harmonize_core.evaluate.report import RATIO_BINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"gain": "#15803d", "loss": "#b91c1c", "not distinguishable": "#57534e"}
LINES = {
    "composite": "#a8a29e",
    "base": "#1d4ed8",
    "rendered": "#d97706",
    "two-stage": "#7e22ce",
    REFERENCE: "#1c1917",
    CLAIM: "#dc2626",
    "oracle": "#15803d",
}
"""Rows in the figures that cannot show all, and their colours."""
DPI = 130
PALETTE = "tab20"
"""Of matplotlib, for the other rows; a row has the same colour in every figure."""
ORDER = list(dict.fromkeys(name for rows in ROWS_OF.values() for name in rows))


def forest(outcomes: Sequence[Outcome]) -> bytes:
    """Each trained row's fMSE less that of dataset fusion: interval over photographs, a dot for each seed."""
    shown = [o for o in outcomes if o.row.kind != "untrained" and o.row.name != REFERENCE]
    figure = _figure(11, 1.6 + 0.36 * max(3, len(shown)))
    for axes, side in zip(figure.subplots(1, 2, sharey=True), SIDES, strict=True):
        for place, outcome in enumerate(shown):
            difference = outcome.differences[side]
            colour = COLOURS[verdict(difference)]
            bound = difference.interval
            if math.isfinite(bound.low):
                axes.plot((bound.low, bound.high), (place, place), color=colour, lw=2.5, solid_capstyle="butt")
            axes.plot(difference.mean, place, "s", color=colour, ms=6)
            axes.plot(difference.by_seed, [place + 0.22] * len(difference.by_seed), "o", color=colour, ms=2.5)
        axes.axvline(0, color="black", lw=0.8)
        axes.set(title=f"{side} category", xlabel="fMSE less that of dataset fusion (left is better)")
        axes.set_yticks(range(len(shown)), [o.row.label for o in shown])
        axes.grid(axis="x", lw=0.3)
    figure.axes[0].invert_yaxis()
    return _png(figure)


def curves(outcomes: Sequence[Outcome]) -> bytes:
    """fMSE of the followed novel test composites over training; a line is the mean of the seeds, a band their range."""
    figure = _figure(11, 4)
    panels: list[Axes] = list(figure.subplots(1, 2, sharey=True))
    for outcome in outcomes:
        curve = [dict(run.get("curve", ())) for run in outcome.runs]
        steps = sorted(set.intersection(*(set(c) for c in curve))) if curve else []
        if not steps:
            continue
        means = [sum(c[step] for c in curve) / len(curve) for step in steps]
        own = panels[int(outcome.row.kind == "ablation")]
        for panel in panels if outcome.row.name in (REFERENCE, CLAIM) else [own]:
            colour = _colour(outcome)
            panel.plot(steps, means, lw=1.6, color=colour, label=outcome.row.label)
            low, high = ([pick(c[step] for c in curve) for step in steps] for pick in (min, max))
            panel.fill_between(steps, low, high, color=colour, alpha=0.15, lw=0)
    for axes, title in zip(panels, ("trained rows", "CharmNet without its parts"), strict=True):
        axes.set(title=title, xlabel="steps", ylabel="fMSE, novel category")
        if axes.lines:
            axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def ratios(outcomes: Sequence[Outcome]) -> bytes:
    """Mean fMSE by the share of the picture that the foreground covers."""
    shown = [o for o in outcomes if o.row.name in LINES]
    names = [f"{100 * low:.0f}-{min(100, 100 * high):.0f} %" for low, high in RATIO_BINS]
    figure = _figure(11, 3.6)
    for axes, side in zip(figure.subplots(1, 2), SIDES, strict=True):
        width = 0.8 / max(1, len(shown))
        for place, outcome in enumerate(shown):
            left = [number - 0.4 + (place + 0.5) * width for number in range(len(RATIO_BINS))]
            axes.bar(left, outcome.bins[side], width, color=_colour(outcome), label=outcome.row.label)
        counts = shown[0].in_bins[side] if shown else (0,) * len(RATIO_BINS)
        axes.set_xticks(
            range(len(RATIO_BINS)), [f"{name}\n{count} composites" for name, count in zip(names, counts, strict=True)]
        )
        axes.set(title=f"{side} category", xlabel="foreground's share of the picture", ylabel="fMSE")
    figure.axes[0].legend(frameon=False, fontsize=8)
    return _png(figure)


def _colour(outcome: Outcome) -> str | tuple[float, ...]:
    from matplotlib import colormaps

    name = outcome.row.name
    return LINES[name] if name in LINES else colormaps[PALETTE](ORDER.index(name) % 20)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EnvironmentFault(
            "the study's figures need matplotlib, which is not installed; pip install 'rdharmony[train]', then run the "
            "same command: finished runs stay"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=DPI, metadata={"Software": None})
    return memory.getvalue()
