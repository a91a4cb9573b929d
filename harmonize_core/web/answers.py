# SPDX-License-Identifier: Apache-2.0
"""What the page can ask for: each call takes the query, the headers and the body, and gives an `Answer`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harmonize_core.errors import HarmonizeError, InputError
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.controls import Controls, apply_controls, baked
from harmonize_core.infer.look_files import save_look
from harmonize_core.runtime.look import Look
from harmonize_core.web import examples, steering
from harmonize_core.web.answer import Answer
from harmonize_core.web.desk import Desk, Steer
from harmonize_core.web.guard import MAX_BYTES, MAX_JSON, MAX_PIXELS, Headers, Refused, body_length
from harmonize_core.web.shots import Ask, cutout_png, described, jpeg, written
from harmonize_core.web.uploads import SUFFIX, Body, Upload

LOOKS = {"JSON": ".json", "CDL": ".cdl", "Cube": ".cube"}
"""Formats that a look can be saved in, by the words on their buttons."""


Query = Mapping[str, str]
Call = Callable[[Desk, Query, Headers, Body], Answer]


def start(desk: Desk, _query: Query, _headers: Headers, _body: Body) -> Answer:
    """What the page shows at first."""
    info = desk.lending[None].info
    return Answer.json(
        {
            "network": desk.lending[None].label if len(desk.lending.domains) == 1 else info.name,
            "licence": info.licence,
            "domains": desk.lending.domains,
            "form": steering.form(),
            "examples": examples.listed(),
            "max_bytes": MAX_BYTES,
            "max_pixels": MAX_PIXELS,
            "looks": list(LOOKS),
            "endings": sorted({*SUFFIX.values(), ".jpeg", ".tiff"}),
        }
    )


def upload(desk: Desk, query: Query, headers: Headers, body: Body) -> Answer:
    """Keep a file; of pictures, what they are. A mask is looked at when its picture is there."""
    sent = desk.uploads.add(query.get("name", ""), body_length(headers, MAX_BYTES), body)
    if query.get("role") == "mask":
        return Answer.json(
            {"key": sent.key, "name": sent.name, "kind": sent.kind, "width": sent.size_hw[1], "height": sent.size_hw[0]}
        )
    with desk.work:
        try:
            return Answer.json(described(sent))
        except HarmonizeError as error:
            words = desk.words(error)
            desk.uploads.drop(sent)
            raise InputError(words) from error


def thumb(_desk: Desk, query: Query, _headers: Headers, _body: Body) -> Answer:
    """An example in small."""
    return Answer(jpeg(_example(query).small()), "image/jpeg")


def example(desk: Desk, query: Query, _headers: Headers, _body: Body) -> Answer:
    """Put an example among what was sent."""
    with desk.work:
        added: dict[str, Upload] = _example(query).add_to(desk.uploads)
        return Answer.json({what: described(one) for what, one in added.items()})


def shot(desk: Desk, query: Query, headers: Headers, body: Body) -> Answer:
    """Read a composite and its mask, or place a cut-out, and ask the network."""
    ask = _decoded(headers, body, Ask)
    steer = Steer(domain=_domain(query.get("domain")))
    with desk.work:
        made, *seen = desk.shots.add(ask)
        desk.transform(made, steer, Controls(), (seen[0], seen[1]))
    height, width = made.size_hw
    return Answer.json(
        {
            "key": made.key,
            "name": made.base.name,
            "kind": made.base.kind,
            "depth": made.depth,
            "width": width,
            "height": height,
            "shown": made.mask.shape[::-1],
            "share": float(made.mask.mean()),
            "place": made.place,
        }
    )


def composite(desk: Desk, query: Query, _headers: Headers, _body: Body) -> Answer:
    """The composite at preview size."""
    return Answer(jpeg(desk.shots[query.get("shot", "")].composite), "image/jpeg")


def mask(desk: Desk, query: Query, _headers: Headers, _body: Body) -> Answer:
    """The mask at preview size, white = foreground."""
    return Answer(jpeg(desk.shots[query.get("shot", "")].mask), "image/jpeg")


def background(desk: Desk, query: Query, _headers: Headers, _body: Body) -> Answer:
    """The background of a cut-out at preview size."""
    with desk.work:
        sent = desk.uploads[query.get("file", "")]
        return Answer(jpeg(desk.shots.small(sent, query.get("layer") or None).srgb), "image/jpeg")


def cutout(desk: Desk, query: Query, _headers: Headers, _body: Body) -> Answer:
    """A cut-out that was sent, at preview size and transparent."""
    with desk.work:
        layer = desk.shots.small(desk.uploads[query.get("file", "")]).layer
    if layer is None:
        raise Refused(422, "that picture has no transparency")
    return Answer(cutout_png(layer), "image/png")


def preview(desk: Desk, query: Query, headers: Headers, body: Body) -> Answer:
    """The harmonized picture at preview size; the grade of its look, where it has one, in a header."""
    made, steer = desk.shots[query.get("shot", "")], _decoded(headers, body, Steer)
    with desk.work:
        controls = desk.controls(steer)
        transform = desk.transform(made, steer, controls)
        picture = apply_controls(transform, made.composite, made.mask, controls, made.ceiling)
    grade = {}
    if isinstance(transform, Look):
        scaled = transform.scaled(controls.strength).grade
        grade = {"X-Grade": ",".join(f"{float(scaled[i]):.4f}" for i in (0, 1, 2, 9))}
    return Answer(jpeg(picture), "image/jpeg", headers=grade)


def result(desk: Desk, query: Query, headers: Headers, body: Body) -> Answer:
    """The harmonized picture at full size, in the format and depth of the one that was sent."""
    made, steer = desk.shots[query.get("shot", "")], _decoded(headers, body, Steer)
    with desk.work:
        controls = desk.controls(steer)
        transform = desk.transform(made, steer, controls)
        picture, whole, coverage = desk.shots.whole(made.ask, made.place)
        harmonized = apply_controls(transform, whole, coverage, controls, picture.ceiling)
        changed = controls.changed(coverage) if made.place is None else np.ones_like(coverage)
        file = written(picture, desk.folder, harmonized, changed)
    return Answer.download(file, f"{made.base.stem}_harmonized{file.suffix}")


def look(desk: Desk, query: Query, headers: Headers, body: Body) -> Answer:
    """The look alone, at the strength that is chosen; limits of single pixels (kept hues, skin) are not part of it."""
    made, steer = desk.shots[query.get("shot", "")], _decoded(headers, body, Steer)
    suffix = LOOKS.get(query.get("format", ""))
    if suffix is None:
        raise Refused(404, f"looks are saved as {', '.join(LOOKS)}")
    with desk.work, tempfile.TemporaryDirectory(dir=desk.folder) as folder:
        controls = desk.controls(steer)
        transform = baked(desk.transform(made, steer, controls), made.mask, controls)
        file = Path(folder, f"{made.base.stem}_look{suffix}")
        try:
            save_look(file, transform, desk.lending[None].info.name)
        except HarmonizeError as error:
            raise InputError(str(error).replace(str(file), file.name)) from error
        return Answer.download(file.read_bytes(), file.name)


CALLS: dict[tuple[str, str], Call] = {
    ("GET", "/api/start"): start,
    ("GET", "/api/thumb"): thumb,
    ("POST", "/api/upload"): upload,
    ("POST", "/api/example"): example,
    ("POST", "/api/shot"): shot,
    ("GET", "/api/composite"): composite,
    ("GET", "/api/mask"): mask,
    ("GET", "/api/background"): background,
    ("GET", "/api/cutout"): cutout,
    ("POST", "/api/preview"): preview,
    ("POST", "/api/result"): result,
    ("POST", "/api/look"): look,
}
"""All that can be asked for, by method and path."""


def _decoded(headers: Headers, body: Body, kind: type[Any]) -> Any:
    """Raises: Refused where the body is no JSON of that kind."""
    data = body.read(body_length(headers, MAX_JSON))
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Refused(400, f"the page sent something that was not expected ({error})") from error


def _example(query: Query) -> examples.Example:
    chosen = examples.EXAMPLES.get(query.get("name", ""))
    if chosen is None:
        raise Refused(404, "there is no example of that name")
    return chosen


def _domain(name: str | None) -> Domain | None:
    try:
        return msgspec.convert(name, Domain | None)
    except msgspec.ValidationError as error:
        raise Refused(400, f"there is no domain {name!r}") from error
