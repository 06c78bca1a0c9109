# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a registry that is away is waited for."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch import patience as module
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.patience import Patience
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    RegistryError,
    ResponseError,
)

HOST = "registry.invalid:5000"
URL = f"http://{HOST}/v2/"


class Clock:
    """Goes on by a second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Work:
    """Fails with some errors, and then succeeds."""

    def __init__(self, *errors: RegistryError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0)


def away() -> ConnectionFailed:
    return ConnectionFailed("GET", URL, "no connection", reason="refused")


def test_an_outage_is_waited_for() -> None:
    work = Work(away(), away(), ResponseError("GET", URL, 503))
    assert Patience(60, clock=Clock()).run([HOST], work) == "done"
    assert work.calls == 4


def test_a_registry_is_lost_once_for_all() -> None:
    patience = Patience(5, clock=Clock())
    work = Work(*(away() for _time in range(99)))
    with pytest.raises(ConnectionFailed):
        patience.run([HOST], work)
    assert 4 <= work.calls <= 7
    later = Work()
    with pytest.raises(ConnectionFailed):
        patience.run(["other.invalid", HOST], later)
    assert later.calls == 0
    assert patience.run(["other.invalid"], later) == "done"


def test_each_outage_has_its_own_time() -> None:
    clock = Clock()
    patience = Patience(5, clock=clock)
    for _time in range(5):
        assert patience.run([HOST], Work(away(), away(), away())) == "done"


@pytest.mark.parametrize(
    "error",
    [
        RegistryError("no"),
        ResponseError("GET", URL, 404),
        ConnectionFailed("GET", URL, "x", reason="certificate"),
        ConnectionFailed("GET", URL, "x", reason="closed"),
        ResponseError("GET", URL, 429, retry_after=3600),
        ResponseError("GET", URL, 503, retry_after=3600),
        ResponseError("GET", URL, 500),
    ],
)
def test_what_time_does_not_heal(error: RegistryError) -> None:
    work = Work(error)
    with pytest.raises(RegistryError) as raised:
        Patience(60).run([HOST], work)
    assert raised.value is error and work.calls == 1


def test_what_fails_alone_loses_no_registry() -> None:
    """The registry serves others all the while: this work ends, and nobody else's."""
    clock = Clock()
    patience = Patience(10, clock=clock)

    class Alone(Work):
        def __call__(self) -> str:
            assert patience.run([HOST], Work()) == "done"
            return super().__call__()

    with pytest.raises(ConnectionFailed):
        patience.run([HOST], Alone(*(away() for _time in range(99))))
    assert patience.run([HOST], Work()) == "done"


def test_no_patience_at_all() -> None:
    work: t.Callable[[], str] = Work(away())
    with pytest.raises(ConnectionFailed):
        Patience(0).run([HOST], work)


def test_waiting_can_be_ended() -> None:
    stopped = threading.Event()
    stopped.set()
    work = Work(away())
    with pytest.raises(ConnectionFailed):
        Patience(60, stopped=stopped).run([HOST], work)
    assert work.calls == 1
