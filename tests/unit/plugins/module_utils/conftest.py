# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers and clients for the tests of the registry client."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.retry import RetryPolicy
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.batch_bench import Bench
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import ScriptedServer


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the machine's proxies out of the tests."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def scripted() -> t.Iterator[t.Callable[..., ScriptedServer]]:
    """Return a maker of scripted servers; all are checked and closed in the end."""
    servers: list[ScriptedServer] = []

    def make(*arguments: t.Any) -> ScriptedServer:
        servers.append(ScriptedServer(*arguments))
        return servers[-1]

    yield make
    for server in servers:
        server.close()
    for server in servers:
        server.check()


@pytest.fixture
def server(scripted: t.Callable[..., ScriptedServer]) -> ScriptedServer:
    """Return one scripted server."""
    return scripted()


@pytest.fixture
def registry() -> t.Iterator[MemoryRegistry]:
    """Return an empty registry in memory."""
    memory = MemoryRegistry()
    yield memory
    memory.close()


@pytest.fixture
def other_registry() -> t.Iterator[MemoryRegistry]:
    """Return a second empty registry in memory."""
    memory = MemoryRegistry()
    yield memory
    memory.close()


@pytest.fixture
def sleeps() -> list[float]:
    """Return the list of the waits between attempts, which last no time in tests."""
    return []


@pytest.fixture
def connect(sleeps: list[float]) -> t.Iterator[t.Callable[..., RegistryClient]]:
    """Return a maker of clients by URL that never really wait."""
    clients: list[RegistryClient] = []

    def make(url: str, **settings: t.Any) -> RegistryClient:
        settings.setdefault("retry", RetryPolicy(sleep=sleeps.append))
        clients.append(RegistryClient(parse_registry_url(url), **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def bench(
    registry: MemoryRegistry,
    other_registry: MemoryRegistry,
    connect: t.Callable[..., RegistryClient],
    tmp_path: pathlib.Path,
) -> Bench:
    """Return a bench for lists of images."""
    return Bench(registry, other_registry, connect(registry.url), connect, tmp_path)
