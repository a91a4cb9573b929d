# SPDX-License-Identifier: Apache-2.0
"""`python -m harmonize_core`: the command `harmonize`, as torchrun -m starts it."""

import sys

from harmonize_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
