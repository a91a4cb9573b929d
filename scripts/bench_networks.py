# SPDX-License-Identifier: Apache-2.0
"""Print what each network costs on one CPU thread: `python scripts/bench_networks.py [NAME ...]`.

CPU seconds of one picture of the size the network is made for (the second of two, weights untrained), and parameters:
all, and those in use (one domain's branch, no translator).
"""

import sys
import time

import torch

from harmonize_core.models import init_weights, lookup, parameter_count, registered


def row(name: str) -> str:
    """The line of one network."""
    entry = lookup(name)
    model = entry.config.build()
    init_weights(model, seed=0)
    model.reset_special()
    network = model.eval().inference().eval()
    side = entry.input_spec.size
    composite, mask = torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side)
    mask[..., side // 4 : side // 2, side // 4 : side // 2] = 1
    for _ in range(2):
        before = time.process_time()
        with torch.inference_mode():
            network(composite, mask)
        seconds = time.process_time() - before
    return f"| `{name}` | {parameter_count(model):,} | {parameter_count(network):,} | {side} | {seconds:.2f} |"


def main(names: list[str]) -> None:
    """Print the table of the networks named, or of all."""
    torch.set_num_threads(1)
    print("| network | parameters | in use | side, px | CPU s a picture |")
    print("|---|---|---|---|---|")
    for name in names or sorted(registered()):
        print(row(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
