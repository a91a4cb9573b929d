# SPDX-License-Identifier: Apache-2.0
"""Triplets in WebDataset shards, as `rdharmony pack` writes them: pictures are read in place from tar files.

Members `<key>.composite.jpg`, `<key>.mask.png`, `<key>.real.jpg` and, optionally, `<key>.json` with `style_soft`,
`style_hard` and `scene_id`; suffixes may differ. `train-000000.tar` belongs to the split train. The headers of a shard
are walked once; `.harmonize-index.json` beside the shards keeps what was found, where that may be written.
Nothing is unpacked, links and devices are passed over.
"""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

from harmonize_core.errors import DatasetError, OutputError
from harmonize_core.formats import rdharmony
from harmonize_core.formats.images import write_text
from harmonize_core.formats.member import Member
from harmonize_core.formats.triplet import TripletPaths

INDEX = ".harmonize-index.json"
FORMAT = "harmonize-shards/1"
PICTURES = ("composite", "mask", "real")
MAX_JSON = 2**20
"""Longer facts of a sample are refused, in bytes."""


def is_layout(root: Path) -> bool:
    """Whether `root` holds tar files."""
    return any(Path(root).glob("*.tar"))


def splits(root: Path) -> list[str]:
    """Names of the splits that have shards, sorted."""
    return sorted({_split_of(shard) for shard in Path(root).glob("*.tar")})


def list_triplets(root: Path, split: str | None = None) -> list[TripletPaths]:
    """All triplets of `split` (None: of every shard), in the order of the shards.

    Raises:
        DatasetError: no such shards, a shard that is cut off or compressed, a sample that lacks a picture, or a pack
            that was not finished.
    """
    root = Path(root)
    shards = [s for s in sorted(root.glob("*.tar")) if split in (None, _split_of(s))]
    if not shards:
        raise DatasetError(f"{root} should hold {split or ''}-000000.tar; splits found: {', '.join(splits(root))}")
    _refuse_unfinished(root)
    known = _stored(root)
    fresh = {s.name: known[s.name] if _is_current(known.get(s.name), s) else _walk(s) for s in shards}
    if any(known.get(name) is not entry for name, entry in fresh.items()):
        try:
            write_text(root / INDEX, json.dumps({"format": FORMAT, "shards": {**known, **fresh}}))
        except OutputError:  # shards are often on disks that may only be read
            pass
    return [_triplet(shard, sample) for shard in shards for sample in fresh[shard.name]["samples"]]


def _split_of(shard: Path) -> str:
    return re.sub(r"[-_]?\d+$", "", shard.stem) or shard.stem


def _walk(shard: Path) -> dict[str, Any]:
    """Size and time of a shard and what it holds: {key, picture: [name, offset, bytes], ..., facts}, by its headers."""
    samples: dict[str, dict[str, Any]] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for info in tar:
                if not info.isreg() or info.issparse():
                    continue
                name = PurePosixPath(info.name)
                first, _, field = name.name.partition(".")
                sample = samples.setdefault(str(name.parent / first), {"key": str(name.parent / first)})
                kind = field.partition(".")[0].lower()
                if kind in PICTURES:
                    sample[kind] = [info.name, info.offset_data, info.size]
                elif kind == "json":
                    sample["facts"] = _facts(tar, info, shard)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DatasetError(f"{shard} is no whole, uncompressed tar file ({error}); copy or unpack it again") from error
    whole = [sample for sample in samples.values() if any(kind in sample for kind in PICTURES)]
    for sample in whole:
        missing = [kind for kind in PICTURES if kind not in sample]
        if missing:
            raise DatasetError(
                f"{shard} should hold {sample['key']}.{missing[0]}.png or .jpg but does not; pack it again"
            )
    status = shard.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "samples": whole}


def _facts(tar: tarfile.TarFile, info: tarfile.TarInfo, shard: Path) -> dict[str, Any]:
    """What a sample's JSON says of the things that matter here."""
    if info.size > MAX_JSON:
        raise DatasetError(f"{shard} holds {info.name} of {info.size} bytes, more than the {MAX_JSON} allowed")
    file = tar.extractfile(info)
    try:
        facts = json.loads(file.read() if file else b"null")
    except ValueError as error:
        raise DatasetError(f"{shard} should hold JSON in {info.name} but does not ({error}); pack it again") from error
    return _kept(facts)


def _kept(facts: Any) -> dict[str, Any]:
    """Group and style labels; what is not as `rdharmony pack` writes it is left out."""
    if not isinstance(facts, dict):
        return {}
    soft, hard, scene = (facts.get(name) for name in ("style_soft", "style_hard", "scene_id"))
    kept: dict[str, Any] = {"scene_id": scene} if isinstance(scene, str) else {}
    numbers = isinstance(soft, list) and all(isinstance(v, int | float) and 0 <= v <= 1 for v in soft)
    if numbers and isinstance(hard, int) and rdharmony.STYLE_COUNT <= len(soft) and 1 <= hard <= len(soft):
        kept |= {"style_soft": soft, "style_hard": hard}
    return kept


def _triplet(shard: Path, sample: dict[str, Any]) -> TripletPaths:
    facts = _kept(sample.get("facts"))
    soft = facts.get("style_soft")
    composite, mask, real = (Member(shard, *sample[kind]) for kind in PICTURES)
    return TripletPaths(
        composite=composite,
        mask=mask,
        real=real,
        domain="rendered" if soft else "photographic",
        group=rdharmony.place_of(facts["scene_id"]) if "scene_id" in facts else sample["key"],
        style_soft=tuple(soft) if soft else None,
        style_hard=facts.get("style_hard"),
    )


def _stored(root: Path) -> dict[str, Any]:
    """Entries of an index that is there and well formed, by shard; else none: it is only a copy of what shards say."""
    try:
        index = json.loads((root / INDEX).read_text(encoding="utf-8"))
        entries = index["shards"] if index["format"] == FORMAT else {}
        return {name: entry for name, entry in entries.items() if _is_well_formed(entry)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_well_formed(entry: dict[str, Any]) -> bool:
    for sample in entry["samples"]:
        for kind in PICTURES:
            name, offset, size = sample[kind]
            inside = (
                isinstance(offset, int) and isinstance(size, int) and 0 <= offset <= offset + size <= entry["bytes"]
            )
            if not isinstance(name, str) or not inside:
                return False
        if not isinstance(sample["key"], str):
            return False
    return True


def _is_current(entry: dict[str, Any] | None, shard: Path) -> bool:
    status = shard.stat()
    return entry is not None and (entry["bytes"], entry.get("mtime_ns")) == (status.st_size, status.st_mtime_ns)


def _refuse_unfinished(root: Path) -> None:
    try:
        index = json.loads((root / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # packed by something else
    if isinstance(index, dict) and index.get("complete") is False:
        raise DatasetError(f"{root} was not packed to its end; run the same `rdharmony pack` again")
