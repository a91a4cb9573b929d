# SPDX-License-Identifier: Apache-2.0
"""What the add-on costs beside rendering, in Blender: time for each part of a frame, and memory over a long shot.

    python scripts/bench_addon.py demo_out/charmnet.onnx [--size 1920x1080] [--frames 8] [--memory 200] [--live]

Runs the add-on's own job on a shot whose layers are rendered already (one frame, the same file for all), so that what
is left is the add-on's: reading layers and plate, compositing, estimating, smoothing, applying, writing. The plate is
a sequence, one picture with grain under as many names; a still would be read once. Needs `bpy`.
Times are medians a frame, of the clock and of the processor (all threads together; a busy machine changes it little);
memory is that of the process, which should not grow with the number of frames. With --live also what an update of
Live costs, by what of a frame is on disk and in memory. Exit code 1 where a frame costs more than --most seconds of
the processor, an update of Live for a matched frame more than 0.1 s, or memory grows by more than 64 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harmonize_core.errors import HarmonizeError

GROWTH_MB = 64
LIVE_SECONDS = 0.1
STAGES = {
    "Loading": "open the network, once",
    "Matching": "read layers and plate, composite, estimate",
    "Writing": "smooth, apply, write the picture",
}


@dataclass(frozen=True)
class Seconds:
    """What one update took."""

    processor: float
    clock: float


@dataclass
class Measured:
    """Seconds by stage and frame, and megabytes of memory after each frame."""

    wall: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    processor: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: list[float] = field(default_factory=list)

    def a_frame(self, times: dict[str, list[float]]) -> float:
        """Median seconds of one frame, opening the network left out."""
        return sum(float(np.median(seconds)) for stage, seconds in times.items() if stage != "Loading")

    @property
    def growth(self) -> float:
        """Megabytes from the first tenth of the frames (the very first ones fill caches) to the last."""
        tenth = max(2, len(self.memory) // 10)
        return float(np.median(self.memory[-tenth:]) - np.median(self.memory[tenth : 2 * tenth]))


def new_shot(folder: Path, width: int, height: int, coverage: float, frames: int) -> Any:
    """A saved file with a shaded ball as character before a picture with grain."""
    import bpy

    from blender_addon.bridge.files import encode_png

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 1, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.frame_start, scene.frame_end = 1, frames
    scene.view_settings.view_transform = "Standard"
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", max(width, height) / height
    camera.location, camera.rotation_euler = (0, -6, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    characters = bpy.data.collections.new("Characters")
    scene.collection.children.link(characters)
    radius = float(np.sqrt(coverage * width / height / np.pi))
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, segments=64, ring_count=32)
    ball = bpy.context.object
    for collection in list(ball.users_collection):
        collection.objects.unlink(ball)
    characters.objects.link(ball)
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.rotation_euler = (0.8, 0.3, 0)
    scene.collection.objects.link(sun)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    plate = np.stack([x / width, y / height, 1 - x / width], axis=-1) * 0.6 + 0.2
    plate += np.random.default_rng(0).normal(0, 0.02, plate.shape)
    first = folder / "plate_0001.png"
    first.write_bytes(encode_png(plate.astype(np.float32)))
    for frame in range(2, frames + 1):
        (folder / f"plate_{frame:04d}.png").hardlink_to(first)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    settings = scene.harmonize
    settings.characters, settings.background = characters, "FILE"
    settings.plate_path, settings.plate_is_sequence, settings.folder = str(first), True, str(folder / "out")
    settings.write_composite = False
    return scene


def render_once(scene: Any) -> float:
    """Render the layers of the first frame and say that those of all frames are there; returns wall seconds."""
    import bpy

    from blender_addon.job import Job
    from blender_addon.options import read_options
    from blender_addon.shot_files import ShotFiles

    started = time.perf_counter()
    with quiet():
        for progress in Job(read_options(bpy.context, animation=False), interactive=False).steps():
            if progress.message.startswith("Matching"):
                break
    seconds = time.perf_counter() - started
    options = read_options(bpy.context, animation=True)
    files = ShotFiles(options)
    first, *others = options.frames
    for frame in others:
        for name in files.names:
            files.layer_path(name, frame).hardlink_to(files.layer_path(name, first))
    for frame in options.frames:
        files.store(frame, {"layers": files.layers_key(frame), "view": options.view})
    return seconds


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """What Blender says of each sample goes nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def measure() -> Measured:
    """Run the add-on's job over the scene and look at the clocks between its steps."""
    import bpy

    from blender_addon import model
    from blender_addon.job import Job
    from blender_addon.options import read_options

    model.forget()
    found = Measured()
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    job = Job(read_options(bpy.context, animation=True), interactive=False)
    steps, message, written = job.steps(), "Loading", 0
    while True:
        wall, processor = time.perf_counter(), time.process_time()
        progress = next(steps, None)
        times = spent[message]
        times[0] += time.perf_counter() - wall
        times[1] += time.process_time() - processor
        if progress is None:
            break
        message = progress.message
        if progress.written > written:
            written = progress.written
            found.memory.append(resident_mb())
    for message, (wall, processor) in spent.items():
        stage = message.split()[0]
        if message == "Loading":  # until the job says what it does
            continue
        if stage not in STAGES:
            raise HarmonizeError(f"the job rendered or did what this benchmark does not know: {message!r}")
        found.wall[stage].append(wall)
        found.processor[stage].append(processor)
    return found


def measure_live() -> dict[str, Seconds]:
    """Medians of an update of Live by what it finds: small pictures on disk, none, or held."""
    import bpy

    from blender_addon import live_session
    from blender_addon.capture import Store, from_layers
    from blender_addon.look_bake import plainly_shown
    from blender_addon.options import read_options

    options = read_options(bpy.context, animation=True)
    spent: dict[str, list[Seconds]] = defaultdict(list)

    def update(frame: int, store: Store, kind: str) -> None:
        processor, clock = time.process_time(), time.perf_counter()
        live_session._estimate(options, from_layers(options, frame, store), plainly_shown, None)
        spent[kind].append(Seconds(time.process_time() - processor, time.perf_counter() - clock))

    names = ("frame_*", "characters_*")
    for kind, gone in (
        ("shown for the first time", ()),
        ("before another background", names[:1]),
        ("that no run has matched", names),
    ):
        for path in [path for name in gone for path in options.work_folder.glob(f"{name}.live.npz")]:
            path.unlink()
        store = Store()
        for frame in options.frames:
            update(frame, store, kind)
            update(frame, store, "shown before")
    return {
        kind: Seconds(float(np.median([s.processor for s in took])), float(np.median([s.clock for s in took])))
        for kind, took in spent.items()
    }


def resident_mb() -> float:
    """Memory of this process that is in use, in 10^6 bytes (Linux: resident set)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints one line per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="network written by `harmonize export`")
    parser.add_argument("--size", default="1920x1080", help="WxH (default 1920x1080)")
    parser.add_argument("--coverage", type=float, default=0.15, help="foreground ratio (default 0.15)")
    parser.add_argument("--frames", type=int, default=8, help="of the shot that is timed (default 8)")
    parser.add_argument("--memory", type=int, default=0, metavar="FRAMES", help="a shot so long, for its memory")
    parser.add_argument("--live", action="store_true", help="measure updates of Live, too")
    parser.add_argument("--most", type=float, default=0.5, help="seconds a frame (default 0.5)")
    parser.add_argument("--format", default="PNG", choices=("PNG", "PNG16", "EXR"))
    args = parser.parse_args(argv)
    width, height = (int(n) for n in args.size.split("x"))
    import bpy

    import blender_addon.model
    import blender_addon.registration

    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.registration.register()
    blender_addon.model.BUNDLED = args.model.resolve()
    frames = max(args.frames, args.memory)
    code = 1
    try:
        with tempfile.TemporaryDirectory(prefix="bench_addon_") as name:
            scene = new_shot(Path(name), width, height, args.coverage, frames)
            scene.harmonize.file_format = args.format
            rendering = render_once(scene)
            found = measure()
            live = measure_live() if args.live else {}
        print(f"Blender {bpy.app.version_string}, {width}x{height}, foreground {args.coverage:.0%}, {args.format}")
        print(f"  rendering at one sample: {rendering:.2f} s; beside it, a frame of {frames}:")
        code = report(found, live, args.most)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module may hang or crash while Python shuts down


def report(found: Measured, live: dict[str, Seconds], most: float) -> int:
    """Print what was measured; returns the exit code."""
    wall, processor = found.a_frame(found.wall), found.a_frame(found.processor)
    for stage, said in STAGES.items():
        times = [1000 * float(np.median(t[stage])) for t in (found.processor, found.wall)]
        print(f"  {said:44}{times[0]:8.0f} ms of the processor{times[1]:8.0f} ms by the clock")
    print(f"  {'a frame':44}{1000 * processor:8.0f} ms{1000 * wall:25.0f} ms")
    print(f"  memory: {found.memory[0]:.0f} MB after the first frame, {found.memory[-1]:.0f} MB after the last", end="")
    print(f", {found.growth:+.0f} MB in between; at most {max(found.memory):.0f} MB")
    for kind, took in live.items():
        times = f"{1000 * took.processor:.0f} ms of the processor, {1000 * took.clock:.0f} ms by the clock"
        print(f"  Live, a frame {kind}: {times}")
    good = processor <= most and found.growth <= GROWTH_MB
    first = live.get("shown for the first time")
    return 0 if good and (first is None or first.processor <= LIVE_SECONDS) else 1


if __name__ == "__main__":
    sys.exit(main())
