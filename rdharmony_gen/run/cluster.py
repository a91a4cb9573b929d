# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers on a Ray cluster: an actor a worker, holding N processors or GPUs of a node, runs the same worker process.

The run itself stays here: it claims jobs, watches and retries. A node that is lost takes its workers along; their jobs
are tried again on the others. Every node needs this package, and the folder of the set under the same path.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import socket
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from harmonize_core.errors import EnvironmentFault
from harmonize_core.formats.lock import try_lock
from rdharmony_gen.run import scratch
from rdharmony_gen.run.local import Event, LocalWorker, OnEvent, Task, Worker

PIP = 'pip install "rdharmony[ray]"'
LOOK_S = 3.0
"""How often the nodes are counted."""
KNOCK_S = 5.0
"""How long the port of a cluster may take to open."""
CONNECT_S = 45.0
"""How long a cluster may take to answer."""


class RayEngine:
    """As many workers as the cluster has room for at this moment."""

    def __init__(self, task: Task, address: str, cpus: int, gpus: float, most: int | None) -> None:
        """Connect to a cluster.

        Args:
            task: What all workers do.
            address: As Ray has it: `auto` for the cluster that this machine is part of, or `host:port`.
            cpus: Processors a worker.
            gpus: GPUs a worker; 0 for none.
            most: No more workers than this.

        Raises:
            EnvironmentFault: Ray is not installed, there is no cluster, or no node is large enough.
        """
        self._ray = _import_ray()
        self._task, self._cpus, self._gpus, self._most = task, cpus, gpus, most
        self._counted = (float("-inf"), 0)
        try:
            _connect(self._ray, address)
        except Exception as error:
            raise EnvironmentFault(
                f"no Ray cluster answers at {address} ({_first_line(error)}); start one with: ray start --head"
            ) from None
        if not self.room():
            self.close()
            wish = f"{cpus} processors" + (f" and {gpus:g} GPUs" if gpus else "")
            raise EnvironmentFault(
                f"no node of the Ray cluster has {wish}; lower --cpus-per-job or --gpus-per-job, or add nodes"
            )

    def room(self) -> int:
        if time.monotonic() - self._counted[0] > LOOK_S:
            nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._counted = (time.monotonic(), sum(self._fit(r) for r in nodes))
        return self._counted[1] if self._most is None else min(self._most, self._counted[1])

    def start(self, number: int, on_event: OnEvent) -> Worker:
        return RayWorker(self._ray, self._task, self._cpus, self._gpus, on_event)

    def close(self) -> None:
        self._ray.shutdown()

    def _fit(self, resources: dict[str, float]) -> int:
        room = int(resources.get("CPU", 0) // self._cpus)
        return min(room, int(resources.get("GPU", 0) // self._gpus)) if self._gpus else room


class RayWorker:
    """The actor of one worker, seen from the run."""

    def __init__(self, ray: Any, task: Task, cpus: int, gpus: float, on_event: OnEvent) -> None:
        self._ray = ray
        self.log = task.layout.logs
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_concurrency": 4, "max_restarts": 0}
        self._actor = ray.remote(Station).options(**options).remote(task, cpus)
        self._thread = threading.Thread(target=self._listen, args=(on_event,), daemon=True)
        self._thread.start()

    def give(self, job: Path) -> None:
        self._actor.give.remote(str(job))

    def retire(self) -> None:
        self._actor.retire.remote()

    def kill(self) -> None:
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor)

    def wait(self) -> None:
        self._thread.join(timeout=10)
        self.kill()

    def _listen(self, on_event: OnEvent) -> None:
        """Until the worker or its node has ended; a node's end reaches us as an error of Ray's."""
        code = None
        with contextlib.suppress(Exception):
            while code is None:
                for event in self._ray.get(self._actor.events.remote()):
                    if event["event"] == "ended":
                        code = event
                    elif event["event"] == "log":
                        self.log = Path(event["path"])
                    else:
                        on_event(event)
        on_event(code or {"event": "ended", "code": None})
        self.kill()


class Station:
    """The actor on a node: starts the worker process there and passes jobs and events on."""

    def __init__(self, task: Task, cpus: int) -> None:
        self._inbox: SimpleQueue[Event] = SimpleQueue()
        log = task.layout.logs / f"worker-{platform.node()}-{os.getpid()}.log"
        self._inbox.put({"event": "log", "path": str(log)})
        share, self._slot = _slot(max(1, (os.cpu_count() or 1) // cpus))
        self._worker = LocalWorker(task, log, share, self._inbox.put)

    def give(self, job: str) -> None:
        """Send a job file."""
        self._worker.give(Path(job))

    def retire(self) -> None:
        """Let the worker end."""
        self._worker.retire()

    def events(self) -> list[Event]:
        """What happened since the last call; waits a while for something to happen."""
        found = []
        with contextlib.suppress(Empty):
            found.append(self._inbox.get(timeout=5.0))
            while True:
                found.append(self._inbox.get_nowait())
        return found


def _connect(ray: Any, address: str) -> None:
    """Join a cluster, or raise within `KNOCK_S` or `CONNECT_S`: Ray itself tries dead addresses for five minutes."""
    known = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    host, colon, port = known.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()
    fault: list[BaseException] = []

    def join() -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except BaseException as error:  # whatever it is, it is the caller's
            fault.append(error)

    joining = threading.Thread(target=join, daemon=True)
    with contextlib.redirect_stdout(None):
        joining.start()
        joining.join(CONNECT_S)
    if joining.is_alive():
        raise TimeoutError(f"something listens there but has not answered as Ray does in {CONNECT_S:.0f} s")
    if fault:
        raise fault[0]


def _slot(slots: int) -> tuple[str, int | None]:
    """A share `i/n` of this node's processors that no other worker of the node has; kept while the lock is open."""
    with contextlib.suppress(OSError):
        scratch.root().mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, slots + 1):
            handle = os.open(scratch.root() / f"slot-{number}-of-{slots}", os.O_RDWR | os.O_CREAT, 0o600)
            if try_lock(handle):
                return f"{number}/{slots}", handle
            os.close(handle)
    return "1/1", None


def _import_ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # workers without a GPU keep what they see
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise EnvironmentFault(f"--engine ray needs Ray, which is not installed here; install it: {PIP}") from None
    return ray


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
