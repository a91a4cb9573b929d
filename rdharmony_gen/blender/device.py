# SPDX-License-Identifier: GPL-3.0-or-later
"""On what Cycles renders: the processor or one graphics card; and whether EEVEE finds OpenGL without a screen.

`auto` takes the first kind of card that is there, in the order of `KINDS`, else the processor. A kind that is asked for
by name and is not there is an error: a run that was planned for a card must not crawl along on a processor.
"""

import ctypes
import sys
from dataclasses import dataclass

import bpy

from harmonize_core.errors import EnvironmentFault
from rdharmony_gen.spec.job import DEVICES

KINDS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")
"""Of graphics cards, fastest first where one card is of several kinds."""


@dataclass(frozen=True)
class Device:
    """What was chosen.

    Attributes:
        kind: CPU or one of `KINDS`.
        name: of the card; "processor" for the CPU.
        index: which card of its kind.
        note: a line for the user where `auto` found no card, else empty.
    """

    kind: str
    name: str
    index: int = 0
    note: str = ""


CPU = Device("CPU", "processor")


def cards() -> dict[str, list[str]]:
    """Names of the cards of each kind that this Blender can use here; kinds without cards are left out."""
    found = {}
    for kind in KINDS:
        try:
            names = [d[0] for d in _cycles_devices(kind)]
        except (ValueError, TypeError, RuntimeError):
            continue
        if names:
            found[kind] = names
    return found


def _cycles_devices(kind: str) -> list[tuple[str, str, str]]:
    """(name, kind, id) of Cycles' devices of one kind."""
    import _cycles

    return [d[:3] for d in _cycles.available_devices(kind) if d[1] == kind]


def choose(wanted: str, index: int = 0) -> Device:
    """Find a device and say which it is.

    Args:
        wanted: one of `spec.job.DEVICES`.
        index: which card, from 0, where there are several of the kind.

    Raises:
        EnvironmentFault: the kind was asked for by name and is not there, or has no card of this number.
    """
    assert wanted in DEVICES
    if wanted == "cpu":
        return CPU
    there = cards()
    kind = next((k for k in KINDS if k in there), None) if wanted == "auto" else wanted.upper()
    if kind is None:
        return Device("CPU", "processor", note="no graphics card for Cycles is here; rendering on the processor")
    if kind not in there:
        known = ", ".join(f"{k.lower()} ({', '.join(names)})" for k, names in there.items()) or "the processor only"
        raise EnvironmentFault(f"--device {wanted} should name a device of this machine, which has {known}; use auto")
    if not 0 <= index < len(there[kind]):
        raise EnvironmentFault(
            f"--gpu-index should be below {len(there[kind])}, the number of {kind.lower()} cards here, but is {index}"
        )
    return Device(kind, there[kind][index], index)


def use(scene: bpy.types.Scene, device: Device) -> None:
    """Make a scene render on a device; the preferences are set again, as a new file may have reset them."""
    scene.cycles.device = "CPU" if device.kind == "CPU" else "GPU"
    if device.kind == "CPU":
        return
    preferences = bpy.context.preferences.addons["cycles"].preferences
    preferences.compute_device_type = device.kind
    preferences.get_devices()
    number = -1
    for card in preferences.devices:
        number += card.type == device.kind
        card.use = card.type == device.kind and number == device.index


def require_opengl() -> None:
    """Refuse EEVEE in one sentence where it cannot draw: without a screen it needs EGL.

    Raises:
        EnvironmentFault: Linux without libEGL.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        raise EnvironmentFault(
            "--renderer eevee needs OpenGL through EGL, but libEGL.so.1 is not here; "
            "install it (apt-get install libegl1 libgl1-mesa-dri) or use --renderer cycles"
        ) from None
