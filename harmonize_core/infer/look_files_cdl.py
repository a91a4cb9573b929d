# SPDX-License-Identifier: Apache-2.0
"""Grades as ASC CDL XML: .cdl (ColorDecisionList), .ccc (ColorCorrectionCollection) and .cc (ColorCorrection).

ASC Color Decision List transfer functions and interchange syntax, version 1.2 (American Society of Cinematographers,
2009): out = (in x slope + offset)^power, then saturation with the luma of Rec. 709. Ours are for scene-linear light of
Rec. 709 primaries, not clamped at 1 (`CDL_NO_CLAMP` of OpenColorIO, its default for files).
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from harmonize_core.color import REC709_LUMINANCE
from harmonize_core.errors import InputError
from harmonize_core.runtime.look import MIDDLE_GREY, Cdl, Look

NAMESPACE = "urn:ASC:CDL:v1.2"

SMALLEST = 1e-6
"""Slopes and saturations of 0 count as this much: looks hold logarithms."""


def cdl_text(looks: Mapping[str, Look], description: str, suffix: str = ".cdl") -> str:
    """The grades of looks, by id, as the text of a file; .cc holds one."""
    corrections = [_correction(name, look.cdl(), description) for name, look in looks.items()]
    if suffix == ".cc":
        (correction,) = corrections
        body = correction.replace("<ColorCorrection ", f'<ColorCorrection xmlns="{NAMESPACE}" ', 1)
    elif suffix == ".ccc":
        body = _element("ColorCorrectionCollection", corrections, f' xmlns="{NAMESPACE}"')
    else:
        decisions = [_element("ColorDecision", [correction]) for correction in corrections]
        body = _element("ColorDecisionList", decisions, f' xmlns="{NAMESPACE}"')
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def parse_cdl(data: bytes, path: Path) -> dict[str, Look]:
    """Looks without maps by the id of their correction ("" for none), from the bytes of a .cdl, .ccc or .cc file.

    Raises:
        InputError: not XML of this kind, with a document type, or with numbers that no grade has.
    """
    parser = ElementTree.XMLParser(target=_Builder())
    try:
        parser.feed(data)
        root = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} should be ASC CDL XML but is not ({error}); export it again") from error
    corrections = [element for element in root.iter() if _name(element) == "ColorCorrection"]
    if not corrections:
        raise InputError(f"{path} should hold a ColorCorrection but holds <{_name(root)}>; export it as ASC CDL")
    looks: dict[str, Look] = {}
    for element in corrections:
        name = element.get("id", "")
        if name in looks:
            raise InputError(f"{path} holds two corrections of the id {name!r}; give each its own")
        looks[name] = look_of(_read(element, path))
    return looks


@np.errstate(all="ignore")
def look_of(cdl: Cdl) -> Look:
    """The look whose grade is this list: the inverse of `Look.cdl`; not finite where the list is beyond all looks."""
    slope, offset, power = (v.astype(np.float64) for v in (cdl.slope, cdl.offset, cdl.power))
    scale = MIDDLE_GREY ** (1 / power - 1)
    gains = np.maximum(slope / scale, SMALLEST)
    across = np.sqrt(gains[0] * gains[2])
    exposure = np.log2(gains @ REC709_LUMINANCE.astype(np.float64))
    temperature, tint = np.log(gains[0] / gains[2]) / 2, -np.log(gains[1] / across)
    saturation = np.log(max(cdl.saturation, SMALLEST))
    grade = np.array([exposure, temperature, tint, *(offset / scale), *np.log(power), saturation])
    return Look(grade.astype(np.float32), Look.identity().map)


class _Builder(ElementTree.TreeBuilder):
    """Refuses document types, which can make a small file expand to any size."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ValueError(f"it has a document type {name}")


def _read(element: ElementTree.Element, path: Path) -> Cdl:
    found = {_name(e): (e.text or "") for e in element.iter()}
    slope, offset, power = (
        _numbers(found.get(name), 3, default, name, path)
        for name, default in (("Slope", 1.0), ("Offset", 0.0), ("Power", 1.0))
    )
    (saturation,) = _numbers(found.get("Saturation"), 1, 1.0, "Saturation", path)
    for name, values, least in (("Slope", slope, 0.0), ("Power", power, 1e-3), ("Saturation", [saturation], 0.0)):
        if min(values) < least:
            raise InputError(f"{path} should have a {name} of {least:g} or more but has {min(values):g}; correct it")
    return Cdl(*(np.array(v, np.float32) for v in (slope, offset, power)), saturation=saturation)


def _numbers(text: str | None, count: int, default: float, name: str, path: Path) -> list[float]:
    if text is None:
        return [default] * count
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if len(values) != count or not np.abs(values).max() <= np.finfo(np.float32).max:
        shown, wanted = " ".join(text.split())[:40], "one finite number" if count == 1 else f"{count} finite numbers"
        raise InputError(f"{path} should have {wanted} as {name} but has {shown!r}; correct it")
    return values


def _correction(name: str, cdl: Cdl, description: str) -> str:
    sop = [f"<{k}>{_text(v)}</{k}>" for k, v in (("Slope", cdl.slope), ("Offset", cdl.offset), ("Power", cdl.power))]
    description = f"<Description>{escape(description)}</Description>"
    saturation = f"<Saturation>{cdl.saturation:.7g}</Saturation>"
    parts = [_element("SOPNode", [description, *sop]), _element("SatNode", [saturation])]
    return _element("ColorCorrection", parts, f" id={quoteattr(name)}")


def _element(name: str, parts: list[str], attributes: str = "") -> str:
    inside = "\n".join(f"  {line}" for part in parts for line in part.split("\n"))
    return f"<{name}{attributes}>\n{inside}\n</{name}>"


def _text(values: np.ndarray) -> str:
    return " ".join(f"{value:.7g}" for value in values)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]
