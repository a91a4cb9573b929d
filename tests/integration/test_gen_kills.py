# SPDX-License-Identifier: Apache-2.0
"""What cannot be broken: kills -9, machines that die, full disks, Blender that lies, runs that share a folder."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from generator import content
from PIL import Image

from harmonize_core.errors import OutputError
from harmonize_core.formats.images import partial_path, read_mask
from harmonize_core.formats.lock import exclusive
from rdharmony_gen.compose.view import is_composed
from rdharmony_gen.run.claims import Register
from rdharmony_gen.run.failures import Failure, bad_message, failure_of, mark_failed
from rdharmony_gen.run.jobs import is_done
from rdharmony_gen.run.local import Event, LocalEngine, Task
from rdharmony_gen.run.pool import Work, run_pool
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.layout import SetLayout

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "torture_generator.py"
CHOICE = "--views 2 --scenes park room --styles noon_clear night".split()
MADE = [*CHOICE, *"--size 64x64 --samples 2 --seed 3 --keep-renders".split()]
"""The set that the script makes."""
ROOM = "SHuman/room_00_v001"
COMPUTED = "--views 2 --category human car --scenes park city_corner --size 64x64 --samples 2 --seed 7".split()
COMPUTED += "--keep-renders --styles noon_clear other_cloudy night".split()
"""The set of four views whose renders are computed, not ray-traced."""
VIEW = "SHuman/city_corner_00_v001"


def forget(out: Path, *views: str) -> None:
    """Some views of a set are to be made again."""
    for view in views:
        shutil.rmtree(out / "renders" / view)
        (out / ".rdharmony" / "views" / f"{view}.json").unlink()
        (out / view.replace("/", "/masks/")).with_suffix(".png").unlink()


@pytest.fixture
def refusal(rdharmony) -> Callable[..., str]:
    """The one sentence of a command that fails."""

    def said(*arguments: str | Path) -> str:
        code, _, last = rdharmony(*arguments)
        assert code in (1, 2)
        return last

    return said


@pytest.fixture(scope="module")
def tortured(tmp_path_factory) -> tuple[subprocess.CompletedProcess, Path]:
    """The script's end and the set that it made undisturbed, with one worker."""
    work = tmp_path_factory.mktemp("torture")
    options = ["--kills", "20", "--workers", "2", *CHOICE, "--work", str(work)]
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=False)
    return done, work / "undisturbed"


@pytest.fixture
def copy(tortured, tmp_path) -> Path:
    return Path(shutil.copytree(tortured[1], tmp_path / "out"))


@pytest.fixture
def rendered(rendered_once, tmp_path) -> Path:
    """Renders of four views and nothing made of them."""
    return Path(shutil.copytree(rendered_once, tmp_path / "out"))


def test_twenty_kills_of_workers_and_parents_change_no_byte(tortured):
    """Also: one worker and two give the same bytes."""
    done, _ = tortured
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.match(r"20 kills \(\d+ of parents, \d+ of workers; ", last), last


def test_a_run_that_died_does_not_block(rendered):
    lock = rendered / ".rdharmony" / "lock"
    refused = pytest.raises(OutputError, match="another run is at work")
    with exclusive(lock, rendered), refused, exclusive(lock, rendered, patience_s=0):
        pass
    code = (
        "from harmonize_core.formats.lock import exclusive\nfrom pathlib import Path\nimport os\n"
        f"with exclusive(Path({str(lock)!r}), Path()): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with exclusive(lock, rendered, patience_s=0):
        pass


def test_two_runs_at_once_share_the_work(rendered, composed_once, rdharmony):
    command = [sys.executable, "-m", "rdharmony_gen", "compose", str(rendered), "--quiet", "--workers", "1"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    done = [json.loads(line)["job"] for line in (rendered / ".rdharmony" / "timings.jsonl").read_text().splitlines()]
    assert len(done) == len(set(done)) == 4, "no view was composed twice"
    assert rdharmony("report", rendered, "--quiet") == (0, "", "")
    assert content(rendered) == content(composed_once["rdharmony"])


def test_shards_do_their_part_and_the_last_one_collects(rendered, composed_once, rdharmony, refusal):
    code, said, _ = rdharmony("make", rendered, *COMPUTED, "--shard", "1/2")
    assert code == 0
    assert "shard 1/2 is done; 2 views of other shards are missing" in said
    assert not (rendered / "manifest.jsonl").exists()
    assert rdharmony("make", rendered, *COMPUTED, "--shard", "2/2", "--quiet") == (0, "", "")
    assert content(rendered) == content(composed_once["rdharmony"])
    for wrong in ("0/2", "3/2", "one"):
        assert "--shard should read i/n" in refusal("plan", rendered, "--shard", wrong)


def test_what_a_killed_run_left_is_swept_once_nobody_else_works(composed, rdharmony):
    layout = SetLayout(composed)
    left = [partial_path(path) for path in (layout.renders(VIEW) / "night.exr", composed / "manifest.jsonl")]
    for path in left:
        path.write_bytes(b"half a file")
    with Register(layout):
        assert rdharmony("render", composed)[0] == 0
        assert all(path.is_file() for path in left), "they may be of the other run, which is alive"
    assert rdharmony("render", composed)[0] == 0
    assert not any(path.exists() for path in left)


def pool(
    layout: SetLayout, steps: str, on_event: Callable[[Event], None], *, lease_s: float = 180, timeout_s: float = 600
) -> list[Failure]:
    """All jobs of a set through the pool, without the command around it."""
    jobs = sorted((layout.root / "jobs").glob("S*/*.json"))
    work = Work(layout, jobs, lambda p: is_done(layout, steps, p), lambda: None, timeout_s)
    with Register(layout, lease_s=lease_s) as register:
        engine = LocalEngine(Task(layout, steps, keep_renders=True), 1, register.lock_fd)
        return run_pool(work, engine, register, on_event)


@pytest.fixture
def other_machine(rendered, monkeypatch) -> Generator[Register]:
    """A run of another machine that holds one view."""
    with monkeypatch.context() as patch:
        patch.setattr("rdharmony_gen.run.claims._boot", lambda: "another kernel")
        with Register(SetLayout(rendered)) as register:
            assert register.claim(VIEW) is not None
            patch.undo()
            yield register


def test_a_dead_machine_loses_its_job_when_its_lease_ends(rendered, other_machine):
    layout, first = SetLayout(rendered), {}

    def note(event: Event) -> None:
        if event["event"] == "composed":
            first.setdefault(event["job"], time.monotonic())

    assert pool(layout, "compose", note, lease_s=2) == []
    assert len(first) == 4
    assert list(first)[-1] == VIEW
    before = sorted(first)[sorted(first).index(VIEW) - 1]
    assert first[VIEW] - first[before] > 2, "it was first asked for once the job before it was composed"
    assert is_composed(layout, VIEW)


def test_a_living_machine_keeps_its_job(rendered, other_machine):
    layout, done, idle, lease_s = SetLayout(rendered), [], [], 2
    sign = rendered / ".rdharmony" / "runs" / f"{other_machine.run.id}.json"
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(0.1):
            os.utime(sign)

    beating = threading.Thread(target=live)
    beating.start()

    def note(event: Event) -> None:
        if event["event"] == "composed":
            done.append(event["job"])
        if event["event"] == "elsewhere":
            idle.append(time.monotonic())
        if idle and idle[-1] - idle[0] > 2 * lease_s:
            mark_failed(layout, Failure(VIEW, "crash", "there", "x"))
            other_machine.release(claim)

    claim = other_machine._held(VIEW)[1]
    try:
        failures = pool(layout, "compose", note, lease_s=lease_s)
    finally:
        stop.set()
        beating.join()
    assert sorted(done) == sorted(set(done))
    assert VIEW not in done
    assert [f.message for f in failures] == ["there"], "what the other machine says about its job counts"


def test_a_machine_that_slept_gives_its_job_up(rendered, other_machine):
    layout = SetLayout(rendered)
    mine = other_machine._held(VIEW)[1]
    assert other_machine.holds(mine)
    os.utime(rendered / ".rdharmony" / "runs" / f"{other_machine.run.id}.json", (1, 1))
    with Register(layout) as register:
        assert register.claim(VIEW) is not None, "a sign that is hours old needs no waiting"
        assert not other_machine.holds(mine)
        assert register.claim(VIEW) is None


def test_a_worker_that_dies_is_replaced_and_its_job_done(copy, tortured):
    forget(copy, ROOM)
    killed, pids = [], []

    def kill_once(event: Event) -> None:
        if event["event"] == "file" and not killed:
            killed.append(event["name"])
            os.kill(pids[-1], signal.SIGKILL)
        if event["event"] == "started":
            pids.append(event["pid"])

    assert pool(SetLayout(copy), "render,compose", kill_once) == []
    assert len(set(pids)) == 2
    assert content(copy) == content(tortured[1])


def test_a_worker_that_hangs_is_given_up_after_two_tries(copy):
    forget(copy, ROOM)
    failures = pool(SetLayout(copy), "render,compose", lambda _: None, timeout_s=0.01)
    assert [(f.job, f.reason) for f in failures] == [(ROOM, "timeout")]
    assert "raise --timeout-s" in failures[0].message


LIES = {
    "Failed to create denoiser": "picture",
    "OpenImageDenoise error: unsupported device": "picture",
    "System is out of GPU and shared host memory": "memory",
    "Calloc returns null: len=98304 in imb_addrect, total 12": "memory",
    "ERROR (gpu.shader) | shader failed to compile with the following errors:": "picture",
    "Failed to load image texture '/x/wood.png'": "asset",
    "Cannot load image file: '/x/wood.png'": "asset",
}
TRUTHS = (
    "Fra:1 Mem:8.24M (Peak 8.30M) | Time:00:00.00 | Mem:0.09M | Scene, ViewLayer | Loading denoising kernels",
    "Fra:1 Mem:8.24M (Peak 8.30M) | Time:00:00.00 | Scene, ViewLayer | Updating Images | Loading missing.png",
    "Saved: '/tmp/render.exr'",
)


@pytest.mark.parametrize("line", LIES)
def test_what_blender_says_about_a_bad_picture_is_heard(tmp_path, line):
    log = tmp_path / "log"
    log.write_text("\n".join([*TRUTHS, line, *TRUTHS]))
    assert bad_message(log) == (LIES[line], line)
    log.write_text("\n".join(TRUTHS))
    assert bad_message(log) is None


def test_a_picture_that_blender_called_bad_is_thrown_away(copy, tortured):
    """A log of an earlier try says so; the worker reads it when the renders are there."""
    layout = SetLayout(copy)
    (layout.renders(ROOM) / "view.json").unlink()
    (layout.renders(ROOM) / "night.exr").write_bytes((layout.renders(ROOM) / "noon_clear.exr").read_bytes())
    (copy / ".rdharmony" / "views" / f"{ROOM}.json").unlink()
    (copy / ROOM.replace("/", "/masks/")).with_suffix(".png").unlink()
    layout.job_log(ROOM).parent.mkdir(parents=True, exist_ok=True)
    layout.job_log(ROOM).write_text("Error: OpenImageDenoise error: out of luck\n")
    kinds = []
    assert pool(layout, "render,compose", lambda event: kinds.append(event["event"])) == []
    assert kinds.count("rendered") == 1
    assert kinds.count("started") == 2, "the second try begins with a clean log"
    assert content(copy) == content(tortured[1])


def test_a_lost_composite_without_renders_is_rendered_again(copy, tortured, rdharmony):
    shutil.rmtree(copy / "renders" / ROOM)
    (copy / "SHuman" / "composite_images" / "room_00_v001-4_10.jpg").unlink()
    assert rdharmony("make", copy, *MADE, "--quiet") == (0, "", "")
    assert content(copy) == content(tortured[1])


def test_a_job_of_another_set_is_refused(composed, rdharmony, refusal):
    path = composed / "jobs" / f"{VIEW}.json"
    whole = path.read_text()
    for old, new, message in (
        ('"seed": 7', '"seed": 8', "is a job of another data set: its seed is 8 but the recipe here says 7"),
        ('"width": 64', '"width": 640000', "is a job of another data set: its width is 640000"),
        (f'"job_id": "{VIEW}"', '"job_id": "../../../etc/cron.d/x"', "but says it is '../../../etc/cron.d/x'"),
    ):
        assert old in whole
        path.write_text(whole.replace(old, new, 1))
        assert message in refusal("render", composed)
        command = [sys.executable, "-m", "rdharmony_gen.run.worker", str(composed), "--steps", "compose"]
        done = subprocess.run(command, input=f"{path}\n", capture_output=True, text=True, check=False)
        assert message in json.loads(done.stdout.splitlines()[-1])["message"]
    path.write_text(whole)
    assert rdharmony("render", composed)[0] == 0


@pytest.mark.parametrize("program", ["rdharmony", "blender"])
def test_machines_with_other_versions_are_refused(composed, refusal, program):
    (composed / ".rdharmony" / "versions" / program).write_text("0.0.9\n")
    forget(composed, VIEW)
    assert f"was begun with {program} 0.0.9 but this machine has" in refusal("render", composed)


def test_ray_is_asked_for_in_one_sentence(composed, refusal, monkeypatch):
    """Ray is hidden from the process as if it were not installed."""
    monkeypatch.setitem(sys.modules, "ray", None)
    forget(composed, VIEW)
    assert refusal("render", composed, "--engine", "ray").endswith('install it: pip install "rdharmony[ray]"')


def test_a_ray_cluster_that_is_not_there_is_named_at_once(composed, refusal):
    forget(composed, VIEW)
    started = time.monotonic()
    said = refusal("render", composed, "--engine", "ray", "--address", "127.0.0.1:1")
    assert "no Ray cluster answers at 127.0.0.1:1" in said
    assert time.monotonic() - started < 60, "Ray itself tries for five minutes"


def test_a_ray_cluster_that_loses_a_node_gives_the_same_bytes(copy, tortured):
    """Two raylets with one worker each; one is killed -9 while both render."""
    from ray.cluster_utils import Cluster

    forget(copy, ROOM, "SHuman/park_00_v000")
    node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        other = cluster.add_node(**node)
        options = ["--engine", "ray", "--address", cluster.address, "--cpus-per-job", "1", "--quiet"]
        command = [sys.executable, "-m", "rdharmony_gen", "make", str(copy), *MADE, *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        held: list[Path] = []
        while not (len(held) == 2 and all((copy / "renders" / "SHuman" / claim.stem).is_dir() for claim in held)):
            assert process.poll() is None
            time.sleep(0.02)
            held = list(copy.glob(".rdharmony/claims/SHuman/*.1"))
        os.kill(other.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        _, error = process.communicate()
        assert process.returncode == 0, error
    finally:
        cluster.shutdown()
    assert content(copy) == content(tortured[1])


def test_a_link_to_itself_and_a_plan_larger_than_the_disk_are_refused(tmp_path, refusal):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "is a link that leads nowhere" in refusal("make", loop, *MADE)
    huge = refusal("make", tmp_path / "huge", "--views", "9000", "--size", "8192x8192")
    assert re.search(r"should have about [\d.e+]+ TB free for 9000 views but has", huge)
    assert not list((tmp_path / "huge").rglob("*.json"))


def test_a_disk_that_fills_up_is_one_sentence_and_nothing_half_written(rendered, tmp_path):
    """A tiny tmpfs that another program fills, where mounting is allowed, else a file-size limit."""
    out = tmp_path / "small"
    out.mkdir()
    options = ["-o", "size=20m", "tmpfs", str(out)]
    mounted = subprocess.run(["mount", "-t", "tmpfs", *options], capture_output=True, check=False).returncode == 0
    limit = "" if mounted else "ulimit -f 4; "
    try:
        for name in ("jobs", "renders"):
            shutil.copytree(rendered / name, out / name)
        command = f"{sys.executable} -m rdharmony_gen compose {out} --quiet --workers 1"
        process = subprocess.Popen(["bash", "-c", limit + command], stderr=subprocess.PIPE, text=True)
        if mounted:
            while not list(out.glob(".rdharmony/claims/SHuman/*")):
                assert process.poll() is None, "it ended before it began a view"
                time.sleep(0.01)
            subprocess.run(["dd", "if=/dev/zero", f"of={out}/jobs/filler"], capture_output=True, check=False)
        _, error = process.communicate()
        assert process.returncode == 1
        assert "Traceback" not in error
        assert re.search("disk is full|nearly full|could not be written|No space left", error.splitlines()[-1])
        for path in (out / "SHuman").rglob("*"):
            assert path.is_dir() or path.suffix in (".png", ".jpg")
            if path.suffix == ".png":
                read_mask(path)
            elif path.suffix == ".jpg":
                Image.open(path).load()
    finally:
        if mounted:
            subprocess.run(["umount", str(out)], check=True)


def test_failures_are_tried_again_by_the_next_run(rendered_once, composed_once, composed, rdharmony, refusal):
    layout, _ = existing(composed)
    forget(composed, VIEW)
    job = composed / "jobs" / f"{VIEW}.json"
    whole = job.read_text()
    job.write_text(whole.replace('"scene": "city_corner"', '"scene": "unicorn"', 1))
    assert "1 of 4 views failed" in refusal("render", composed)
    assert (composed / "failures.jsonl").is_file()
    assert failure_of(layout, VIEW) is not None
    found = rdharmony("status", composed)[1].splitlines()
    assert found[0] == "0 pending, 0 running, 0 rendered, 3 done, 1 failed"
    assert found[1].startswith(f"{VIEW} failed (asset): ")
    job.write_text(whole)
    shutil.copytree(rendered_once / "renders" / VIEW, composed / "renders" / VIEW, dirs_exist_ok=True)
    assert rdharmony("make", composed, *COMPUTED, "--quiet") == (0, "", "")
    assert content(composed) == content(composed_once["rdharmony"])
