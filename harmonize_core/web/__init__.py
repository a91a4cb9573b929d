# SPDX-License-Identifier: Apache-2.0
"""The page of `harmonize serve`: a server on this machine that lends the network to a browser."""
