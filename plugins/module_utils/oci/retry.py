# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to try again, and how long to wait before."""

from __future__ import annotations

import dataclasses
import email.utils
import random
import time
import typing as t

from .errors import RegistryError, ResponseError

T = t.TypeVar("T")


def _sleep(seconds: float) -> None:
    """Wait, by what ``time.sleep`` is at this moment: tests need not."""
    time.sleep(seconds)


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter. All times are in seconds.

    ``attempts`` counts the first one. A registry that asks (Retry-After) for more than ``longest_wait`` gets no further
    attempt: the caller learns at once instead of hanging.
    """

    attempts: int = 5
    first_delay: float = 0.2
    longest_delay: float = 5.0
    longest_wait: float = 60.0
    sleep: t.Callable[[float], object] = _sleep

    def run(self, attempt: t.Callable[[], T]) -> T:
        """Call ``attempt`` until it succeeds, fails for good, or the attempts are used up; raise its last error."""
        number = 1
        while True:
            try:
                return attempt()
            except RegistryError as error:
                delay = self._delay(error, number)
                if delay is None or number >= self.attempts or error.given_up or not error.transient:
                    error.given_up = True
                    raise
            self.sleep(delay)
            number += 1

    def pause(self, number: int) -> None:
        """Wait as after the ``number``-th attempt, for those who try again by themselves."""
        self.sleep(self._backoff(number))

    def _delay(self, error: RegistryError, number: int) -> float | None:
        asked = error.retry_after if isinstance(error, ResponseError) else None
        if asked is not None:
            return asked if asked <= self.longest_wait else None
        return self._backoff(number)

    def _backoff(self, number: int) -> float:
        backoff = min(self.longest_delay, self.first_delay * 2.0 ** (number - 1))
        return backoff * random.uniform(0.5, 1.0)


def parse_retry_after(value: str | None, *, now: t.Callable[[], float] = time.time) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3): a number or a date; None if there is none."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now())
    except (TypeError, ValueError, OverflowError):
        return None  # neither form: the usual backoff applies
