# SPDX-License-Identifier: Apache-2.0
"""Cost and memory over many views in one worker: a line for every 50 views, from what the run itself noted.

    python scripts/bench_memory.py [VIEWS [OUT]]

Renders VIEWS (300) tiny views of people in all places to OUT (a temporary folder), with `rdharmony make --workers 1`.
Run again with the same OUT, it goes on.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EVERY = 50


def main() -> None:
    views = int(sys.argv[1]) if len(sys.argv) > 1 else 6 * EVERY
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch) / "out"
        command = f"{sys.executable} -m rdharmony_gen make {out} --views {views} --size 32x32 --samples 1 --seed 3"
        subprocess.run([*command.split(), "--styles", "noon_clear", "night", "--workers", "1", "--quiet"], check=True)
        lines = [json.loads(line) for line in (out / ".rdharmony/timings.jsonl").read_text().splitlines()]
    rendered = [line for line in lines if line["event"] == "rendered"]
    print("| views | peak RSS, MB | CPU s a view, median |\n|---|---|---|")
    for first in range(0, len(rendered), EVERY):
        part = rendered[first : first + EVERY]
        peak, cpu = max(line["peak_mb"] for line in part), statistics.median(line["cpu_s"] for line in part)
        print(f"| {first + 1} to {first + len(part)} | {peak:.0f} | {cpu:.1f} |")


if __name__ == "__main__":
    main()
