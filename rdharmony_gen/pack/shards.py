# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the shards: which sample goes where follows from sizes alone, so a killed pack goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from harmonize_core.errors import ConfigError, DatasetError, HarmonizeError, InputError, OutputError
from harmonize_core.formats.images import atomic_path, write_text
from harmonize_core.formats.lock import exclusive
from rdharmony_gen.compose.collect import SPLITS
from rdharmony_gen.compose.credits import credits_text, used_assets
from rdharmony_gen.compose.view import sha256_of
from rdharmony_gen.pack.card import card_text
from rdharmony_gen.pack.samples import Sample, facts_text, samples_of
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.codec import decode, encode
from rdharmony_gen.spec.dataset import DatasetSpec, label_length
from rdharmony_gen.spec.layout import inside
from rdharmony_gen.spec.records import read_manifest
from rdharmony_gen.validate.checks import refuse_large

FORMAT = "rdharmony-pack/1"
BLOCK = 512
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
SHARD_BYTES = (10**4, 10**12)
FactsOf = Callable[[Sample], bytes]
_OWN = re.compile(r"(train|val|test)-\d{6}\.tar|README\.md|CREDITS\.md|SHA256SUMS|index\.json|\..*")


@dataclass(frozen=True)
class Shard:
    """One line of the index."""

    file: str
    split: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """`index.json`: what the pack was made from, whether it is whole, and its shards."""

    format: str
    manifest_sha256: str
    shard_bytes: int
    splits: tuple[str, ...]
    complete: bool
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class _Planned:
    file: str
    samples: Sequence[Sample]
    bytes: int


def parse_bytes(text: str) -> int:
    """`"500MB"` to bytes; KB, MB, GB count in thousands, KiB, MiB, GiB in 1024s.

    Raises:
        ConfigError: not of this form, or outside 10 kB to 1 TB.
    """
    match = re.fullmatch(r"(\d{1,15})\s*([KMG]I?B)?", text.strip().upper())
    size = int(match[1]) * UNITS[match[2] or ""] if match else 0
    if not SHARD_BYTES[0] <= size <= SHARD_BYTES[1]:
        raise ConfigError(f"--shard-size should read like 500MB or 2GiB, from 10KB to 1000GB, but reads {text!r}")
    return size


def pack(root: Path, packed: Path, *, shard_bytes: int, splits: Sequence[str] = (), quiet: bool = True) -> Index:
    """Write the shards of the set at `root`, their index and the dataset card into the folder `packed`.

    Called again after any interruption it goes on with the next shard. Every file is compared with its checksum in
    the manifest on the way.

    Args:
        root: A composed set.
        packed: Folder for the pack; made if it is not there.
        shard_bytes: A shard is closed before it grows beyond this; it holds one sample at least.
        splits: Of train, val, test; all that are not empty if none is given.
        quiet: Show no progress.

    Raises:
        InputError: there is no set, or a picture is missing.
        DatasetError: a picture was changed after it was made, or the chosen splits hold nothing.
        ConfigError: a split does not exist.
        OutputError: `packed` holds something else, another run is at work there, or the disk is too small.
    """
    layout, spec = existing(root)
    if spec.clip:
        raise ConfigError(
            f"{root} holds clips, and packs hold stills only; share its folder as it is, for instance as a tar"
        )
    for name in splits:
        if name not in SPLITS:
            raise ConfigError(f"--split should be of {', '.join(SPLITS)} but is {name!r}")
    records = read_manifest(layout.manifest)
    used = used_assets(records, spec)
    samples = samples_of(spec, records)
    facts = functools.partial(
        facts_text, styles=label_length(spec), licences={a.id: a.licence for a in used if a.licence}
    )
    chosen = tuple(
        s for s in SPLITS if (not splits or s in splits) and any(r.view.split == s and r.triplets for r in records)
    )
    if not chosen:
        raise DatasetError(f"{root} should hold composites of {', '.join(splits or SPLITS)} but has none")
    _refuse_place(root, packed)
    with exclusive(packed / ".pack.lock", packed):
        _sweep(packed)
        start = Index(FORMAT, sha256_of(layout.manifest), shard_bytes, chosen, False, ())
        known = _known(packed, start)
        plan = [p for s in chosen for p in _plan(layout.root, spec, s, samples, facts, shard_bytes)]
        todo = [p for p in plan if p.file not in known]
        _refuse_full_disk(packed, todo)
        shards = {p.file: known[p.file] for p in plan if p.file in known}
        with tqdm(total=sum(len(p.samples) for p in todo), desc="pack", unit="triplet", disable=quiet) as bar:
            for planned in todo:
                digest = _write(packed / planned.file, layout.root, planned, facts, bar)
                split = planned.file.partition("-")[0]
                shards[planned.file] = Shard(planned.file, split, len(planned.samples), planned.bytes, digest)
                write_text(packed / "index.json", encode(_with(start, plan, shards, complete=False)))
        index = _with(start, plan, shards, complete=True)
        for path in packed.glob("*.tar"):
            if path.name not in shards:
                path.unlink()
        write_text(packed / "CREDITS.md", credits_text(used))
        write_text(packed / "SHA256SUMS", "".join(f"{s.sha256}  {s.file}\n" for s in index.shards))
        write_text(packed / "README.md", card_text(spec, records, samples, index.shards, used))
        write_text(packed / "index.json", encode(index))
        (packed / ".pack.lock").unlink(missing_ok=True)
    return index


def _plan(
    root: Path, spec: DatasetSpec, split: str, samples: Sequence[Sample], facts: FactsOf, shard_bytes: int
) -> list[_Planned]:
    """Fill shards in order; the sizes of the files decide where one ends."""
    plan: list[_Planned] = []
    current: list[Sample] = []
    size = 0
    sizes: dict[str, int] = {}  # a real image is in many samples
    for sample in (s for s in samples if s.record.view.split == split):
        files = sample.files
        for _, name, _ in files:
            if name not in sizes:
                sizes[name] = _member(_size(inside(root, name), spec))
        own = sum(sizes[name] for _, name, _ in files) + _member(len(facts(sample)))
        if current and _closed(size + own) > shard_bytes:
            plan.append(_Planned(f"{split}-{len(plan):06d}.tar", current, _closed(size)))
            current, size = [], 0
        current.append(sample)
        size += own
    return [*plan, _Planned(f"{split}-{len(plan):06d}.tar", current, _closed(size))]


def _member(size: int) -> int:
    """Bytes of a file in a tar: its header, its content, up to whole blocks."""
    return BLOCK + -(-size // BLOCK) * BLOCK


def _closed(size: int) -> int:
    """Bytes of a tar with that much in it: two empty blocks end it, and it is a whole number of records."""
    return -(-(size + 2 * BLOCK) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def _size(path: Path, spec: DatasetSpec) -> int:
    try:
        refuse_large(path, spec)
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); run rdharmony validate") from None


class _Hashed(io.RawIOBase):
    """Hands bytes on to a file and keeps their digest."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:  # type: ignore[override]
        self.digest.update(data)
        return self.file.write(data)


def _write(path: Path, root: Path, planned: _Planned, facts: FactsOf, bar: tqdm) -> str:
    """One shard, atomically; members carry no time, owner or order of a machine. Returns its SHA-256."""
    with atomic_path(path) as partial:
        with open(partial, "wb") as file:
            hashed = _Hashed(file)
            with tarfile.open(fileobj=hashed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for sample in planned.samples:
                    for field, name, sha256 in sample.files:
                        _add(tar, f"{sample.key}.{field}", _checked(inside(root, name), sha256))
                    _add(tar, f"{sample.key}.json", facts(sample))
                    bar.update()
        if partial.stat().st_size != planned.bytes:
            raise DatasetError(f"a picture of {path.name} changed while it was packed; run the same command again")
    return hashed.digest.hexdigest()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def _checked(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); run rdharmony validate") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DatasetError(f"{path} was changed after it was made; run rdharmony validate, which names all such files")
    return data


def _with(start: Index, plan: list[_Planned], shards: dict[str, Shard], *, complete: bool) -> Index:
    done = tuple(shards[p.file] for p in plan if p.file in shards)
    return Index(start.format, start.manifest_sha256, start.shard_bytes, start.splits, complete, done)


def _known(packed: Path, start: Index) -> dict[str, Shard]:
    """Shards of an earlier call that are whole, by name."""
    path = packed / "index.json"
    if not path.is_file():
        return {}
    try:
        old = decode(path, Index)
    except HarmonizeError:
        return {}
    if (old.manifest_sha256, old.shard_bytes, old.splits) != (start.manifest_sha256, start.shard_bytes, start.splits):
        raise OutputError(
            f"{packed} already holds the pack of another set or of other options; use another folder or empty it"
        )
    return {
        s.file: s
        for s in old.shards
        if _OWN.fullmatch(s.file) and (packed / s.file).is_file() and (packed / s.file).stat().st_size == s.bytes
    }


def _refuse_place(root: Path, packed: Path) -> None:
    if packed.resolve() == root.resolve() or root.resolve() in packed.resolve().parents:
        raise OutputError(f"{packed} lies inside the data set; choose a folder outside of it")
    if packed.exists() and not packed.is_dir():
        raise OutputError(f"{packed} should be a folder but is a file; choose another name")
    foreign = [p.name for p in sorted(packed.iterdir()) if not _OWN.fullmatch(p.name)] if packed.is_dir() else []
    if foreign:
        raise OutputError(f"{packed} should be empty or hold a pack but holds {foreign[0]!r}; choose an empty folder")


def _refuse_full_disk(packed: Path, todo: list[_Planned]) -> None:
    needed, free = sum(p.bytes for p in todo) + 2**20, shutil.disk_usage(packed).free
    if todo and needed > free:
        raise OutputError(
            f"the pack needs {needed / 1e9:.2f} GB but the disk of {packed} has {free / 1e9:.2f} GB free; make room"
        )


def _sweep(packed: Path) -> None:
    """Remove what a killed pack left half written."""
    for path in packed.glob(".*.partial*"):
        path.unlink(missing_ok=True)
