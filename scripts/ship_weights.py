# SPDX-License-Identifier: Apache-2.0
"""Trained runs to the weights that come with the package, their numbers and card, and what tests recompute of them.

    python scripts/ship_weights.py runs/charmnet_hr runs/charmnet_256 --rendered out --photographic triplets

Both sets are held-out triplets in files: of `rdharmony make` and of `harmonize make-real`. Of each run the best of its
networks is taken. It is written in the first way of storing weights that costs at most 0.1 dB and fits the size; a
network that leaves the error larger than it was, in either domain, is not written. Every number in the card is measured
with the written files.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from shipped_pages import card, write_pictures, write_slice

from harmonize_core.benchmark.shipped import findings_of
from harmonize_core.checkpoint import Checkpoint, load_model, save_model
from harmonize_core.errors import CheckpointError, HarmonizeError
from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.quality import Branches, measure
from harmonize_core.evaluate.quality_page import as_facts, markdown, write_sheets
from harmonize_core.formats.images import write_text
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.onnx_weights import Precision
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.shipped import SUMS, WEIGHTS, branch_file, facts_of
from harmonize_core.infer.shipping import DOMAINS, exported, write_weights
from harmonize_core.runtime import open_harmonizer
from harmonize_core.train.state import checkpoints

ROOT = Path(__file__).parents[1]

STORED: dict[str, tuple[Precision, ...]] = {"charmnet_hr": ("fp16", "fp32"), "charmnet_256": ("int6", "int7")}
"""Ways of storing weights, the wanted one first."""

WITH_CHECKPOINT = ("charmnet_hr",)
"""Networks whose checkpoint comes along; for others there is no room."""

MOST_LOST = 0.1
"""dB of PSNR, mean over held-out pictures, that storing weights in fewer bits may cost in a domain."""

LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class Options:
    """What is shipped, and what it is measured on."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders of training runs, each of another network."""
    rendered: Path
    """Root of held-out rendered triplets."""
    photographic: Path
    """Root of held-out photographic triplets, with its photos.csv."""
    against: tuple[Path, ...] = ()
    """Runs or weights of other networks for the tables."""
    limit: int = 150
    """Triplets of each domain that are measured, drawn from all scenes and photographs; 0: all."""
    choose: int = 24
    """Triplets of each domain by which a run's networks and ways of storing them are compared."""
    megabytes: float = 12.0
    """All shipped files together, in millions of bytes."""
    weights: Path = WEIGHTS
    """Folder of shipped weights."""
    tests: Path = ROOT / "tests" / "data" / "shipped"
    """Folder of the slice."""
    pages: Path = ROOT / "docs" / "models"
    """Folder of the card; its pictures go to images/ in it."""


def main(options: Options) -> None:
    """Ship each run in turn.

    Raises:
        CheckpointError: a network that may not be shipped.
    """
    roots = (options.rendered, options.photographic)
    few, every = ([HeldOut.of(root, limit=limit) for root in roots] for limit in (options.choose, options.limit))
    for run in options.runs:
        file, among = best_of(run, few)
        checkpoint = load_model(file)
        scores = removed(torch_branches(checkpoint), every)
        told(f"{checkpoint.name}: {file}, {', '.join(f'{d} {v:.1%} removed' for d, v in scores.items())} at 256")
        refuse_worse(checkpoint.name, scores)
        chosen = {"chosen_among": among, "held_out": {h.domain: listed(h) for h in few}}
        precision = store(checkpoint, {**facts_of_run(checkpoint, file), **chosen}, few, options)
        page = describe(checkpoint.name, every, options)
        told(f"{checkpoint.name}: stored as {precision}, described in {page}")
    write_pictures(options.tests, every)
    for network in sorted(options.weights.glob("*.json")):
        write_slice(options.tests, network.stem, opened(network))
    total = sum(f.stat().st_size for f in options.weights.iterdir())
    told(f"{options.weights}: {total / 1e6:.2f} MB of {options.megabytes:g}")


def describe(name: str, sets: Sequence[HeldOut], options: Options) -> Path:
    """Measure what was written; its card, sheets and numbers."""
    weights = options.weights / f"{name}.json"
    own = opened(weights)
    findings = findings_of(own, sets, options.against, say=told)
    write_text(options.pages / f"{name}_quality.json", json.dumps(as_facts(findings), indent=1) + "\n")
    sheets = write_sheets(findings, own, options.pages / "images", name)
    page = options.pages / f"{name}_card.md"
    card(page, facts_of(weights), markdown(findings), sheets, {h.domain: h for h in sets}, command=sys.argv)
    return page


def told(line: str) -> None:
    """Seen at once, also in a file."""
    print(line, flush=True)


def best_of(run: Path, sets: Sequence[HeldOut]) -> tuple[Path, int]:
    """The weights of a run that remove most, mean over the domains, and among how many they are.

    Raises:
        CheckpointError: the run holds no weights.
    """
    folders = [run, run / "best", *checkpoints(run)]
    files = {f.read_bytes(): f for folder in reversed(folders) if (f := folder / "model.safetensors").is_file()}
    if not files:
        raise CheckpointError(f"{run} should be the folder of a training run but holds no model.safetensors")
    found = {file: sum(removed(torch_branches(load_model(file)), sets).values()) for file in files.values()}
    return max(found, key=lambda file: found[file]), len(found)


def torch_branches(checkpoint: Checkpoint) -> Branches:
    """A checkpoint run by PyTorch."""
    return {domain: Predictor.from_checkpoint(checkpoint, domain=domain) for domain in DOMAINS}


def opened(card_file: Path) -> Branches:
    """Shipped files, as `harmonize_core.load` opens them."""
    found: dict[Domain, Predictor] = {}
    for domain in DOMAINS:
        with branch_file(card_file, domain) as file:
            found[domain] = Predictor(open_harmonizer(file))
    return found


def removed(branches: Branches, sets: Sequence[HeldOut]) -> dict[Domain, float]:
    """Share of the composites' fMSE that is removed at 256x256, by domain."""
    return {m.held_out.domain: m.standing().removed for m in measure({"own": branches}, sets, ["256"])}


def psnr(branches: Branches, sets: Sequence[HeldOut]) -> dict[Domain, float]:
    """Mean PSNR at 256x256, by domain."""
    return {m.held_out.domain: m.standing().psnr for m in measure({"own": branches}, sets, ["256"])}


def refuse_worse(name: str, scores: dict[Domain, float]) -> None:
    """Raises: CheckpointError where a network leaves more error than there was."""
    worse = [f"{domain} {share:.1%}" for domain, share in scores.items() if not share > 0]
    if worse:
        raise CheckpointError(
            f"{name} should remove error but leaves more than there was ({', '.join(worse)} removed); train it further"
        )


def store(checkpoint: Checkpoint, facts: dict[str, Any], sets: Sequence[HeldOut], options: Options) -> str:
    """Write the weights in the first way that is good and small enough; which one.

    Raises:
        CheckpointError: there is none.
    """
    exact, tried = psnr(torch_branches(checkpoint), sets), []
    others = [f for f in options.weights.glob("*") if not f.name.startswith(checkpoint.name) and f.name != SUMS]
    room = options.megabytes * 1e6 - sum(f.stat().st_size for f in others)
    wanted: tuple[Precision, ...] = STORED.get(checkpoint.name, ("fp16", "fp32"))
    for precision in wanted:
        packed = {"compress": precision.startswith("int"), "checkpoint": bytes_of(checkpoint, precision != "fp32")}
        branches = exported(checkpoint, precision)
        with tempfile.TemporaryDirectory() as folder:
            paths = write_weights(Path(folder), checkpoint.name, branches, facts, **packed)
            size = sum(path.stat().st_size for path in paths)
            stored = psnr(opened(Path(folder, f"{checkpoint.name}.json")), sets)
        lost = {domain: exact[domain] - stored[domain] for domain in exact}
        tried.append(f"{precision}: {size / 1e6:.2f} MB, {max(lost.values()):.3f} dB")
        told(f"{checkpoint.name} as {tried[-1]}")
        if max(lost.values()) <= MOST_LOST and size <= room:
            cost = {"stored": precision, "lost_db": {d: round(v, 4) for d, v in lost.items()}}
            write_weights(options.weights, checkpoint.name, branches, {**facts, **cost}, **packed)
            return precision
    raise CheckpointError(
        f"{checkpoint.name} should lose at most {MOST_LOST:g} dB in {room / 1e6:.2f} MB but does not "
        f"({'; '.join(tried)}); ship fewer networks"
    )


def bytes_of(checkpoint: Checkpoint, half: bool) -> bytes | None:
    """The checkpoint that comes along, if there is room for it."""
    if checkpoint.name not in WITH_CHECKPOINT:
        return None
    kept = {key: text for key, text in checkpoint.provenance.items() if not key.startswith("fmse")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.safetensors")
        provenance = {**kept, "licence": LICENCE}
        save_model(file, checkpoint.model, checkpoint.name, config=checkpoint.config, provenance=provenance, half=half)
        return file.read_bytes()


def facts_of_run(checkpoint: Checkpoint, file: Path) -> dict[str, Any]:
    """Where weights come from, without names of this machine's folders."""
    known = checkpoint.provenance
    config = json.loads(known.get("config", "{}"))
    data = {domain: digest_of_tree(file, config.get(domain)) for domain in DOMAINS}
    for key in ("run", "rendered", "photographic", "data"):
        value = config.get(key)
        config[key] = {**value, "cache": None} if isinstance(value, dict) else Path(value).name if value else None
    return {
        "licence": LICENCE,
        "step": int(known.get("step", 0)),
        "training_data": known.get("training_data", ""),
        "training_code": known.get("git", ""),
        "training_config": config,
        "training_files": {domain: value for domain, value in data.items() if value},
        "trained_weights_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        **({"averaged": known["averaged"]} if "averaged" in known else {}),
    }


def digest_of_tree(weights: Path, name: str | None) -> dict[str, Any] | None:
    """Number and SHA-256 of names and sizes of the files that were trained on, where they are still there."""
    if not name:
        return None
    root = next((r for parent in [Path(), *weights.parents] if (r := parent / name).is_dir()), None)
    if root is None:
        return None
    files = sorted(path for path in root.rglob("*") if path.is_file())
    lines = "".join(f"{path.relative_to(root).as_posix()}\t{path.stat().st_size}\n" for path in files)
    return {"files": len(files), "names_and_sizes_sha256": hashlib.sha256(lines.encode()).hexdigest()}


def listed(held_out: HeldOut) -> dict[str, Any]:
    """What held-out pictures were used to choose, by the digest of their list."""
    lines = "".join(f"{t.composite.relative_to(held_out.root).as_posix()}\n" for t in held_out.triplets)
    return {"pictures": len(held_out.triplets), "list_sha256": hashlib.sha256(lines.encode()).hexdigest()}


if __name__ == "__main__":
    try:
        main(tyro.cli(Options, description=__doc__))
    except HarmonizeError as error:
        sys.exit(f"ship_weights: {error}")
