# SPDX-License-Identifier: Apache-2.0
"""`harmonize benchmark cross-domain`: the study of CharmNet's claim."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Literal

from harmonize_core.commands.terminal import say, silent
from harmonize_core.errors import ConfigError


def cross_domain(
    photographs: Path,
    rendered: tuple[Path, ...],
    out: Path = Path("study"),
    rows: tuple[str, ...] = (),
    seeds: int = 3,
    steps: int = 0,
    minutes: float = 0.0,
    batch: int = 8,
    network: Literal["charmnet_256", "charmnet_hr"] = "charmnet_256",
    side: int = 256,
    lr: float = 1e-3,
    novel: tuple[str, ...] = (),
    category: str = "human",
    test_limit: int = 0,
    shard: str = "1/1",
    plan: bool = False,
    page: Path | None = None,
    pictures_from: tuple[str, ...] = (),
    threads: int = 1,
    device: Literal["cpu", "cuda"] = "cpu",
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
    quiet: bool = False,
) -> int:
    """Study whether CharmNet carries over what renders of a category teach to photographs of it, with what doubt.

    Renders of one category are the novel one, photographs of all others the base; tested on held-out photographs of
    both. Stopped or killed, the same command goes on; several machines that share OUT take a --shard each.

    Example: harmonize benchmark cross-domain --photographs photos4 --rendered people --steps 4000 --out study --plan

    Args:
        photographs: Set in iHarmony4 layout; make-real --novel lists its two sides.
        rendered: Sets of renders; all their triplets of the category are learnt from.
        out: Folder for runs, results, study.json and study.md.
        rows: Only these: composite reinhard histogram mkl base rendered two-stage fusion unit cyclegan cut charmnet
            no-discriminator no-style no-private oracle (all by default), only-discriminator only-style only-private
            no-part (CharmNet with one or none of its parts). Beside charmnet_hr also idih issam pctnet-cnn pctnet-vit,
            but none of unit cyclegan cut no-part.
        seeds: Seeds 0, 1, ... that every trained row is made with.
        steps: Optimizer steps of each run.
        minutes: Computing time of each run instead; how many steps that is, is decided once for each row.
        batch: Triplets of a step, half of each domain where a row learns from both; even, at least 4.
        network: What the claim is put to: charmnet_256, the published one, with iDIH beside it; or charmnet_hr, ours,
            with itself without its parts beside it. It starts from ImageNet features and learns in minutes.
        side: Of the pictures in pixels: 64, 128, 256 or 512; networks are built with as many levels as that leaves room
            for. 64 costs a sixteenth of 256.
        lr: Learning rate.
        novel: Words in file names or list files that say which photographs are novel, for sets that do not list them.
        category: Category of the renders.
        test_limit: Test composites of each side, spread evenly; 0: all.
        shard: I/N: make the I-th of N parts of the runs; the last one to finish writes the page.
        plan: Say how many runs there are, how long each takes here and what the data lack, and start nothing.
        page: Page to write when all runs are finished, docs/study.md say; figures go to images/ beside it.
        pictures_from: Folders (column folder of photos.csv) whose photographs may be shown in the page; any: all.
            Default: none. Pictures of all of them are in OUT/local, for your eyes.
        threads: CPU threads of training; 0: one per core.
        device: Where networks train and run.
        precision: Of training, the same for every row; auto is fp32 on a CPU.
        quiet: Print nothing but the answer.
    """
    from harmonize_core.benchmark.study import open_data, run_study
    from harmonize_core.benchmark.study_numbers import answer, outcomes_of
    from harmonize_core.benchmark.study_options import StudyOptions
    from harmonize_core.benchmark.study_page import write_study
    from harmonize_core.benchmark.study_plan import describe_plan
    from harmonize_core.benchmark.study_record import Report

    part = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not part:
        raise ConfigError(f"--shard should be I/N, such as 1/3, but is {shard!r}")
    options = StudyOptions(
        photographs,
        tuple(rendered),
        out,
        rows,
        seeds,
        steps,
        minutes,
        batch,
        network,
        side,
        lr,
        novel,
        category,
        test_limit,
        (int(part[1]), int(part[2])),
        threads,
        device,
        precision,
    )
    data = open_data(options)
    if plan:
        print(describe_plan(options, data))
        return 0
    missing = run_study(options, data, silent if quiet else say, quiet or not sys.stderr.isatty())
    outcomes = outcomes_of(options, data)
    if not outcomes:
        say(f"{len(missing)} runs are missing, dataset fusion among them: there is nothing to compare with yet")
        return 0
    report = Report(outcomes, options, data, len(missing), _again())
    written = write_study(report, out / "local" / "study.md", ("any",))
    if page and missing:
        say(f"{page} is not written: {len(missing)} runs are missing, such as {missing[0].name}")
    elif page:
        written += write_study(report, page, pictures_from)
    for line in answer(outcomes):
        print(line)
    if not quiet:
        say(f"{len(missing)} runs are missing; {', '.join(str(file) for file in written if file.suffix != '.png')}")
    return 0


def _again() -> str:
    """The command line, without the shard and with the paths' last parts alone."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    kept = [w for i, w in enumerate(words) if w != "--shard" and not (i and words[i - 1] == "--shard")]
    return shlex.join(["harmonize", *kept])
