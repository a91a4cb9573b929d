# SPDX-License-Identifier: Apache-2.0
"""`harmonize serve`."""

from __future__ import annotations

import os
import signal
import sys
import webbrowser
from pathlib import Path

from harmonize_core.commands.terminal import say

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    model: Path = Path("charmnet_hr"),
    port: int = 7860,
    host: str = "127.0.0.1",
    browser: bool = True,
    quiet: bool = False,
) -> int:
    """Try a network in a page on this machine: drop pictures, move sliders, compare, download. Ctrl-C ends it.

    Example: harmonize serve

    Example: harmonize serve --model runs/first --port 8000 --no-browser

    Args:
        model: A run's folder, a .safetensors or .onnx file, or the name of a network whose weights come with the
            package.
        port: Where the page is; 0 takes a free one.
        host: Address to listen at. Any other than 127.0.0.1 lets other machines in, unencrypted, if they have the
            token.
        browser: Open the page in the browser of this machine.
        quiet: Print nothing but the address and errors.
    """
    from harmonize_core.infer.shipped import shipped
    from harmonize_core.web.desk import Desk
    from harmonize_core.web.folder import passing_folder
    from harmonize_core.web.guard import Guard
    from harmonize_core.web.lending import Lending
    from harmonize_core.web.server import PageServer

    if model.suffix != ".onnx" and not shipped(model):
        from harmonize_core.train.state import weights_of

        model = weights_of(model)
    lending = Lending.of_file(model)
    _end_on_signals()
    with passing_folder() as folder, PageServer(host, port, Guard.of(host), Desk(lending, folder)) as server:
        if not quiet:
            if host not in LOOPBACK:
                print(f"note: other machines reach this server at {host}, unencrypted", file=sys.stderr)
            print(f"{lending[None].info.name}; Ctrl-C ends it, and what was loaded goes away", file=sys.stderr)
        say(server.url)
        if browser and _has_screen():
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            if not quiet:
                print("ended", file=sys.stderr)
    return 0


def _end_on_signals() -> None:
    """SIGTERM, and SIGHUP where there is one (the terminal was closed; with nohup it goes on)."""
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)  # the temporary folder goes away on the way out


def _has_screen() -> bool:
    """Where there is none, a browser of the terminal would take the terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
