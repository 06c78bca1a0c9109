# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module swarm_info: it answers where there is no engine and no Swarm, and documents all that it says."""

from __future__ import annotations

import pathlib

import yaml

from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules


def test_no_engine(tmp_path: pathlib.Path) -> None:
    result = modules.run("swarm_info", engine_socket=str(tmp_path / "none.sock"), ports=[1], addresses=["127.0.0.1"],
                         service="registry", label="dockyard.registry.name=registry")
    assert result["changed"] is False
    assert result["swarm"]["state"] == "none"
    assert result["service"]["exists"] is False
    assert result["objects"] == {"secrets": [], "configs": []}
    assert result["own_addresses"] == ["127.0.0.1"]
    assert isinstance(result["ipvs"]["available"], bool)
    documented = yaml.safe_load(modules.load("swarm_info").RETURN)
    assert set(result) - {"changed", "invocation", "warnings"} == set(documented)
    for key in ("swarm", "ipvs", "service"):
        assert set(result[key]) == set(documented[key]["sample"]), key


def test_the_library(monkeypatch) -> None:
    module = modules.load("swarm_info")
    monkeypatch.setattr(module.importlib, "import_module", lambda _name: type("docker", (), {"__version__": "7.1.0"}))
    assert module.sdk_version() == "7.1.0"

    def missing(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(module.importlib, "import_module", missing)
    assert module.sdk_version() == ""
