# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same for each of many things, by a few threads. An executor's own ``map`` keeps a kilobyte for each from the start."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

A = t.TypeVar("A")
B = t.TypeVar("B")


def each(work: t.Callable[[A], B], items: t.Sequence[A], threads: int) -> list[B]:
    """Return the results in the order of the items; the first failure is raised when the threads have ended."""
    if len(items) < 2:
        return [work(item) for item in items]
    results: list[t.Any] = [None] * len(items)
    numbers = iter(range(len(items)))
    lock = threading.Lock()

    def take() -> int | None:
        with lock:
            return next(numbers, None)

    def run() -> None:
        number = take()
        while number is not None:
            results[number] = work(items[number])
            number = take()

    with ThreadPoolExecutor(min(threads, len(items))) as executor:
        futures = [executor.submit(run) for _thread in range(min(threads, len(items)))]
    for future in futures:
        future.result()
    return results
