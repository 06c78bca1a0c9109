# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with a service, beside a registry's own failures: one tree with those, so that one `except` does."""

from __future__ import annotations

import typing as t

from ..oci.errors import RegistryError


class SwarmError(RegistryError):
    """A Swarm that refuses or cannot be asked."""


class InvalidService(SwarmError):
    """Parameters that no Swarm can run, or not as they were meant."""


class RolloutFailed(SwarmError):
    """A service that has not become what it was told to be.

    ``state`` is the engine's word for its update, ``tasks`` are the failures of its tasks, as plain values. ``changed`` says that
    something had been written before.
    """

    changed = False

    def __init__(self, message: str, *, hint: str = "", state: str = "", tasks: t.Sequence[t.Mapping[str, t.Any]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.state = state
        self.tasks = [dict(task) for task in tasks]
