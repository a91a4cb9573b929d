# SPDX-License-Identifier: GPL-3.0-or-later
"""Own styles from a TOML or YAML file, read strictly: every error names the file, the line and the nearest valid word.

A file is a list of tables `style`; see docs/styles.md and the example `rdharmony_gen/examples/styles.toml`.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
import typing
from pathlib import Path
from typing import Any

import msgspec

from harmonize_core.errors import ConfigError, InputError
from rdharmony_gen.light import hdri
from rdharmony_gen.spec.styles import NAME, STYLE_NAMES, STYLES, Hdri, Lamps, Style, SunAndSky

SUFFIXES = (".toml", ".yaml", ".yml")
KINDS: dict[str, type[Style]] = {"sun_and_sky": SunAndSky, "hdri": Hdri, "lamps": Lamps}
MAX_BYTES, MAX_STYLES, MAX_DEPTH = 1 << 20, 90, 20
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
RESERVED = {"coverage", "aux", "view"}
LIMITS: dict[str, tuple[float, float]] = {
    "exposure_key": (0.005, 0.5),
    "adaptation": (0.0, 1.0),
    "warmth": (0.5, 2.0),
    "lamps": (0.0, 1.0),
    "lamp_temperature_k": (1000.0, 12000.0),
    "visibility_m": (5.0, 20000.0),
    "fog_height_m": (2.0, 2000.0),
    "elevation_deg": (1.0, 89.0),
    "cloud_cover": (0.0, 1.0),
    "key_transmission": (0.0, 1.0),
    "key_angle_deg": (0.1, 90.0),
    "turbidity": (1.0, 10.0),
    "rotation_deg": (-360.0, 360.0),
    "irradiance": (0.001, 100.0),
    "glow": (0.0, 5.0),
    "signs": (0, 20),
}
"""Smallest and largest sensible value of every number."""

_Path = tuple[str | int, ...]


def is_style_file(word: str) -> bool:
    """Whether a word of the command line means a file of own styles, by its suffix."""
    return word.lower().endswith(SUFFIXES)


def read_styles(path: Path, first_id: int = len(STYLES) + 1) -> tuple[Style, ...]:
    """The styles of a file, numbered from `first_id` in its order; panoramas are looked for and their digest taken.

    Raises:
        InputError: the file, or a panorama that it names, is missing or cannot be read.
        ConfigError: it is not TOML or YAML, or something in it is unknown, missing, of the wrong type or out of range.
    """
    path = Path(path)
    if not is_style_file(path.name):
        raise ConfigError(f"{path} should be a .toml, .yaml or .yml file of styles; `rdharmony styles` lists the names")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} should be a file of styles but is none; check the path")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} should be a file of styles below 1 MiB but is larger; check the path")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} should be UTF-8 text but is not; save it again as text") from None
    tree, lines = (_toml if path.suffix.lower() == ".toml" else _yaml)(text, path)
    return _Reader(path, lines).styles(tree, first_id)


class _Reader:
    """Turns a tree of plain values into styles; knows the line of every key."""

    def __init__(self, path: Path, lines: dict[_Path, int]) -> None:
        self.path = path
        self.lines = lines

    def styles(self, tree: object, first_id: int) -> tuple[Style, ...]:
        if not isinstance(tree, dict):
            raise self.wrong((), "should hold a list of tables `style`, [[style]] in TOML, but holds something else")
        self.known(tree, ("style",), (), "key")
        entries = tree.get("style")
        if not isinstance(entries, list) or not entries:
            raise self.wrong((), "should hold at least one table `style`, [[style]] in TOML, but holds none")
        if len(entries) > MAX_STYLES:
            raise self.wrong((), f"should hold at most {MAX_STYLES} styles but holds {len(entries)}")
        found: list[Style] = []
        for index, entry in enumerate(entries):
            style = self.style(entry, index, first_id + index)
            if style.name in {*STYLE_NAMES, *(s.name for s in found)}:
                where = "a style of the program has" if style.name in STYLE_NAMES else "another style in it has"
                raise self.wrong(("style", index, "name"), f"names a style {style.name!r}, as {where}; give it another")
            found.append(style)
        return tuple(found)

    def style(self, entry: object, index: int, style_id: int) -> Style:
        at: _Path = ("style", index)
        if not isinstance(entry, dict):
            raise self.wrong(at, "should hold a table with a name and a light for each style but holds something else")
        values: dict[str, Any] = dict(entry)
        base: dict[str, Any] = {}
        if "like" in values:
            base = self.like(values.pop("like"), at)
            values.setdefault("light", base["light"])
        kind = values.get("light")
        if kind is None:
            raise self.wrong(at, f"has a style without a light; write light = one of {', '.join(KINDS)}")
        if not isinstance(kind, str) or kind not in KINDS:
            raise self.wrong((*at, "light"), f"has the light {kind!r}; {_nearest(str(kind), KINDS)}")
        if base and base["light"] != kind:
            raise self.wrong((*at, "light"), f"has light = {kind} but is like a style whose light is {base['light']}")
        names = [f for f in KINDS[kind].__struct_fields__ if f not in ("style_id", "sha256")]
        self.known(values, (*names, "light", "like"), at, f"key of the light {kind}")
        if "name" not in values:
            raise self.wrong(at, "has a style without a name; write name = a word such as fog")
        hints = typing.get_type_hints(KINDS[kind])
        for key, value in values.items():
            values[key] = self.value(key, value, hints.get(key), (*at, key))
        try:
            style = msgspec.convert({**base, **values, "style_id": style_id}, type=KINDS[kind])
        except msgspec.ValidationError as error:
            text, _, spot = str(error).partition(" - at `$.")
            key = re.split(r"\W", spot)[0]
            raise self.wrong((*at, key), f"has a wrong value for {key or 'a style'}: {text}") from None
        return self.complete(style, at)

    def like(self, name: object, at: _Path) -> dict[str, Any]:
        """Everything of a built-in style but its name and number."""
        if name not in STYLE_NAMES:
            raise self.wrong((*at, "like"), f"has like = {name!r}; {_nearest(str(name), STYLE_NAMES)}")
        base = msgspec.to_builtins(STYLES[STYLE_NAMES.index(str(name))])
        return {key: value for key, value in base.items() if key not in ("name", "style_id")}

    def value(self, key: str, value: object, hint: object, at: _Path) -> object:
        """A number stands for a range of itself; ranges are in order and within sensible limits."""
        if key not in LIMITS or hint is None:
            return value
        low, high = LIMITS[key]
        number = _number(value)
        if hint is float:
            if number is None or not low <= number <= high:
                raise self.wrong(at, f"should have {key} = a number from {low:g} to {high:g} but has {value!r}")
            return float(number)
        pair = [value, value] if number is not None else value
        numbers = [_number(v) for v in pair] if isinstance(pair, list) and len(pair) == 2 else [None, None]
        first, last = numbers
        if first is None or last is None or not low <= first <= last <= high:
            raise self.wrong(
                at, f"should have {key} = [low, high], both from {low:g} to {high:g} in this order, but has {value!r}"
            )
        return [first, last]

    def complete(self, style: Style, at: _Path) -> Style:
        """The checks that types cannot say, and the digest of a panorama."""
        if not NAME.fullmatch(style.name) or len(style.name) > 40 or style.name in RESERVED:
            raise self.wrong(
                (*at, "name"),
                f"has the name {style.name!r}, which should be lower case letters, digits and single underscores, at "
                f"most 40, and not {', '.join(sorted(RESERVED))}",
            )
        if isinstance(style, Lamps):
            for colour in style.colours:
                if not COLOUR.fullmatch(colour):
                    raise self.wrong(
                        (*at, "colours"), f"has the colour {colour!r}, which should read #rrggbb, for instance #ff2fa0"
                    )
        if not isinstance(style, Hdri):
            return style
        try:
            name, digest = hdri.resolve(style.hdri, self.path.parent)
        except InputError as error:
            raise InputError(f"{self.place((*at, 'hdri'))} names a panorama that cannot be used: {error}") from None
        return msgspec.structs.replace(style, hdri=name, sha256=digest)

    def known(self, table: dict, names: typing.Iterable[str], at: _Path, kind: str) -> None:
        for key in table:
            if key not in names:
                raise self.wrong((*at, key), f"has the unknown {kind} {key!r}; {_nearest(str(key), names)}")

    def place(self, at: _Path) -> str:
        """File and line of a key, or of the nearest table around it."""
        while at and at not in self.lines:
            at = at[:-1]
        return f"{self.path}:{self.lines[at]}" if at in self.lines else str(self.path)

    def wrong(self, at: _Path, message: str) -> ConfigError:
        return ConfigError(f"{self.place(at)} {message}")


def _number(value: object) -> float | int | None:
    """The value if it is a finite number, else None; true and false are none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None


def _nearest(word: str, known: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def _toml(text: str, path: Path) -> tuple[object, dict[_Path, int]]:
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} should be TOML but is not: {error}") from None
    lines: dict[_Path, int] = {}
    index = -1
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\[\s*style\s*\]\]", line):
            index += 1
            lines["style", index] = number
        elif found := re.match(r"\s*(?:\[+\s*)?[\"']?([\w-]+)", line):
            lines.setdefault(("style", index, found[1]) if index >= 0 else (found[1],), number)
    return tree, lines


def _yaml(text: str, path: Path) -> tuple[object, dict[_Path, int]]:
    import yaml

    lines: dict[_Path, int] = {}

    def plain(node: yaml.Node, at: _Path) -> object:
        lines[at] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            table = {}
            for key, value in node.value:
                if key.value in table:
                    raise ConfigError(f"{path}:{key.start_mark.line + 1} has the key {key.value!r} twice; keep one")
                table[key.value] = plain(value, (*at, key.value))
                lines[(*at, key.value)] = key.start_mark.line + 1
            return table
        if isinstance(node, yaml.SequenceNode):
            return [plain(item, (*at, index)) for index, item in enumerate(node.value)]
        return yaml.SafeLoader("").construct_object(node)

    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):  # an alias of an alias of an alias fills any memory
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ConfigError(f"{path}:{event.start_mark.line + 1} should nest less deeply; write plain tables")
            if isinstance(event, yaml.AliasEvent):
                raise ConfigError(f"{path}:{event.start_mark.line + 1} uses an alias (*); write the values out")
        root = yaml.compose(text, yaml.SafeLoader)
        return (plain(root, ()) if root is not None else None), lines
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{path} should be YAML but is not: {' '.join(str(error).split())}") from None
