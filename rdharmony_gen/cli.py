# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `rdharmony`: parsing and printing only. Exit code 0 for success, 1 for bad input, 2 for bad arguments."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from harmonize_core.errors import ConfigError, DatasetError, EnvironmentFault, HarmonizeError, UnknownName
from rdharmony_gen.options import BadArguments, Machines, Names, SetOptions, spec_of, work_options
from rdharmony_gen.spec.bench import BenchOptions

if TYPE_CHECKING:
    from rdharmony_gen.run.steps import WorkOptions
    from rdharmony_gen.spec.dataset import DatasetSpec
    from rdharmony_gen.spec.layout import SetLayout
    from rdharmony_gen.validate.dataset import Validation

Out = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
Packed = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PACKED")]
StyleFile = Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[FILE]")]
Workers = int | None
Recipe = Annotated[SetOptions, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
Where = Annotated[Machines, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
DEFAULT_RECIPE = SetOptions()
HERE = Machines()
BenchRecipe = Annotated[BenchOptions, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
DEFAULT_BENCH = BenchOptions()


def make(
    out: Out,
    /,
    recipe: Recipe = DEFAULT_RECIPE,
    workers: Workers = None,
    timeout_s: float = 1800.0,
    keep_renders: bool = False,
    where: Where = HERE,
    quiet: bool = False,
) -> None:
    """Plan, render, compose, validate and report: one command to a whole data set.

    Stopped or killed, the same command goes on where it was. With a larger --views a finished set grows. Run on several
    machines that see the folder, they share the work.

    Example: rdharmony make out --views 2 --category human --size 256x256 --seed 7

    Video triplets: rdharmony make out --clip 24 --views 2 --size 256x256

    Args:
        out: Folder of the data set; made if it is not there.
        recipe: What the set is to hold.
        workers: Processes that render; half the processors if not given.
        timeout_s: Seconds without a finished picture or stage after which a worker is restarted.
        keep_renders: Keep the linear EXR renders, about 60 bytes a pixel and view.
        where: Which machines work on it.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.report.page import write_report
    from rdharmony_gen.run import steps
    from rdharmony_gen.run.splits import note_on_splits
    from rdharmony_gen.validate.recall import validate_and_remember

    spec = spec_of(recipe, out)
    options = work_options(workers, timeout_s, "render,compose", keep_renders, where)
    say = _printer(quiet)
    with steps.opened(out) as (layout, register):
        _say_what_comes(layout, spec, options, say)
        jobs = steps.plan(layout, spec, options, register, quiet=quiet)
        cost = steps.work(layout, jobs, options, register, quiet=quiet)
        if options.shard.of > 1 and (left := steps.missing_views(layout, spec)):
            _raise(cost.trouble)
            say(f"shard {options.shard} is done; {left} views of other shards are missing in {out}")
            return
        with steps.alone(layout, register):
            counts = steps.gather(layout, spec, cost.trouble)
            validation = validate_and_remember(out, quiet=quiet)
            _name_problems(validation)
            page = write_report(out, validation, quiet=quiet)
    say(f"{counts.real_images} real images and {counts.composites} composites of {counts.views} views are in {out}")
    if cost.pictures:
        each = cost.render_cpu_s / cost.pictures
        say(f"rendered {cost.pictures} pictures in {cost.wall_s:.0f} s, {each:.1f} CPU seconds each")
    say(f"look at {page}")
    _say_if(note_on_splits(spec), say)
    _raise(cost.trouble)
    _judge(validation, out, say)


def plan(out: Out, /, recipe: Recipe = DEFAULT_RECIPE, shard: str = "", quiet: bool = False) -> None:
    """Write the recipe of a data set: jobs/spec.json and one job file a view.

    Example: rdharmony plan out --views 50 --category human car --size 1920x1080

    Args:
        out: Folder of the data set; made if it is not there.
        recipe: What the set is to hold.
        shard: Plan the i-th of n parts only, as i/n.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.run import steps
    from rdharmony_gen.run.splits import note_on_splits

    spec = spec_of(recipe, out)
    options = work_options(None, 1800.0, "", False, Machines(shard=shard))
    with steps.opened(out) as (layout, register):
        _say_what_comes(layout, spec, options, _printer(quiet))
        jobs = steps.plan(layout, spec, options, register, quiet=quiet)
    _printer(quiet)(f"{len(jobs)} jobs are in {out / 'jobs'}")
    _say_if(note_on_splits(spec), _printer(quiet))


def render(
    out: Out, /, workers: Workers = None, timeout_s: float = 1800.0, where: Where = HERE, quiet: bool = False
) -> None:
    """Render the jobs of a planned set that have no renders yet, into OUT/renders.

    Example: rdharmony render out --workers 2

    On a Ray cluster: rdharmony render out --engine ray --cpus-per-job 8

    Args:
        out: Folder of a planned set.
        workers: Processes that render; half the processors if not given.
        timeout_s: Seconds without a finished picture or stage after which a worker is restarted.
        where: Which machines work on it.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.run import steps

    options = work_options(workers, timeout_s, "render", True, where)
    _, spec = steps.existing(out)
    with steps.opened(out) as (layout, register):
        jobs = steps.plan(layout, spec, options, register, quiet=quiet)
        cost = steps.work(layout, jobs, options, register, quiet=quiet)
    _raise(cost.trouble)
    _printer(quiet)(f"rendered {cost.pictures} pictures in {cost.wall_s:.0f} s")


def compose(
    out: Out, /, keep_renders: bool = True, workers: Workers = None, shard: str = "", quiet: bool = False
) -> None:
    """Turn renders into triplets, and write manifest, labels and splits.

    Example: rdharmony compose out --no-keep-renders

    Args:
        out: Folder of a rendered set.
        keep_renders: Keep the linear EXR renders of a view when its triplets are written.
        workers: Processes that compose; half the processors if not given.
        shard: Compose the i-th of n parts only, as i/n; the lists are then left to a last run without this.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.run import steps

    options = work_options(workers, 1800.0, "compose", keep_renders, Machines(shard=shard))
    _, spec = steps.existing(out)
    with steps.opened(out) as (layout, register):
        jobs = steps.plan(layout, spec, options, register, quiet=quiet)
        cost = steps.work(layout, jobs, options, register, quiet=quiet)
        if shard:
            _raise(cost.trouble)
            _printer(quiet)(f"shard {shard} is composed; when all are, run: rdharmony compose {out}")
            return
        with steps.alone(layout, register):
            counts = steps.gather(layout, spec, cost.trouble)
    _raise(cost.trouble)
    _printer(quiet)(f"{counts.real_images} real images and {counts.composites} composites of {counts.views} views")


def validate(out: Out, /, quiet: bool = False) -> None:
    """Open every file of a set again and check sizes, masks, backgrounds, exposure, names, labels, splits, digests.

    Example: rdharmony validate out

    Args:
        out: Folder of a composed set.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.validate.recall import validate_and_remember

    validation = validate_and_remember(out, quiet=quiet)
    _name_problems(validation)
    _judge(validation, out, _printer(quiet))


def status(out: Out, /) -> None:
    """Say how many views are pending, running, rendered, done and failed, and which machines work on them.

    Example: rdharmony status out

    Args:
        out: Folder of a planned set.
    """
    from rdharmony_gen.run.status import status_lines
    from rdharmony_gen.run.steps import existing

    for line in status_lines(*existing(out)):
        print(line)


def report(out: Out, /, quiet: bool = False) -> None:
    """Write OUT/report with index.html (works offline) and contact_sheet.png.

    The set is validated first, unless that was done and no file has changed since, by names, sizes and times.

    Example: rdharmony report out

    Args:
        out: Folder of a composed set.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.report.page import write_report
    from rdharmony_gen.validate.recall import recall_or_validate

    validation, recalled = recall_or_validate(out, quiet=quiet)
    _name_problems(validation)
    say = _printer(quiet)
    if recalled:
        say("no file has changed since the set was last validated; rdharmony validate opens all of them again")
    say(f"look at {write_report(out, validation, quiet=quiet)}")
    _judge(validation, out, say)


def pack(out: Out, packed: Packed, /, shard_size: str = "500MB", split: Names = (), quiet: bool = False) -> None:
    """Write a set as WebDataset shards with an index, checksums and a dataset card, to stream from or to share.

    Stopped or killed, the same command goes on where it was.

    Example: rdharmony pack out packed --shard-size 500MB --split train

    Args:
        out: Folder of a composed set.
        packed: Folder for the shards; made if it is not there.
        shard_size: Size at which a shard is closed, for instance 500MB or 2GiB.
        split: Of train, val, test; all that hold something if none is given.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.pack.shards import pack as pack_set
    from rdharmony_gen.pack.shards import parse_bytes

    try:
        shard_bytes = parse_bytes(shard_size)
    except ConfigError as error:
        raise BadArguments(str(error)) from None
    index = pack_set(out, packed, shard_bytes=shard_bytes, splits=split, quiet=quiet)
    total = sum(s.bytes for s in index.shards)
    triplets = sum(s.samples for s in index.shards)
    _printer(quiet)(f"{triplets} triplets are in {len(index.shards)} shards in {packed}, {total / 1e6:.1f} MB")


def linear(out: Out, to: Path | None = None, quiet: bool = False) -> None:
    """Write the light that a set's pictures are developed from, a file a view, for training on the fly.

    Needs the renders of the set (make --keep-renders), which may be removed afterwards. Repeated, it adds what is new.

    Example: rdharmony linear out

    Args:
        out: Folder of a set with renders.
        to: Folder to write to; OUT/linear if not given. Sets of other categories may share one.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.compose.linear import linear_views
    from rdharmony_gen.run.steps import existing

    layout, spec = existing(out)
    folder = to or layout.linear
    count = linear_views(layout, spec, folder, quiet=quiet)
    _printer(quiet)(f"{count} linear views are in {folder}")


def styles(file: StyleFile = None, /, json: bool = False) -> None:
    """List the ten capture conditions, or those of a file, with the ranges they are drawn from.

    Example: rdharmony styles my_styles.toml

    Args:
        file: Own styles as .toml or .yaml; docs/styles.md says what it may hold.
        json: Print JSON instead of a table.
    """
    from rdharmony_gen.sampling.style_file import read_styles
    from rdharmony_gen.spec.codec import encode
    from rdharmony_gen.spec.styles import STYLES, style_lines

    shown = STYLES if file is None else read_styles(file)
    print(encode(shown) if json else "".join(f"{line}\n" for line in style_lines(shown)), end="")


def scenes(json: bool = False) -> None:
    """List the kinds of places, and what does not fit into them.

    Example: rdharmony scenes

    Args:
        json: Print JSON instead of a table.
    """
    from rdharmony_gen.spec.codec import encode
    from rdharmony_gen.spec.scenes import SCENES

    if json:
        print(encode([asdict(s) | {"unfit": sorted(s.unfit)} for s in SCENES.values()]), end="")
        return
    print(f"{'name':18}{'':8}{'place':44}not for")
    for scene in SCENES.values():
        side = "indoor" if scene.indoor else "outdoor"
        print(f"{scene.name:18}{side:8}{scene.title:44}{', '.join(sorted(scene.unfit)) or '-'}")


def list_assets(category: Names = (), characters: Path | None = None, verify: bool = False, json: bool = False) -> None:
    """List the assets inside this package: id, category, size, rigged, licence; or check files of your own.

    Example: rdharmony assets --category human car --verify

    Args:
        category: Only these categories.
        characters: A folder with your own characters: list them instead, with what is wrong with each.
        verify: Compare every file with its checksum.
        json: Print JSON instead of a table.
    """
    from rdharmony_gen.library import assets, damaged
    from rdharmony_gen.spec.codec import encode

    if characters is not None:
        from rdharmony_gen.run.user_files import list_characters

        for line in list_characters(characters, json=json):
            print(line)
        return
    known = sorted({a.category for a in assets()})
    for name in category:
        if name not in known:
            raise BadArguments(str(UnknownName.of("category", name, known)))
    chosen = [a for a in assets() if not category or a.category in category]
    if json:
        print(encode(chosen), end="")
    else:
        print(f"{'id':44}{'category':14}{'size, m':22}{'rigged':8}licence")
        for a in chosen:
            size = " x ".join(f"{s:.2f}" for s in a.size_m) if a.size_m else "-"
            print(f"{a.id:44}{a.category:14}{size:22}{'yes' if a.rigged else '-':8}{a.licence}")
    if verify:
        wrong = [message for a in chosen if (message := damaged(a))]
        for message in wrong:
            print(message, file=sys.stderr)
        if wrong:
            raise DatasetError(
                f"{len(wrong)} of {len(chosen)} assets are not as they should be; install rdharmony again"
            )
        print(f"{len(chosen)} assets, all checksums correct", file=sys.stderr)


def doctor(blender: Path | None = None, install: bool = False) -> None:
    """Look whether this machine has everything that rendering needs, and name what is missing.

    Example: rdharmony doctor --blender /usr/bin/blender --install

    Args:
        blender: A Blender program that is to render instead of the bpy package.
        install: Download what the Python of that Blender lacks into a folder of ours; Blender stays as it is.
    """
    from rdharmony_gen.run.blender_app import examine_app, finding_of, install_dependencies
    from rdharmony_gen.run.environment import examine

    if install and blender is None:
        raise BadArguments("--install needs --blender: it is for the Python of a Blender program")
    if blender and install:
        install_dependencies(examine_app(blender))
    findings = [*examine(), *([finding_of(blender)] if blender else [])]
    for finding in findings:
        print(f"{'ok     ' if finding.ok else 'missing'}  {finding.what}: {finding.detail}")
    if not all(f.ok for f in findings):
        raise EnvironmentFault("something that rendering needs is missing; see the lines above")


def bench(out: Out, /, options: BenchRecipe = DEFAULT_BENCH, quiet: bool = False) -> None:
    """Measure cost and error of both rendering strategies against a reference; writes OUT (JSON) and a plot beside it.

    The full measure takes many hours without a graphics card; a small one shows the ratio in minutes.

    Example: rdharmony bench bench.json --views 2 --size 128 --reference-samples 128 --compared noon_clear night

    Args:
        out: JSON file to write.
        options: What is measured.
        quiet: Print nothing but errors.
    """
    from rdharmony_gen.bench import measure

    measure(out, options, _printer(quiet))


COMMANDS: dict[str, Callable[..., None]] = {
    "make": make,
    "plan": plan,
    "render": render,
    "compose": compose,
    "validate": validate,
    "report": report,
    "status": status,
    "pack": pack,
    "linear": linear,
    "styles": styles,
    "scenes": scenes,
    "assets": list_assets,
    "bench": bench,
    "doctor": doctor,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point; ends the process with the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="rdharmony",
            description="Render data sets for image harmonization: one place, ten lights, exchanged foregrounds.",
            args=argv,
        )
    except BadArguments as error:
        _fail(str(error), 2)
    except HarmonizeError as error:
        _fail(str(error), 1)
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        _fail(f"the system refused a file operation{where} ({error.strerror}); check space and rights", 1)
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on from here", 130)


def _say_what_comes(layout: SetLayout, spec: DatasetSpec, options: WorkOptions, say: Callable[[str], None]) -> None:
    """What is still to be made and what it will cost, before the first of it is."""
    from rdharmony_gen.run.forecast import forecast
    from rdharmony_gen.sampling.plan import job_ids

    coming = forecast(layout, spec, [i for _, _, i in options.shard.part(job_ids(spec))], options.keep_renders)
    if coming.views:
        say(str(coming))


def _say_if(note: str, say: Callable[[str], None]) -> None:
    if note:
        say(note)


def _name_problems(validation: Validation) -> None:
    """The first 50 problems, one a line; before anything else is tried with the set."""
    for problem in validation.problems[:50]:
        print(problem, file=sys.stderr)


def _judge(validation: Validation, out: Path, say: Callable[[str], None]) -> None:
    """Say that all is well, or end the command with exit code 1."""
    if not validation.problems:
        say(f"checked {validation.files} files of {validation.views} views: no problems")
        return
    whole = [p for p in validation.problems if p.whole]
    rest = next((p for p in validation.problems if not p.whole), None)
    found = f"{out} has {len(validation.problems)} problems, the first with {validation.problems[0].path}; "
    if rest:
        found += (
            "delete the files that are damaged and run rdharmony make with the same options, which makes their views "
            "again"
        )
    if whole:
        found += "; " * bool(rest) + (
            f"{len(whole)} of them are pictures as they were made that break a rule, and making them again gives the "
            "same: leave them out when you train, or make another set with another --seed"
        )
    raise DatasetError(found)


def _raise(trouble: HarmonizeError | None) -> None:
    if trouble:
        raise trouble


def _printer(quiet: bool) -> Callable[[str], None]:
    return (lambda _: None) if quiet else print


def _fail(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
