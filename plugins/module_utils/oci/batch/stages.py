# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a list is planned, which with a slow source takes longer than many a copy."""

from __future__ import annotations

import time
import typing as t

from .meter import shown_time
from .parallel import each

A = t.TypeVar("A")
B = t.TypeVar("B")


class Stages:
    """The parts of a plan, each of them the same for each of many things, by some threads."""

    def __init__(self, threads: int, *, clock: t.Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        :param threads: how many of the things are done at a time.
        """
        self._threads = threads
        self._clock = clock
        self._began = clock()
        self._doing = "planning"
        self._of = 0
        # Appended to by all threads, which takes no lock, as adding to a number would.
        self._done: list[None] = []

    def each(self, doing: str, work: t.Callable[[A], B], items: t.Sequence[A]) -> list[B]:
        """Return the results in the order of the items.

        :param doing: what is done, for the line.
        """
        if not items:
            return []
        self.begin(doing, len(items))

        def counted(item: A) -> B:
            result = work(item)
            self._done.append(None)
            return result

        return each(counted, items, self._threads)

    def begin(self, doing: str, number: int = 1) -> None:
        """Begin with something else."""
        self._doing, self._of, self._done = doing, number, []

    def line(self) -> str:
        """Return what is being done, for how many of how many, and for how long the plan has been worked on."""
        since = shown_time(self._clock() - self._began)
        counted = f", {len(self._done)} of {self._of}" if self._of > 1 else ""
        return f"{self._doing}{counted} (planning since {since})"
