# SPDX-License-Identifier: GPL-3.0-or-later
"""New colours for the clothes of the packaged people: cloth alone, by regions of their textures that were looked at.

A garment is a material of its own (children), or a part of an atlas that skin and shoes share (adults). The atlas is
copied with the garment's pixels turned in hue, brightness kept in its pattern; skin, hair, face and shoes keep theirs.
"""

from dataclasses import dataclass

import bpy
import cv2
import numpy as np

from rdharmony_gen.blender.people import USUAL, Custom

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of a texture, from its upper left corner."""


@dataclass(frozen=True)
class Recolour:
    """What was done to one garment."""

    garment: str
    """`upper` or `lower`."""
    hue_deg: float
    """Turn of the hue in Oklab."""
    tint: float
    """Colour (Oklab chroma at full lightness) laid over cloth that has hardly any of its own."""
    brightness: float
    """Factor on Oklab lightness."""


@dataclass(frozen=True)
class _Atlas:
    """Where cloth is in a texture; `skin` shows bare skin only, by whose colour the necks in `mixed` are told."""

    upper: tuple[Box, ...]
    lower: tuple[Box, ...]
    skin: Box
    mixed: tuple[Box, ...]


_WOMAN_A = _Atlas(
    upper=((0.0, 0.0, 0.6, 0.51), (0.6, 0.0, 1.0, 0.523)),
    lower=((0.0, 0.51, 0.575, 1.0),),
    skin=(0.75, 0.57, 0.95, 0.66),
    mixed=((0.0, 0.0, 0.6, 0.2), (0.93, 0.1, 1.0, 0.51)),
)
_WOMAN_B = _Atlas(
    upper=((0.0, 0.0, 0.54, 0.56), (0.54, 0.0, 1.0, 0.455)),
    lower=((0.28, 0.565, 0.51, 0.94),),
    skin=(0.7, 0.5, 0.95, 0.6),
    mixed=((0.0, 0.0, 0.54, 0.24),),
)
_DRESS = _Atlas(_WOMAN_B.upper, (), _WOMAN_B.skin, _WOMAN_B.mixed)
_MAN_A = _Atlas(
    upper=((0.0, 0.0, 0.6, 0.51), (0.6, 0.0, 1.0, 0.52)),
    lower=((0.0, 0.51, 0.57, 1.0),),
    skin=(0.78, 0.54, 0.97, 0.6),
    mixed=((0.2, 0.0, 0.45, 0.13),),
)
_MAN_SUIT = _Atlas(
    upper=((0.0, 0.0, 0.54, 0.5), (0.55, 0.0, 1.0, 0.5)),
    lower=((0.0, 0.5, 0.535, 1.0),),
    skin=(0.74, 0.57, 0.85, 0.64),
    mixed=((0.2, 0.0, 0.4, 0.2),),
)
_MAN_JACKET = _Atlas(
    upper=((0.0, 0.0, 1.0, 0.495),),
    lower=((0.0, 0.495, 0.595, 1.0),),
    skin=(0.68, 0.56, 0.76, 0.62),
    mixed=((0.08, 0.0, 0.3, 0.2),),
)
_ATLASES = {
    "human_female_01_standing": _WOMAN_A,
    "human_female_02_standing": _DRESS,
    "human_female_03_standing": _WOMAN_A,
    "human_female_04_holding": _WOMAN_B,
    "human_female_05_holding": _WOMAN_B,
    "human_female_06_holding": _Atlas(_WOMAN_A.upper, _WOMAN_A.lower, _WOMAN_A.skin, ((0.33, 0.0, 0.55, 0.06),)),
    "human_female_07_sitting_ground": _WOMAN_A,
    "human_female_08_sitting_ground": _Atlas(_WOMAN_A.upper, _WOMAN_A.lower, _WOMAN_A.skin, ((0.05, 0.0, 0.3, 0.06),)),
    "human_female_09_sitting": _WOMAN_A,
    "human_female_10_lying": _DRESS,
    "human_male_01_standing": _MAN_JACKET,
    "human_male_02_standing": _MAN_SUIT,
    "human_male_03_standing": _MAN_A,
    "human_male_04_holding": _MAN_A,
    "human_male_05_sitting": _MAN_SUIT,
    "human_male_06_sitting": _MAN_A,
    "human_male_07_sitting_ground": _MAN_A,
    "human_male_08_lying": _MAN_JACKET,
    "human_male_09_lying": _MAN_A,
}
_SCANNED = "human_male_10_walking_nathan"
"""One photographed atlas: pale shirt and blue jeans are told by their colours."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)


def _oklab(srgb: np.ndarray) -> np.ndarray:
    """Oklab (Ottosson 2020) of sRGB values in [0, 1]."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def _srgb(lab: np.ndarray) -> np.ndarray:
    """The way back, clipped to what sRGB can show."""
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T, 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def can_recolour(asset_id: str) -> bool:
    """Whether it is known where this asset's clothes are."""
    return asset_id in _ATLASES or asset_id == _SCANNED or asset_id.startswith(("human_boy", "human_girl"))


def draw(asset_id: str, rng: np.random.Generator, custom: Custom = USUAL) -> tuple[Recolour, ...]:
    """Draw new colours for the garments of an asset, as they suit a place; one in six keeps its own."""
    if not can_recolour(asset_id) or rng.random() < 1 / 6:
        return ()
    garments = ("upper",) if _ATLASES.get(asset_id) is _DRESS else ("upper", "lower")
    drawn = []
    for garment in garments:
        calm = garment == "lower"  # trousers come in quieter colours
        drawn.append(
            Recolour(
                garment,
                round(float(rng.uniform(-180.0, 180.0)), 1),
                round(float(rng.uniform(*custom.tint) * (0.45 if calm else 1.0)), 3),
                round(float(np.exp(rng.uniform(*np.log(custom.brightness)))), 3),
            )
        )
    return tuple(drawn)


def recoloured(asset_id: str, mesh: bpy.types.Mesh, changes: tuple[Recolour, ...]) -> bpy.types.Mesh:
    """A copy of the mesh whose clothes have the new colours; materials without cloth stay shared."""
    if not changes:
        return mesh
    copy = mesh.copy()
    textures: dict[int, tuple[bpy.types.Node, bpy.types.Material]] = {}
    for slot, material in enumerate(copy.materials):
        texture = _colour_texture(material)
        if texture is not None:
            textures[slot] = texture, material
    faces = np.empty(len(copy.polygons), np.int32)
    copy.polygons.foreach_get("material_index", faces)
    counts = np.bincount(faces, minlength=len(copy.materials))
    body = max(textures, key=lambda slot: int(counts[slot]))
    for slot, (_, material) in textures.items():
        kind = material.name.lower()
        whole = {"rl_upper": "upper", "rl_lower": "lower"}.get(kind[:8])
        mine = [c for c in changes if whole is None or c.garment == whole]
        if not mine or (whole is None and (slot != body or asset_id.startswith(("human_boy", "human_girl")))):
            continue
        own = material.copy()
        copy.materials[slot] = own
        texture = _colour_texture(own)
        assert texture is not None
        texture.image = _repainted(texture.image, asset_id, whole, mine)
    return copy


def _colour_texture(material: bpy.types.Material | None) -> bpy.types.Node | None:
    for node in material.node_tree.nodes if material and material.node_tree else ():
        if node.type == "TEX_IMAGE" and node.image and node.outputs["Color"].is_linked:
            return node
    return None


def _repainted(image: bpy.types.Image, asset_id: str, whole: str | None, changes: list[Recolour]) -> bpy.types.Image:
    width, height = image.size
    flat = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(flat)
    rgba = flat.reshape(height, width, 4)[::-1].copy()
    lab = _oklab(rgba[..., :3])
    touched = np.zeros((height, width), bool)
    for change in changes:
        cloth = np.ones((height, width), np.float32) if whole else cloth_mask(asset_id, change.garment, lab)
        where = cloth > 0
        lab[where] += (_changed(lab[where], cloth[where], change) - lab[where]) * cloth[where][:, None]
        touched |= where
    rgba[touched, :3] = _srgb(lab[touched])
    painted = bpy.data.images.new(f"{image.name}_recoloured", width, height, alpha=True)
    painted.colorspace_settings.name = image.colorspace_settings.name
    painted.pixels.foreach_set(rgba[::-1].astype(np.float32).ravel())
    painted.pack()
    return painted


def _changed(lab: np.ndarray, cloth: np.ndarray, change: Recolour) -> np.ndarray:
    """New Oklab colours (N, 3) of pixels of which the shares `cloth` (N,) are cloth."""
    angle = np.radians(change.hue_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    light, colour = lab[:, :1], lab[:, 1:] @ turn.T
    inside = lab[cloth > 0.5] if (cloth > 0.5).any() else lab
    own = float(np.median(np.linalg.norm(inside[:, 1:], axis=-1)))
    tint = change.tint * max(0.0, 1.0 - own / 0.06)
    lift = max(0.0, 0.34 - float(np.median(inside[:, 0]))) * tint / 0.16  # black cloth takes no colour unless lighter
    light = light * change.brightness + lift
    colour = colour * change.brightness + turn[:, 0] * tint * light / 0.6
    # pale and nearly black cloth would leave what sRGB can show
    return np.concatenate([np.clip(light, 0.0, 0.93), colour], -1)


def cloth_mask(asset_id: str, garment: str, lab: np.ndarray) -> np.ndarray:
    """Share (H, W) of each texture pixel that is cloth of a garment, soft at edges with skin.

    Args:
        asset_id: of a person with an atlas.
        garment: `upper` or `lower`.
        lab: (H, W, 3) Oklab of the texture.
    """
    height, width = lab.shape[:2]
    if asset_id == _SCANNED:
        return _by_colour(garment, lab)
    atlas = _ATLASES[asset_id]
    mask = np.zeros((height, width), np.float32)
    for box in atlas.upper if garment == "upper" else atlas.lower:
        mask[_cut(box, height, width)] = 1.0
    sample = lab[_cut(atlas.skin, height, width)].reshape(-1, 3)
    middle = np.median(sample, axis=0)
    off = (lab - middle) / (0.20, 0.035, 0.035)
    skin = (np.linalg.norm(off, axis=-1) < 1.0).astype(np.float32)
    skin = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    skin = cv2.GaussianBlur(cv2.dilate(skin, np.ones((5, 5), np.uint8)), (0, 0), 1.0)
    for box in atlas.mixed:
        area = _cut(box, height, width)
        mask[area] = np.minimum(mask[area], 1.0 - skin[area])
    return mask


def _by_colour(garment: str, lab: np.ndarray) -> np.ndarray:
    """Cloth of the scanned man: bluish and pale is his shirt, bluish and dark his jeans; specks are not cloth."""
    light, a, b = np.moveaxis(lab, -1, 0)
    chosen = (light > 0.62) & (b < -0.008) if garment == "upper" else (light < 0.60) & (light > 0.2) & (b < -0.018)
    chosen &= np.abs(a) < 0.04
    kernel = np.ones((7, 7), np.uint8)
    clean = cv2.morphologyEx(cv2.morphologyEx(chosen.astype(np.uint8), cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(clean)
    large = np.flatnonzero(facts[:, cv2.CC_STAT_AREA] > 0.0015 * clean.size)
    kept = np.isin(labels, large[large > 0]).astype(np.float32)
    return cv2.GaussianBlur(kept, (0, 0), 1.2)


def _cut(box: Box, height: int, width: int) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return slice(round(top * height), round(bottom * height)), slice(round(left * width), round(right * width))
