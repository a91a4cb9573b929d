# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of inference counts."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bench_inference import COPY, Contestant


def test_the_first_picture_of_a_slow_contestant_never_counts_and_one_after_it_is_enough():
    args = argparse.Namespace(memory=12, model=Path("none.onnx"))
    one, slow = Contestant(COPY, args, "1080p", 1, "cpu"), -1.0
    counted = []
    for warming in (True, False, False):
        one.turn(warming, slow)
        counted.append(len(one.answers))
    assert counted == [0, 1, 1]
    assert one.row().cpu_s is not None
