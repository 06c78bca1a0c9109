# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a copy is: counts, and the lines that say so."""

from __future__ import annotations

import collections
import threading
import time
import typing as t

_WINDOW = 20.0
"""Seconds whose average the rate is."""

_IDLE = 5.0
"""Seconds after which it is said that nothing moves."""


class Totals(t.NamedTuple):
    """Blobs and bytes that were sent, linked from another repository of the registry, or in theirs before."""

    uploaded: int = 0
    uploaded_bytes: int = 0
    mounted: int = 0
    mounted_bytes: int = 0
    existing: int = 0
    existing_bytes: int = 0


Kind = t.Literal["uploaded", "mounted", "existing"]


class Meter:
    """Counts what is done. Threads share it."""

    def __init__(self, images: int, size: int, *, clock: t.Callable[[], float] = time.monotonic) -> None:
        """Begin to count.

        :param images: the number of images to copy.
        :param size: the bytes to be sent at the most.
        """
        self._images = images
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._done = 0
        self._failed = 0
        self._moved = 0
        self._settled = 0
        self._counts: dict[str, int] = dict.fromkeys(Totals._fields, 0)
        self._latest = clock()
        self._samples: collections.deque[tuple[float, int]] = collections.deque([(clock(), 0)])

    @property
    def totals(self) -> Totals:
        """What the blobs came to."""
        with self._lock:
            return Totals(**self._counts)

    @property
    def moved(self) -> int:
        """Bytes read from sources to be sent, those that were sent again counted again."""
        return self._moved

    def move(self, size: int) -> None:
        """Count bytes on their way."""
        with self._lock:
            self._moved += size
            self._latest = self._clock()

    def settle(self, kind: Kind, size: int, *, planned: bool = False) -> None:
        """Count a blob that is where it belongs.

        :param planned: whether its bytes are a part of the bytes to be sent.
        """
        with self._lock:
            self._latest = self._clock()
            self._counts[kind] += 1
            self._counts[f"{kind}_bytes"] += size
            if planned:
                self._settled += size

    def drop(self, size: int) -> None:
        """Count a planned blob that will not be sent, since it failed or nobody needs it any more."""
        with self._lock:
            self._settled += size

    def end(self, *, failed: bool) -> None:
        """Count an image that is done, one way or the other."""
        with self._lock:
            self._latest = self._clock()
            self._done += not failed
            self._failed += failed

    def line(self) -> str:
        """Return how far it is: images, bytes, bytes a second, and the time that is left, or for how long it stands still."""
        with self._lock:
            now = self._clock()
            self._samples.append((now, self._moved))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW:
                self._samples.popleft()
            since, moved = self._samples[0]
            rate = (self._moved - moved) / (now - since) if now > since else 0.0
            # What is on its way counts as far as it is, and never as more than there is.
            done = min(self._size, max(self._settled, min(self._moved + self._skipped, self._size)))
            parts = [f"{self._done} of {self._images} images"] if self._images > 1 else []
            if self._failed:
                parts.append(f"{self._failed} failed")
            parts.append(f"{shown_size(done)} of {shown_size(self._size)}")
            idle = now - self._latest
            if idle > _IDLE:
                parts.append(f"nothing has moved for {shown_time(idle)}")
            elif rate > 0:
                left = (self._size - done) / rate
                parts += [f"{shown_size(rate)}/s", f"{shown_time(left)} left"]
            return ", ".join(parts)

    @property
    def _skipped(self) -> int:
        """Planned bytes that turned out to need no sending. The lock is held."""
        return max(0, self._settled - self._counts["uploaded_bytes"])


def shown_size(size: float) -> str:
    """Return a number of bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def shown_time(seconds: float) -> str:
    """Return a time for people."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
