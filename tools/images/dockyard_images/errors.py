# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the builder, and how it talks while it works."""

from __future__ import annotations


class BuildError(Exception):
    """An image cannot be built. The text says what is missing and what to do about it."""


def say(name: str, text: str) -> None:
    """Print one line about an image at once (also when the output is a pipe)."""
    print(f"{name}: {text}", flush=True)
