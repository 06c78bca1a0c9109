# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying again."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError, ResponseError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.retry import RetryPolicy, parse_retry_after


class Flaky:
    def __init__(self, *errors: RegistryError) -> None:
        self.errors = list(errors)

    def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def answer(status: int, retry_after: float | None = None) -> ResponseError:
    return ResponseError("GET", "http://x/", status, retry_after=retry_after)


def test_backoff_grows_up_to_a_limit() -> None:
    waits: list[float] = []
    policy = RetryPolicy(attempts=6, first_delay=1, longest_delay=4, sleep=waits.append)
    assert policy.run(Flaky(*[answer(503)] * 5)) == "done"
    for wait, longest in zip(waits, (1, 2, 4, 4, 4)):
        assert longest / 2 <= wait <= longest


def test_attempts_end() -> None:
    waits: list[float] = []
    flaky = Flaky(*[answer(503)] * 9)
    with pytest.raises(ResponseError):
        RetryPolicy(attempts=3, sleep=waits.append).run(flaky)
    assert (len(waits), len(flaky.errors)) == (2, 6)


def test_final_errors_are_not_repeated() -> None:
    flaky = Flaky(answer(404), answer(503))
    with pytest.raises(ResponseError, match="404"):
        RetryPolicy().run(flaky)
    assert len(flaky.errors) == 1


def test_the_registrys_wish_is_followed_up_to_a_limit() -> None:
    waits: list[float] = []
    policy = RetryPolicy(sleep=waits.append)
    assert policy.run(Flaky(answer(429, 7), answer(429, 0))) == "done"
    assert waits == [7, 0]
    with pytest.raises(ResponseError, match="again in 3600 seconds"):
        policy.run(Flaky(answer(429, 3600)))
    assert waits == [7, 0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("-1", None),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("9" * 400, 999999999.0),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, now=lambda: 10.0) == expected
