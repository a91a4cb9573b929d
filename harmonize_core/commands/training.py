# SPDX-License-Identifier: Apache-2.0
"""`harmonize train`, which takes the fields of a preset for options."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from harmonize_core.commands.terminal import BAD_ARGUMENTS, FLOWING, help_of, say, silent
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.presets import PRESETS, preset


@dataclass(frozen=True)
class TrainArguments:
    """What `harmonize train PRESET` takes: the preset's fields and how to run it."""

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    resume: bool = False
    """Continue the run in --run where it stopped; starts it when there is none."""
    quiet: bool = False
    """Print nothing but errors."""


def train(arguments: Sequence[str]) -> int:
    """Train a network on rendered and photographic triplets.

    Example: harmonize train charmnet-demo --rendered out --photographic photos4 --run runs/first --minutes 4
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: harmonize train PRESET [options]\n\n{help_of(train)}\n\npresets:")
        for name, (line, _) in PRESETS.items():
            print(f"  {name:<19} {line}")
        print("\nharmonize train PRESET --help lists the options with the preset's values")
        return 0 if arguments else BAD_ARGUMENTS
    name, *rest = arguments
    config = preset(name)
    parsed = tyro.cli(
        TrainArguments,
        prog=f"harmonize train {name}",
        description=f"{PRESETS[name][0]}\n\n{help_of(train)}",
        default=TrainArguments(config),
        args=rest,
        registry=FLOWING,
    )
    from harmonize_core.train.distributed import from_environment
    from harmonize_core.train.loop import train as run_training

    tell = say if from_environment().leads and not parsed.quiet else silent
    result = run_training(parsed.config, resume=parsed.resume, quiet=parsed.quiet, say=tell)
    tell(f"{result.step} steps in {result.seconds:.0f} s, {result.images_per_s:.1f} images/s: {result.run}")
    if result.finished:
        return 0
    tell(f"stopped by {signal.Signals(result.signal).name} after saving; add --resume to go on")
    return 0 if result.signal == signal.SIGTERM else 128 + result.signal  # a scheduler's wish is no failure


def show_data(arguments: Sequence[str]) -> int:
    """Write contact sheets of what a run would train on (composite, mask, real), one for each domain.

    Example: harmonize show-data charmnet --rendered out --photographic photos --data.on-the-fly --to sheets
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: harmonize show-data PRESET [options of harmonize train] [--to DIR]\n\n{help_of(show_data)}")
        return 0 if arguments else BAD_ARGUMENTS
    name, *rest = arguments
    default = ShowArguments(preset(name))
    parsed = tyro.cli(
        ShowArguments, prog=f"harmonize show-data {name}", description=help_of(show_data), default=default, args=rest
    )
    from harmonize_core.data.dataset import BatchStream
    from harmonize_core.data.sheet import contact_sheet
    from harmonize_core.formats.images import write_image
    from harmonize_core.train.config import check
    from harmonize_core.train.sets import open_sets

    config = parsed.config
    check(config)
    for domain, dataset in open_sets(config).train.items():
        stream = BatchStream(dataset, min(8, parsed.samples), seed=config.seed, name=domain)
        path = parsed.to / f"{domain}.png"
        write_image(path, contact_sheet(stream, parsed.samples))
        say(f"{parsed.samples} of {len(dataset)} {domain} {dataset.kind} are in {path}")
    return 0


@dataclass(frozen=True)
class ShowArguments:
    """What `harmonize show-data PRESET` takes."""

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    to: Path = Path("sheets")
    """Folder of the sheets."""
    samples: int = 48
    """Samples of each domain, at least 1."""
