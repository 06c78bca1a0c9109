# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a registry that was there and is away, once for all that is asked of it.

Every request is tried again a few times by the transport. What still fails then is tried again here, as a whole, until
the registry has been away too long. From then on nothing waits for it any more, so many images that need it cost no more
than one.
"""

from __future__ import annotations

import threading
import time
import typing as t
from urllib.parse import urlsplit

from ..errors import ConnectionFailed, RegistryError, ResponseError

T = t.TypeVar("T")

LONGEST_OUTAGE = 60.0
"""Seconds that a registry may be away; a restart takes a few."""

_PAUSE = 1.0
"""Seconds between two tries; each has a few requests with pauses of their own."""


class Patience:
    """Tries again while a registry is away. Threads share it."""

    def __init__(
        self,
        longest: float,
        *,
        clock: t.Callable[[], float] = time.monotonic,
        stopped: threading.Event | None = None,
    ) -> None:
        """Know of no outage yet.

        :param longest: seconds from the first failure of a registry to the last try.
        :param stopped: ends all waiting.
        """
        self._longest = longest
        self._clock = clock
        self._stopped = stopped or threading.Event()
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}
        self._lost: dict[str, RegistryError] = {}

    def run(self, hosts: t.Collection[str], work: t.Callable[[], T]) -> T:
        """Return what the work returns.

        :param hosts: each ``host[:port]`` that it asks; if one of them is lost, it is not begun.
        :raises RegistryError: its last failure, or the one by which a host of it was lost.
        """
        first: float | None = None
        while True:
            self._refuse_lost(hosts)
            try:
                result = work()
            except RegistryError as error:
                host = urlsplit(getattr(error, "url", "")).netloc
                if not host or not _is_away(error):
                    raise
                now = self._clock()
                first = now if first is None else first
                if not self._may_try_again(host, error, first, now):
                    raise
                if self._stopped.wait(_PAUSE):
                    raise
            else:
                with self._lock:
                    for host in hosts:
                        self._since.pop(host, None)
                return result

    def _refuse_lost(self, hosts: t.Collection[str]) -> None:
        with self._lock:
            for host in hosts:
                if host in self._lost:
                    raise self._lost[host]

    def _may_try_again(self, host: str, error: RegistryError, first: float, now: float) -> bool:
        """Tell whether there is time left; ``first`` is when this work failed for the first time.

        A registry is lost if nothing that was asked of it succeeded for so long. One that serves others is not.
        """
        with self._lock:
            since = self._since.setdefault(host, now)
            if now - since >= self._longest:
                self._lost[host] = error
        return now - first < self._longest and now - since < self._longest


def _is_away(error: RegistryError) -> bool:
    """Tell whether a failure means that a registry is not there, rather than that it does not like what it is asked.

    A connection that breaks does not: whoever reads goes on from there, and finds out then.
    """
    if isinstance(error, ConnectionFailed):
        return error.reason in ("refused", "timeout")
    return isinstance(error, ResponseError) and error.status in (502, 503, 504) and not error.retry_after
