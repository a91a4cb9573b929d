# SPDX-License-Identifier: Apache-2.0
"""The published tables that the project started from, made again on given data: `harmonize benchmark seeds-table`."""
