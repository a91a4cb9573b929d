# SPDX-License-Identifier: GPL-3.0-or-later
"""The dataset card: README.md with the front matter that dataset hubs read, and what a person wants to know first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from rdharmony_gen.library import Asset
from rdharmony_gen.pack.samples import Sample
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.records import ViewRecord

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
HUB_SPLITS = {"train": "train", "val": "validation", "test": "test"}


class ShardFacts(Protocol):
    """What the card says about a shard."""

    @property
    def split(self) -> str: ...
    @property
    def samples(self) -> int: ...
    @property
    def bytes(self) -> int: ...


def card_text(
    spec: DatasetSpec,
    records: Sequence[ViewRecord],
    samples: Sequence[Sample],
    shards: Sequence[ShardFacts],
    used: Sequence[Asset],
) -> str:
    """The card as Markdown; the same pack gives the same text."""
    splits = {s: [x for x in shards if x.split == s] for s in HUB_SPLITS if any(x.split == s for x in shards)}
    total = sum(x.samples for x in shards)
    first = next(iter(splits))
    fields = [field for field, _, _ in samples[0].files]
    packed = [r for r in records if r.view.split in splits]
    lines = [
        _front_matter(list(splits), total),
        f"# {', '.join(spec.categories)} under {len(spec.styles)} lights",
        "",
        f"{total} triplets for image harmonization, rendered by rdharmony: {len(packed)} camera views of "
        f"{len({r.view.scene for r in packed})} kinds of places, {spec.width} x {spec.height} pixels. In a composite "
        "the foreground was rendered under another light than the background; the real image has both under one.",
        "",
        "| split | triplets | shards | bytes |",
        "|---|---|---|---|",
        *(
            f"| {s} | {sum(x.samples for x in own)} | {len(own)} | {sum(x.bytes for x in own)} |"
            for s, own in splits.items()
        ),
        "",
        "A kind of place is in one split only. Samples of a shard are shuffled, once and for all.",
        "",
        "## Load",
        "",
        "```python",
        "import webdataset as wds",
        "",
        f'shards = "{first}-{{000000..{len(splits[first]) - 1:06d}}}.tar"',
        f"fields = ({', '.join(repr(f) for f in [*fields, 'json'])})".replace("'", '"'),
        'dataset = wds.WebDataset(shards, shardshuffle=False).decode("rgb8").to_tuple(*fields)',
        "for composite, mask, real, facts in dataset:",
        "    ...",
        "```",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        f'files = {{"{first}": "{first}-*.tar"}}',
        f'triplets = load_dataset("webdataset", data_files=files, split="{first}", streaming=True)',
        "```",
        "",
        "`sha256sum -c SHA256SUMS` checks the shards; `index.json` lists them with their sizes.",
        "",
        "## Fields",
        "",
        "| member | |",
        "|---|---|",
        f"| `{fields[0]}` | background of style A with the foreground of style B, 8-bit sRGB |",
        "| `mask.png` | where the foreground covers half of the pixel or more: 0 or 255 |",
        f"| `{fields[2]}` | the whole view under style A |",
        "| `json` | ids, style numbers and names, soft style label, foreground ratio, exposure, assets and licences |",
        "",
        "## Contents",
        "",
        *_counts("category", Counter(r.view.category for r in packed)),
        *_counts("place", Counter(r.view.scene for r in packed)),
        "## Licences",
        "",
        "The pictures show the works listed in CREDITS.md, which names authors and sources:",
        "",
        *(f"- {licence}: {count} works" for licence, count in sorted(Counter(a.licence for a in used).items())),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _front_matter(splits: list[str], total: int) -> str:
    files = "\n".join(f'  - split: {HUB_SPLITS[s]}\n    path: "{s}-*.tar"' for s in splits)
    size = next((word for bound, word in SIZES if total < bound), "n>10M")
    return f"""---
license: other
license_name: see-credits
license_link: CREDITS.md
task_categories:
- image-to-image
tags:
- image-harmonization
- image-compositing
- synthetic
- webdataset
size_categories:
- {size}
configs:
- config_name: default
  data_files:
{files}
---
"""


def _counts(word: str, counts: Counter[str]) -> list[str]:
    rows = [f"| {name.replace('_', ' ')} | {count} |" for name, count in sorted(counts.items())]
    return [f"| {word} | views |", "|---|---|", *rows, ""]
