# SPDX-License-Identifier: Apache-2.0
"""Two processes that share a run (gloo on the CPU) do what one does; when one is lost the other says so and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from harmonize_core.checkpoint import load_model
from harmonize_core.data import toy
from harmonize_core.train import state
from harmonize_core.train.log import read_log
from harmonize_core.train.loop import train
from harmonize_core.train.presets import preset

STEPS = 8
PAUSE = 1.5
"""Seconds between checkpoints; a step takes a hundredth of that."""


@pytest.fixture(scope="module", autouse=True)
def networks():
    tiny.register()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("data")
    return toy.write_rendered(folder / "rendered"), toy.write_photographic(folder / "photographic")


def options(data, run: Path, model: str, *more: object) -> list[str]:
    chosen = ("--model", model, "--rendered", data[0], "--photographic", data[1], "--run", run, "--batch-size", 4)
    chosen += ("--validate-limit", 2, "--workers", 0, "--threads", 1, "--quiet", *more)
    return [str(value) for value in ("train", "charmnet-demo", *chosen)]


def start_two(arguments: list[str], script: tuple[str, ...] = (tiny.__file__,)) -> list[subprocess.Popen]:
    """Both processes, told of each other as torchrun tells them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    ranks = [{**common, "LOCAL_WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    command = [sys.executable, *script, *arguments]
    pipe = subprocess.PIPE
    return [subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True) for env in ranks]


def wait_for(run: Path, processes: list[subprocess.Popen], what: str, is_there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        if is_there():
            return
        time.sleep(0.02)
    ended = [process.stderr.read() for process in processes if process.poll() is not None and process.stderr]
    pytest.fail(f"{what} never came in {run}: {ended or 'too slow'}")


def losses(run: Path) -> list[dict[str, float]]:
    rows = [row for row in read_log(run) if row["kind"] == "train"]
    return [{name: value for name, value in row.items() if name not in ("seconds", "kind")} for row in rows]


GRADIENTS = """
import torch
from harmonize_core.train.distributed import connected, from_environment
world = from_environment()
weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2,), (1, 2), (3,))]
with connected(world, torch.device("cpu")):
    weights[0].grad = torch.tensor([1.0, 2.0]) * (1 + 2 * world.rank)
    weights[1].grad = torch.tensor([[-8.0, 4.0]]) * world.rank
    world.average_gradients(weights)
print([None if w.grad is None else w.grad.tolist() for w in weights])
"""


def test_gradients_are_the_mean_over_the_processes():
    """Optimizers that divide by the size of gradients would hide a sum."""
    for process in start_two([GRADIENTS], script=("-c",)):
        printed, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert json.loads(printed.replace("None", "null")) == [[2.0, 4.0], [[-4.0, 2.0]], None]


def test_two_processes_stop_resume_and_learn_as_one(data, tmp_path):
    """CharmNet's batch norms, discriminator and classifiers; equal up to rounding, which optimizers carry along."""
    whole = replace(
        preset("charmnet-demo"), rendered=data[0], photographic=data[1], model="tiny_charmnet", batch_size=4
    )
    whole = replace(whole, run=tmp_path / "one", steps=STEPS, validate_limit=2, workers=0, threads=1, ema=0.9)
    train(whole, quiet=True, say=lambda line: None)

    shared = options(data, tmp_path / "two", "tiny_charmnet", "--steps", STEPS, "--ema", 0.9)
    both = start_two(shared)
    wait_for(tmp_path / "two", both, "step 2", lambda: any(row["step"] >= 2 for row in read_log(tmp_path / "two")))
    both[1].send_signal(signal.SIGTERM)  # one is told, both stop after the same step
    assert [process.wait(120) for process in both] == [0, 0]
    stopped = losses(tmp_path / "two")
    assert 2 <= stopped[-1]["step"] < STEPS
    assert int(state.checkpoints(tmp_path / "two")[-1].name.removeprefix("step-")) == stopped[-1]["step"]

    # as --standalone, on machines that cannot resolve localhost or their own name, too
    here = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1"]
    here += ["--nproc-per-node", "2"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", *here, "--"]
    subprocess.run([*torchrun, tiny.__file__, *shared, "--resume"], check=True, timeout=300)
    for mine, theirs in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert theirs == pytest.approx(mine, rel=1e-3, abs=1e-5)
    networks = [load_model(tmp_path / run / "model.safetensors").model.state_dict() for run in ("one", "two")]
    for name, value in networks[0].items():
        assert torch.allclose(value, networks[1][name], rtol=0.02, atol=2e-3), name  # a step moves a weight by 1e-3


@pytest.fixture
def endless(data, tmp_path) -> Iterator[Callable[..., list[subprocess.Popen]]]:
    """Starts two processes that train until they are ended, in the run folder of this test."""
    both: list[subprocess.Popen] = []

    def start(*more: object) -> list[subprocess.Popen]:
        both.extend(start_two(options(data, tmp_path / "run", "tiny_plain", "--steps", 100_000, *more)))
        return both

    yield start
    for process in both:
        process.kill()
        process.wait()


def assert_lost_the_other(process: subprocess.Popen) -> None:
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip().splitlines()[-1].startswith("error: another process of this run ended")
    assert "Traceback" not in said


def test_checkpoints_by_the_clock_are_as_far_apart_as_asked_until_one_process_is_killed(endless, tmp_path):
    run = tmp_path / "run"
    by_clock = ("--checkpoint-seconds", PAUSE, "--checkpoint-every", 10**6, "--validate-every", 0)
    both = endless(*by_clock, "--keep", 1000)
    wait_for(run, both, "three checkpoints", lambda: len(state.checkpoints(run)) >= 3)
    times = [path.stat().st_mtime for path in state.checkpoints(run)]
    assert min(np.diff(times)) > 0.6 * PAUSE
    both[1].kill()
    assert_lost_the_other(both[0])


def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint_and_the_other_says_so(endless, tmp_path):
    run = tmp_path / "run"
    both = endless("--checkpoint-every", 2)
    writer = both[0]

    def is_half_written() -> bool:
        newest = max((run / "checkpoints").glob("*step-*"), key=lambda path: path.name.strip(".")[:13], default=None)
        return newest is not None and bool(state.checkpoints(run)) and not (newest / "trainer.pt").exists()

    def stands_still() -> bool:
        """With an older checkpoint there and a newer one half-written."""
        if is_half_written():
            writer.send_signal(signal.SIGSTOP)
            os.waitpid(writer.pid, os.WUNTRACED)
            if is_half_written():
                return True
            writer.send_signal(signal.SIGCONT)
        return False

    wait_for(run, both, "a half-written checkpoint", stands_still)
    writer.kill()
    assert writer.wait(60) == -signal.SIGKILL
    assert_lost_the_other(both[1])
    newest = state.checkpoints(run)[-1]
    load_model(newest / "model.safetensors")
    state.load_trainer(newest, torch.device("cpu"))
