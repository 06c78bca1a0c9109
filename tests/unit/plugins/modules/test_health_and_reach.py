# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that look: what they return of registries that are well, broken, or not there."""

from __future__ import annotations

import json
import pathlib
import socket
import typing as t

import pytest
import yaml

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules


@pytest.fixture
def no_engine(tmp_path: pathlib.Path) -> dict[str, str]:
    return {"engine_socket": str(tmp_path / "none.sock")}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize("name", ["reach_info", "health_info"])
def test_documentation_names_every_result(name: str, registry: MemoryRegistry, no_engine: dict[str, str]) -> None:
    given: dict[str, t.Any] = {"registry": registry.authority} if name == "reach_info" else {}
    result = modules.run(name, **given, **no_engine)
    documented = yaml.safe_load(modules.load(name).RETURN)
    # A process of many tests keeps the warnings of them all.
    assert set(result) - {"changed", "invocation", "warnings"} == set(documented)


def test_a_registry_on_loopback(registry: MemoryRegistry, no_engine: dict[str, str]) -> None:
    result = modules.run("reach_info", registry=registry.authority, engines=["docker"], **no_engine)
    assert (result["changed"], result["name"]["addresses"]) == (False, ["127.0.0.1"])
    assert (result["server"]["scheme"], result["server"]["status"]) == ("http", 200)
    assert (result["trust"], result["logins"]) == ([], [])
    assert abs(result["clock"]["registry"]) < 5 and result["clock"]["controller"] is None
    assert "does not answer" in result["engine"]["problem"]


def test_nobody_there(no_engine: dict[str, str]) -> None:
    result = modules.run("reach_info", registry=f"127.0.0.1:{free_port()}", controller_time=0.0, **no_engine)
    assert (result["server"]["status"], result["server"]["reason"]) == (None, "refused")
    assert result["clock"]["registry"] is None and result["clock"]["controller"] > 10**9


def test_a_user_that_is_not_there(registry: MemoryRegistry, no_engine: dict[str, str]) -> None:
    result = modules.run("reach_info", registry=registry.authority, os_users=["nobody-of-that-name"], **no_engine)
    assert {login["problem"] for login in result["logins"]} == {"unreadable"}


def test_what_is_no_registry() -> None:
    result = modules.run("reach_info", registry="https://registry.example.com")
    assert result["failed"] and "not host[:port]" in result["msg"]


def test_a_server_without_an_engine(no_engine: dict[str, str], tmp_path: pathlib.Path) -> None:
    result = modules.run("health_info", port=free_port(), data_dir=str(tmp_path), **no_engine)
    assert "does not answer" in result["engine"]["problem"]
    assert (result["container"], result["port"], result["login"]) == (None, None, None)
    assert result["storage"]["exists"]
    assert result["round_trip"]["failed_at"] == "untried"
    # Where a volume is, only the engine knows.
    assert modules.run("health_info", port=free_port(), volume="images", **no_engine)["storage"] is None


def test_a_password_is_not_sent_to_whoever_has_the_port(guarded: MemoryRegistry, no_engine: dict[str, str]) -> None:
    """Something answers on the port, and no container of ours runs: it may be anybody's."""
    port = int(guarded.authority.partition(":")[2])
    result = modules.run("health_info", port=port, username="ada", password="hunter2", **no_engine)
    assert result["server"]["status"] == 401
    assert result["login"]["problem"] == "untried"
    assert not guarded.writes
    assert "hunter2" not in json.dumps({**result, "invocation": None})
