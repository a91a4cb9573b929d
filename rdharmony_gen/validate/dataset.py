# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a finished set: re-open every file, compare lists, splits, names and digests with what they should be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats import rdharmony
from rdharmony_gen.compose.collect import FORMAT, SPLITS, counts_of, list_files, split_list
from rdharmony_gen.compose.credits import published
from rdharmony_gen.run.steps import existing
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.clip import ClipNames
from rdharmony_gen.spec.codec import MAX_BYTES, encode
from rdharmony_gen.spec.dataset import DatasetSpec, label_length, split_of, styles_of, views_of
from rdharmony_gen.spec.layout import SetLayout, inside
from rdharmony_gen.spec.naming import ViewNames
from rdharmony_gen.spec.records import ClipRecord, Record, ViewRecord, files_of, read_clips, read_manifest
from rdharmony_gen.validate.checks import Problem, check_renders, check_view
from rdharmony_gen.validate.clips import check_clip, check_lists

MAX_TEXT_LINE = 4096
"""Characters of a line in a list; a longer one is named, not printed."""
MOST_SUBJECTS = 99
"""Of a view: a scene of the user's own may bring many."""
MAX_LIST = 2**31
"""Bytes of a list; a larger one is not read."""


@dataclass(frozen=True)
class Validation:
    """The result of looking at a whole set."""

    views: int
    files: int
    """How many files were opened."""
    problems: tuple[Problem, ...]


def validate(root: Path, *, quiet: bool = True) -> Validation:
    """Look at everything in the set at `root`.

    Raises:
        InputError: there is no set, or its manifest cannot be read.
        ConfigError, DatasetError: spec, dataset.json or manifest are broken as a whole.
    """
    layout, spec = existing(root)
    records: list[Record] = [*(read_clips(layout.manifest) if spec.clip else read_manifest(layout.manifest))]
    if not records:
        raise DatasetError(f"{layout.manifest} should list at least one view but is empty; run rdharmony compose")
    for name in (name for record in records for name in files_of(record)):
        inside(layout.root, name)
    problems = [*_dataset_file(layout, spec, records)]
    with ThreadPoolExecutor(max_workers=min(8, max(2, os.cpu_count() or 1))) as pool:
        found = pool.map(lambda r: _view(layout, spec, r), records)
        for part in tqdm(found, total=len(records), desc="validate", unit="view", disable=quiet, leave=False):
            problems += part
    stills = [r for r in records if isinstance(r, ViewRecord)]
    match spec.layout:
        case "rdharmony":
            problems += [*check_labels(layout, spec, stills), *check_splits(layout, spec, stills)]
        case "iharmony4":
            problems += [*_subset_lists(layout, spec, stills), *check_splits(layout, spec, stills)]
        case "hyoutube":
            problems += check_lists(layout, spec, [r for r in records if isinstance(r, ClipRecord)])
    problems += _strays(layout, spec, records)
    files = sum(len(files_of(r)) for r in records)
    return Validation(len(records), files, tuple(problems))


def _view(layout: SetLayout, spec: DatasetSpec, record: Record) -> list[Problem]:
    if isinstance(record, ClipRecord):
        return check_clip(layout, spec, record)
    problems = check_view(layout.root, spec, record)
    folder = layout.renders(_job_id(record))
    if (folder / "view.json").is_file():
        problems += check_renders(folder, spec, [r.condition.style for r in record.reals])
    return problems


def _job_id(record: Record) -> str:
    return f"{rdharmony.CATEGORY_FOLDERS.get(record.view.category, '?')}/{record.view.scene_id}"


def read_dataset_file(layout: SetLayout, mend: str) -> dict[str, Any]:
    """The set's dataset.json; `mend` says what to do where it cannot be read.

    Raises:
        InputError, DatasetError: it cannot be read; it is too large, or no JSON object.
    """
    try:
        if layout.dataset.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{layout.dataset} should be a small JSON file but is not; {mend}")
        return msgspec.json.decode(layout.dataset.read_bytes(), type=dict)
    except OSError as error:
        raise InputError(f"{layout.dataset} could not be read ({error.strerror}); {mend}") from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{layout.dataset} should be a JSON object but is not ({error}); {mend}") from None


def check_summary(layout: SetLayout, data: dict[str, Any], records: Sequence[Record]) -> Iterator[Problem]:
    """The format that dataset.json names, and what it counts, against the manifest."""
    name = layout.dataset.name
    if data.get("format") != FORMAT:
        yield Problem(name, f"should have the format {FORMAT!r} but has {data.get('format')!r}")
    counts = data.get("counts")
    counts = counts if isinstance(counts, dict) else {}
    for key, value in asdict(counts_of(records)).items():
        if counts.get(key) != value:
            yield Problem(name, f"counts {counts.get(key)} {key} but the manifest lists {value}")


def _dataset_file(layout: SetLayout, spec: DatasetSpec, records: list[Record]) -> Iterator[Problem]:
    name = layout.dataset.name
    data = read_dataset_file(layout, "run rdharmony compose")
    yield from check_summary(layout, data, records)
    if data.get("spec") != msgspec.json.decode(encode(published(spec))):
        yield Problem(name, f"its spec should equal {layout.spec.relative_to(layout.root)} but differs")
    planned = sum(views_of(spec, category) for category in spec.categories)
    if len(records) != planned:
        yield Problem(layout.manifest.name, f"should list {planned} views as planned but lists {len(records)}")


def check_labels(layout: SetLayout, spec: DatasetSpec, records: list[ViewRecord]) -> Iterator[Problem]:
    """Label files against the manifest, read with the loader of training; one that cannot be read counts once."""
    wanted = {t.composite: (t, r) for r in records for t in r.triplets}
    listed: set[str] = set()
    length = label_length(spec)
    for category in sorted({r.view.category for r in records}):
        file = layout.labels(rdharmony.CATEGORY_FOLDERS[category])
        name = file.relative_to(layout.root).as_posix()
        lines, problem = _lines(layout, file)
        if problem:
            yield problem
            wanted = {path: found for path, found in wanted.items() if found[1].view.category != category}
        for number, text in enumerate(lines, 1):
            try:
                line = rdharmony.parse_label_line(text, f"line {number}")
            except DatasetError as error:
                yield Problem(name, str(error))
                continue
            path = str(line.composite)
            if path in listed:
                yield Problem(name, f"line {number} names {path} a second time")
            listed.add(path)
            if path not in wanted:
                yield Problem(name, f"line {number} names {path}, which the manifest does not list")
                continue
            triplet, record = wanted[path]
            if max(triplet.bg_style, triplet.fg_style) > length or len(line.style_soft) != length:
                yield Problem(name, f"line {number} should be of styles 1 to {length} with a label for each but is not")
                continue
            soft = rdharmony.soft_label(triplet.bg_style, triplet.fg_style, record.view.fg_ratio, length)
            if (
                line.style_hard != triplet.bg_style
                or max(abs(a - b) for a, b in zip(soft, line.style_soft, strict=True)) > 1e-5
            ):
                yield Problem(name, f"line {number} should hold the labels of {path} but holds others")
    for path in sorted(set(wanted) - listed):
        yield Problem(path, "is in no label file")


def _subset_lists(layout: SetLayout, spec: DatasetSpec, records: list[ViewRecord]) -> Iterator[Problem]:
    """The bare names of each category and split, which loaders of single subsets read, in any order."""
    for file, wanted in list_files(layout, spec, records).items():
        if file.parent == layout.root:
            continue  # lists of the whole set are looked at with the splits
        name = file.relative_to(layout.root).as_posix()
        lines, problem = _lines(layout, file)
        if problem:
            yield problem
        elif sorted(lines) != sorted(wanted):
            extra, missing = sorted(set(lines) - set(wanted)), sorted(set(wanted) - set(lines))
            what = f"names {extra[0]}" if extra else f"lacks {missing[0]}" if missing else "names a composite twice"
            yield Problem(name, f"should list the {len(wanted)} composites of its split but {what}")


def check_splits(layout: SetLayout, spec: DatasetSpec, records: list[ViewRecord]) -> Iterator[Problem]:
    """Every composite in exactly one split, and no 3D scene in two; a file that cannot be read counts once."""
    where: dict[str, str] = {}
    unread = set()
    for split in SPLITS:
        lines, problem = _lines(layout, split_list(layout, spec, split))
        if problem:
            yield problem
            unread.add(split)
        for path in lines:
            if path in where:
                yield Problem(path, f"should be in one split but is in {where[path]} and {split}")
            where[path] = split
    scenes: dict[tuple[str, int], set[str]] = {}
    for record in records:
        view = record.view
        if view.split != split_of(spec, view.scene):
            yield Problem(
                view.mask, f"scene {view.scene} belongs to {split_of(spec, view.scene)} but is in {view.split}"
            )
        for triplet in record.triplets:
            found = where.pop(triplet.composite, None)
            if found is None and view.split in unread:
                continue
            scenes.setdefault((view.scene, view.variation), set()).add(found or "none")
            if found != view.split:
                yield Problem(triplet.composite, f"should be in the split {view.split} but is in {found or 'none'}")
    for (scene, variation), splits in scenes.items():
        if len(splits) > 1:
            yield Problem(
                "splits", f"the scene {scene}_{variation:02d} is in several splits: {', '.join(sorted(splits))}"
            )
    for path in where:
        yield Problem(path, "is in a split but not in the manifest")


def _lines(layout: SetLayout, file: Path) -> tuple[list[str], Problem | None]:
    """Lines of a text file of the set, or none and what is wrong with it."""
    name = file.relative_to(layout.root).as_posix()
    try:
        if not file.is_file() and file.exists():
            return [], Problem(name, "should be a text file but is not; remove it and run rdharmony compose")
        if file.stat().st_size > MAX_LIST:
            return [], Problem(name, f"is larger than any list, {MAX_LIST} bytes; run rdharmony compose")
        lines = file.read_text(encoding="utf-8").splitlines()
        if any(len(line) > MAX_TEXT_LINE for line in lines):
            return [], Problem(name, f"has a line of more than {MAX_TEXT_LINE} characters; run rdharmony compose")
        return lines, None
    except UnicodeDecodeError:
        return [], Problem(name, "should be UTF-8 text but is not; run rdharmony compose")
    except OSError as error:
        return [], Problem(name, f"could not be read ({error.strerror}); run rdharmony compose")


def _strays(layout: SetLayout, spec: DatasetSpec, records: list[Record]) -> Iterator[Problem]:
    """Everything below the root that neither the manifest nor the layout knows, and credits that are missing.

    A folder without any place in the set is named once; `report/`, the program's own state and the folders of kept
    renders are not looked into. What views that failed left is no stray: the next run takes it up.
    """
    if not layout.credits.is_file():
        yield Problem(layout.credits.name, "is missing, and the assets' licences ask for it; run rdharmony compose")
    ids = [job_id for _, _, job_id in job_ids(spec)]
    whole = {
        layout.report,
        layout.state,
        layout.linear,
        *(layout.renders(i) for i in ids),
        *_of_missing_views(layout, spec, records),
    }
    files = {layout.spec, layout.dataset, layout.manifest, layout.failures, layout.credits}
    files |= {layout.job(i) for i in ids} | set(list_files(layout, spec, []))
    files |= {layout.root / name for r in records for name in files_of(r)}
    yield from check_strays(layout.root, files, whole)


def check_strays(root: Path, files: set[Path], whole: set[Path]) -> Iterator[Problem]:
    """Everything below `root` that is neither one of `files` nor in the way to them; `whole` is not looked into."""
    folders = {parent for path in files | whole for parent in path.parents}
    todo = [root]
    while todo:
        for path in sorted(todo.pop().iterdir()):
            if path in folders and path.is_dir():
                todo.append(path)
            elif path not in files and path not in whole:
                name = path.relative_to(root).as_posix()
                yield Problem(name, "is not in the manifest and has no place in the layout; remove it")


def _of_missing_views(layout: SetLayout, spec: DatasetSpec, records: list[Record]) -> Iterator[Path]:
    """Pictures (or folders of frames) that planned views would have which the manifest does not list."""
    styles = [style.style_id for style in styles_of(spec)]
    listed = {_job_id(record) for record in records}
    for job_id in (job_id for _, _, job_id in job_ids(spec) if job_id not in listed):
        folder, _, scene_id = job_id.partition("/")
        still = ViewNames(spec.layout, folder, scene_id, f".{spec.format}")
        names = ClipNames(folder, scene_id) if spec.clip else still
        found = [names.alpha(), *(names.real(style) for style in styles)]
        found += [names.composite(*pair) for pair in permutations(styles, 2)]
        if isinstance(names, ClipNames):
            found += [names.mask(*pair) for pair in permutations(styles, 2)]
        else:
            found += [*map(names.mask, styles), *(names.alpha(n) for n in range(1, MOST_SUBJECTS + 1))]
        yield from (layout.root / name for name in found)
