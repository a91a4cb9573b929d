# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose works the pictures of a set show: those of the package, and files of the user's own by name and digest.

What is published (dataset.json, manifest.jsonl, CREDITS.md, packs) names the user's files without the folders they lie
in; the jobs alone hold whole paths, because workers have to find the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from rdharmony_gen.library import Asset, assets
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.records import Record, asset_ids
from rdharmony_gen.spec.styles import Hdri, Style
from rdharmony_gen.spec.user_files import UserCharacter, UserFile

NOT_STATED = "NOASSERTION"
"""SPDX's word for a licence that nobody has stated."""
OURS = "made for this project"
"""How the author of such a work begins."""


def used_assets(records: Sequence[Record], spec: DatasetSpec) -> list[Asset]:
    """Works that some view shows: of the library in its order, then the user's characters, scenes, skies."""
    hdris = {published_name(real.condition.hdri) for r in records for real in r.reals}
    names = {name for r in records for name in asset_ids(r.view)} | hdris
    scenes = {r.view.scene for r in records}
    skies = [s for s in spec.own_styles if isinstance(s, Hdri) and published_name(s.hdri) in hdris]
    own = [
        *(_own(c.asset_id, c) for c in spec.characters if c.asset_id in names),
        *(_own(f"user:{s.name}", s) for s in spec.user_scenes if s.name in scenes),
        *(_sky(s) for s in skies if s.hdri != published_name(s.hdri)),
    ]
    return [*(a for a in assets() if a.id in names), *{a.id: a for a in own}.values()]


def credits_text(used: Sequence[Asset]) -> str:
    """Attribution of everything that is in the pictures, as Markdown."""
    lines = ["# Credits", "", "These pictures show the following works, changed by lighting, posing and framing.", ""]
    lines += [f"- {_named(a)}{_by(a)}, {a.licence}; {a.source}" for a in used]
    if any(a.licence == NOT_STATED for a in used):
        lines += [
            "",
            f"{NOT_STATED}: a file of the maker of this set, who has not said under which terms it may be shown.",
        ]
    return "\n".join(lines) + "\n"


def _named(asset: Asset) -> str:
    """Title and id of a work; many have no title."""
    return f"*{asset.title}* (`{asset.id}`)" if asset.title else f"`{asset.id}`"


def _by(asset: Asset) -> str:
    """Whose work it is, after the name; "made for this project" is no author's name, and is said once."""
    if asset.author == OURS and asset.source.startswith(OURS):
        return ""
    return f", {asset.author}" if asset.author.startswith(OURS) else f" by {asset.author}"


def published(spec: DatasetSpec) -> DatasetSpec:
    """A recipe without the folders of the user's files."""
    return replace(
        spec,
        own_styles=tuple(published_style(s) for s in spec.own_styles),
        characters=tuple(replace(c, path=published_name(c.path)) for c in spec.characters),
        user_scenes=tuple(replace(s, path=published_name(s.path)) for s in spec.user_scenes),
    )


def published_style(style: Style) -> Style:
    """A style without the folder of its panorama."""
    return msgspec.structs.replace(style, hdri=published_name(style.hdri)) if isinstance(style, Hdri) else style


def published_condition(condition: ConditionSpec) -> ConditionSpec:
    """A condition without the folder of its panorama."""
    return replace(condition, hdri=published_name(condition.hdri))


def published_name(path: str) -> str:
    """Last part of a path; ids of assets are their own."""
    return Path(path).name


def _own(asset_id: str, file: UserFile) -> Asset:
    credit = file.credit
    return Asset(
        id=asset_id,
        title=credit.title or file.name,
        file=published_name(file.path),
        kind="character" if isinstance(file, UserCharacter) else "scene",
        category=file.category if isinstance(file, UserCharacter) else "scene",
        licence=credit.licence or NOT_STATED,
        author=credit.author or "an author not stated",
        source=credit.source or _own_source(file.path, file.sha256),
        sha256=file.sha256,
        bytes=0,
    )


def _sky(style: Hdri) -> Asset:
    name = published_name(style.hdri)
    source = _own_source(style.hdri, style.sha256)
    return Asset(name, name, name, "hdri", "sky", NOT_STATED, "an author not stated", source, style.sha256, 0)


def _own_source(path: str, sha256: str) -> str:
    return f"own file {published_name(path)}, SHA-256 {sha256[:16]}..."
