# SPDX-License-Identifier: Apache-2.0
"""Numbers of the view transforms that generated sets are developed by; the transforms themselves are in the generator
(NumPy) and in `harmonize_core.data.display` (torch).

Troy Sobotka's AgX as Blender ships it (E. Zhou, github.com/EaryChow/AgX_LUT_Gen, commit 13d0656) and his Filmic of
Blender 2.79 to 4.5 (github.com/sobotka/filmic-blender).
"""

from __future__ import annotations

import numpy as np

SHOULDER_START = 0.75
MID_GREY = 0.18

REC709_TO_REC2020 = np.array(
    [[0.62740390, 0.32928304, 0.04331307], [0.06909729, 0.91954040, 0.01136232], [0.01639144, 0.08801331, 0.89559525]]
)  # ITU-R BT.2087
REC2020_LUMINANCE = np.array([0.2658180370250449, 0.59846986045365, 0.1357121025213052])  # CIE 2015 observer
AGX_INSET = np.array(
    [
        [0.856627153315983, 0.0951212405381588, 0.0482516061458583],
        [0.137318972929847, 0.761241990602591, 0.101439036467562],
        [0.11189821299995, 0.0767994186031903, 0.811302368396859],
    ]
)
AGX_OUTSET = np.linalg.inv(
    [
        [0.899796955911611, 0.0871996192028351, 0.013003424885555],
        [0.11142098895748, 0.875575586156966, 0.0130034248855548],
        [0.11142098895748, 0.0871996192028349, 0.801379391839686],
    ]
)
AGX_STOPS = (-10.0, 6.5)
AGX_SLOPE, AGX_HUE_SHIFT = 2.4, 0.4

FILMIC_LOG2 = (-12.473931188, 4.026068812)
FILMIC_CURVE = np.array(
    [0.00000, 0.00092, 0.00196, 0.00314, 0.00448, 0.00599, 0.00769, 0.00962, 0.01180, 0.01425, 0.01703, 0.02015,
     0.02368, 0.02765, 0.03211, 0.03713, 0.04277, 0.04910, 0.05618, 0.06411, 0.07296, 0.08282, 0.09378, 0.10595,
     0.11941, 0.13427, 0.15060, 0.16850, 0.18803, 0.20925, 0.23221, 0.25690, 0.28332, 0.31142, 0.34110, 0.37225,
     0.40471, 0.43826, 0.47267, 0.50757, 0.54240, 0.57722, 0.61175, 0.64566, 0.67869, 0.71058, 0.74109, 0.77004,
     0.79727, 0.82267, 0.84618, 0.86776, 0.88742, 0.90518, 0.92110, 0.93526, 0.94775, 0.95866, 0.96811, 0.97619,
     0.98303, 0.98873, 0.99340, 0.99712, 1.00000]
)  # fmt: skip
"""Display sRGB at even steps of the log range."""
FILMIC_BLEACH = np.array(
    [2e-5, 3.049e-4, 1.373e-3, 3.402e-3, 7.153e-3, 0.01402, 0.02655, 0.04935, 0.09077, 0.16599, 0.30254, 0.55034, 1.0]
)
FILMIC_BLEACH_LOG2 = np.linspace(3.15107, 12.52607, len(FILMIC_BLEACH))
"""How far the other channels rise to the brightest one, by the brightest one's log2."""
