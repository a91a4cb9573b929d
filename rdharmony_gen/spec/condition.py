# SPDX-License-Identifier: GPL-3.0-or-later
"""One capture condition as numbers: everything that may differ between two renders of a view.

The light in the scene and the sky the camera sees are both computed from this record, so they agree.
"""

from dataclasses import dataclass

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class ConditionSpec:
    """A drawn capture condition. Colours are linear Rec.709; azimuth is clockwise from +Y, seen from above.

    Attributes:
        style: name in `rdharmony_gen.spec.styles`.
        style_id: 1 to 10, from 11 on for own styles.
        key: "sun" or "moon": which body gives the directional light.
        elevation_deg: height of that body over the horizon, degrees.
        azimuth_deg: its compass direction, degrees in [0, 360).
        key_irradiance: of the directional light on a surface facing it, after clouds; noon sun is near 8; 0 if the
            light has no direction.
        key_angle_deg: apparent diameter, degrees; sets the softness of shadows.
        sky_irradiance: of the dome on the ground, the clouds included.
        turbidity: haze, 1 (very clear) to 6.
        cloud_cover: fraction of the dome behind cloud, 0 to 1.
        key_transmission: what the clouds leave of the directional light, 0 to 1.
        cloud_seed: picks the cloud field.
        cloud_scale: size of the clouds, 1 is middling.
        lamps: 0 off, 1 on: street lamps, lamps in rooms.
        lamp_temperature_k: colour temperature of the lamps.
        lit_windows: fraction of the windows of buildings that are lit.
        exposure_key: display-linear log-average luminance that the auto-exposure aims at.
        exposure_jitter_ev: the camera's deviation from it, stops.
        white_balance: gains on R, G, B, green near 1.
        hdri: a panorama instead of the computed sky: asset id or absolute path; "" for none.
        hdri_sha256: of its file.
        hdri_rotation_deg: its turn, clockwise from above.
        hdri_gain: what it is multiplied by.
        lamp_colours: of the practical lamps in turn, largest channel 1; none means `lamp_temperature_k`.
        signs: number of coloured signs that glow around the place, in the colours of the lamps.
        sign_irradiance: what they throw on an upright surface together.
        visibility_m: distance at which fog hides all contrast but 2 %; 0 for no fog.
        fog_height_m: height over which the fog thins to 1/e.
        fog_glow: light on level ground that the fog takes from the key light and spreads.
    """

    style: str
    style_id: int
    key: str
    elevation_deg: float
    azimuth_deg: float
    key_irradiance: RGB
    key_angle_deg: float
    sky_irradiance: RGB
    turbidity: float
    cloud_cover: float
    key_transmission: float
    cloud_seed: int
    cloud_scale: float
    lamps: float
    lamp_temperature_k: float
    lit_windows: float
    exposure_key: float
    exposure_jitter_ev: float
    white_balance: RGB
    hdri: str = ""
    hdri_sha256: str = ""
    hdri_rotation_deg: float = 0.0
    hdri_gain: float = 1.0
    lamp_colours: tuple[RGB, ...] = ()
    signs: int = 0
    sign_irradiance: float = 0.0
    visibility_m: float = 0.0
    fog_height_m: float = 30.0
    fog_glow: RGB = (0.0, 0.0, 0.0)
