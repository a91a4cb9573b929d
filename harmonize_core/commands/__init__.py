# SPDX-License-Identifier: Apache-2.0
"""The commands of `harmonize` by group: of each function the signature is the options, the docstring the help."""
