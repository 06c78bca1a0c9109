# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries in memory for the tests of modules."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Take the logins and certificates of whoever runs the tests out of the way, and return an empty home."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[MemoryRegistry]:
    """Return an empty registry, with the machine's proxies and settings out of the way."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("URL", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"DOCKYARD_REGISTRY_{name}", raising=False)
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    memory = MemoryRegistry()
    yield memory
    memory.close()


@pytest.fixture
def guarded() -> t.Iterator[MemoryRegistry]:
    """Return an empty registry that asks for ada's password."""
    memory = MemoryRegistry(credentials=("ada", "hunter2"))
    yield memory
    memory.close()
