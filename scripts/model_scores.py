# SPDX-License-Identifier: Apache-2.0
"""Fill docs/models with the rows of a comparison: `python scripts/model_scores.py OUT [PAGES]`.

OUT is the folder of `harmonize benchmark networks`. In README.md of PAGES (docs/models) and in each page that it lists,
what stands between the lines `<!-- scores -->` and `<!-- /scores -->` is replaced; no number is typed by hand.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from harmonize_core.benchmark.networks import Row, kept
from harmonize_core.benchmark.networks_page import table
from harmonize_core.formats.images import read_lines, write_text

BEGIN, END = "<!-- scores -->", "<!-- /scores -->"
PAGE = re.compile(r"^\| \[[^]]*\]\((\w+\.md)\) \| (.*) \|$", re.MULTILINE)
"""A line of README.md's list: the page's file and the names on it."""
SHORT = ("network", "steps", "pictures seen", "fMSE", "PSNR", "fMSE of the composite's")


def main(out: Path, pages: Path) -> None:
    """Rewrite the blocks of all pages."""
    rows = {path.parent.name: kept(path.parent) for path in sorted(out.glob("results/*/row.json"))}
    listed = PAGE.findall((pages / "README.md").read_text(encoding="utf-8"))
    names = {file: re.findall(r"`(\w+)`", text) for file, text in listed}
    _fill(pages / "README.md", _whole(out, rows) + _not_run([n for found in names.values() for n in found], rows))
    for file, of_page in names.items():
        found = [rows[name] for name in of_page if name in rows and name != "composite"]
        _fill(pages / file, _part(out, [rows["composite"], *found]) + _not_run(of_page, rows))


def _fill(file: Path, block: str) -> None:
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"{file} should have the lines {BEGIN} and {END}; add them where the scores belong")
    write_text(file, f"{before}{BEGIN}\n{block}\n{END}{after}")


def _whole(out: Path, rows: dict[str, Row]) -> str:
    """The table of all networks, best first, and how it was made."""
    order = sorted(rows.values(), key=lambda row: row.scored["means"]["model"]["fmse"] if row.scored else float("inf"))
    facts = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))
    first = next(row.scored for row in order if row.scored)
    days = sorted({row.date for row in order})
    environments = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(out.glob("runs/*/env.json"))]
    commits = sorted({environment["git"][:7] for environment in environments})
    learnt = [names for row in order if (names := _learnt(out, row.model))]
    counts = {domain: max(sum(name.startswith(domain) for name in names) for names in learnt) for domain in _DOMAINS}
    return (
        f"Made on {' to '.join(dict.fromkeys((days[0], days[-1])))}, commit {' and '.join(commits)}, by\n\n"
        f"```bash\n{_command(facts)}\n```\n\n"
        f"{_budget(facts)}, on {counts['photographic']} photographic composites{_both(rows, counts['rendered'])}. "
        f"{_spent(out, facts, order)} Scored on {first['images']} held-out composites, spread evenly, by "
        f"{first['protocol']}. 95 % intervals by bootstrap over photographs. {_better(order)}\n\n{table(order)}"
    )


_DOMAINS = ("photographic", "rendered")


def _both(rows: dict[str, Row], count: int) -> str:
    names = [f"`{name}`" for name, row in sorted(rows.items()) if row.training and len(row.training.domains) > 1]
    joined = " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    return f"; {joined} also on {count} rendered ones" if names else ""


def _spent(out: Path, facts: dict, rows: Sequence[Row]) -> str:
    """What column s is, and how far from the budget it is."""
    spent, ratios = [], []
    for row in rows:
        if row.training and row.training.seconds:
            tried = json.loads((out / "runs" / f"{row.model}.json").read_text(encoding="utf-8"))["step_s"]
            spent.append(row.training.seconds)
            ratios.append(row.training.seconds / row.training.steps / tried)
    if not spent:
        return ""
    return (
        f"*s* is the {_clock(facts)} that training spent, {min(spent):.0f} to {max(spent):.0f} s of "
        f"{60 * facts['minutes']:.0f}: whole steps were planned from a few that were tried, and a step of the training "
        f"took {min(ratios):.2f} to {max(ratios):.2f} times as long as tried."
    )


def _better(rows: Sequence[Row]) -> str:
    trained = [row.scored["means"] for row in rows if row.training and row.scored]
    better = sum(means["model"]["fmse"] < means["composite"]["fmse"] for means in trained)
    return f"{better} of {len(trained)} networks are better than the untouched composite after so little (fMSE)."


def _not_run(names: Sequence[str], rows: dict[str, Row]) -> str:
    absent = [f"`{name}`" for name in names if name not in rows]
    return f"\n\nNot run: {', '.join(absent)}." if absent else ""


def _part(out: Path, rows: Sequence[Row]) -> str:
    """The rows of one page, in its order, below the composite's."""
    facts = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))
    return (
        f"{_budget(facts)}, under one protocol with all others ([how](README.md#how-fast-they-start-to-learn)). So "
        f"short a training says how fast a network starts to learn, not how good it gets.\n\n"
        f"{table(rows, SHORT)}"
    )


def _learnt(out: Path, model: str) -> list[str]:
    file = out / "runs" / model / "triplets.txt"
    return read_lines(file) if file.is_file() else []


def _budget(facts: dict) -> str:
    threads = "one thread" if facts["threads"] == 1 else f"{facts['threads']} threads"
    where = "one GPU" if facts["device"] == "cuda" else threads
    return f"Trained from random weights for about {facts['minutes']:g} minutes of {_clock(facts)} each on {where}"


def _clock(facts: dict) -> str:
    return "wall-clock time" if facts["device"] == "cuda" else "processor time"


def _command(facts: dict) -> str:
    usual = {"threads": 1, "device": "cpu"}
    others = "".join(f"--{name} {facts[name]} " for name, value in usual.items() if facts[name] != value)
    return (
        f"harmonize benchmark networks --data sets --minutes {facts['minutes']:g} --limit {facts['limit']} "
        f"--seed {facts['seed']} {others}--out networks"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path("docs/models"))
