# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m rdharmony_gen` is the command `rdharmony`."""

from rdharmony_gen.cli import main

if __name__ == "__main__":
    main()
