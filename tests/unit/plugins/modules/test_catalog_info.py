# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module catalog_info, and that all modules for a registry are in its action group."""

from __future__ import annotations

import importlib
import pathlib

import pytest
import yaml

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

ROOT = pathlib.Path(__file__).parents[4]
ONE, MANY = platform_image(), index_image()


@pytest.fixture
def filled(registry: MemoryRegistry) -> MemoryRegistry:
    registry.put("b", "2", ONE.contents, ONE.root)
    registry.put("a", "1", MANY.contents, MANY.root)
    registry.put("b", "10", MANY.contents, MANY.root)
    return registry


def test_documentation_and_code_agree() -> None:
    assert modules.spec_of_documentation("catalog_info") == modules.spec_of_code("catalog_info")


@pytest.mark.parametrize("check", [True, False])
def test_everything(filled: MemoryRegistry, check: bool) -> None:
    result = modules.run("catalog_info", url=filled.url, check=check)
    many = {
        "digest": MANY.root,
        "media_type": MANY.media_type,
        "size": MANY.size,
        "platforms": ["linux/amd64", "linux/arm64"],
    }
    one = {"digest": ONE.root, "media_type": ONE.media_type, "size": ONE.size, "platforms": ["linux/amd64"]}
    assert result["repositories"] == [
        {"name": "a", "tags": [{"name": "1", **many}], "empty": False},
        {"name": "b", "tags": [{"name": "10", **many}, {"name": "2", **one}], "empty": False},
    ]
    assert (result["changed"], result["errors"], filled.writes) == (False, [], [])
    assert (result["next"], result["unmatched"]) == (None, [])


def test_names_only(filled: MemoryRegistry) -> None:
    result = modules.run("catalog_info", url=filled.url, gather="names", repositories=["b", "none/such"])
    assert result["repositories"] == [
        {"name": "b", "tags": [{"name": "10"}, {"name": "2"}], "empty": False}
    ]
    assert result["unmatched"] == [{"option": "repositories", "pattern": "none/such"}]
    assert not [line for line in filled.log if "manifests" in line]


def test_repositories_only(filled: MemoryRegistry) -> None:
    result = modules.run("catalog_info", url=filled.url, gather="repositories", repositories=["b", "none/such", "c*"])
    assert result["repositories"] == [{"name": "b"}]
    assert [entry["pattern"] for entry in result["unmatched"]] == ["none/such", "c*"]
    assert filled.log == ["GET /v2/", "GET /v2/_catalog?n=1000"]


def test_patterns_and_digests(filled: MemoryRegistry) -> None:
    result = modules.run(
        "catalog_info", url=filled.url, repositories=["*", "!a"], tags=["1*", "!*x"], gather="digests"
    )
    assert result["repositories"] == [
        {"name": "b", "tags": [{"name": "10", "digest": MANY.root, "media_type": MANY.media_type}], "empty": False}
    ]


def test_pages(filled: MemoryRegistry) -> None:
    first = modules.run("catalog_info", url=filled.url, limit=1, gather="names", page_size=1)
    second = modules.run("catalog_info", url=filled.url, limit=1, gather="names", after=first["next"])
    assert [[one["name"] for one in result["repositories"]] for result in (first, second)] == [["a"], ["b"]]
    assert (first["next"], second["next"]) == ("a", None)


def test_progress_is_a_file_that_goes(filled: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "progress"
    assert modules.run("catalog_info", url=filled.url, progress_file=str(path))["repositories"]
    assert not path.exists()
    path.touch()
    assert "cannot be made: File exists" in modules.run("catalog_info", url=filled.url, progress_file=str(path))["msg"]


def test_partial_failures(filled: MemoryRegistry) -> None:
    filled.broken["GET /v2/b/manifests/2"] = (404, "MANIFEST_UNKNOWN")
    result = modules.run("catalog_info", url=filled.url)
    assert not result.get("failed")
    (error,) = result["errors"]
    assert (error["repository"], error["tag"]) == ("b", "2")
    assert "MANIFEST_UNKNOWN" in error["msg"]
    unread = {"digest": None, "media_type": None, "size": None, "platforms": []}
    assert result["repositories"][1]["tags"][1] == {"name": "2", **unread}


def test_a_catalog_that_is_refused(filled: MemoryRegistry) -> None:
    filled.broken["GET /v2/_catalog"] = (403, "DENIED")
    result = modules.run("catalog_info", url=filled.url)
    assert result["failed"] and result["error"]["status"] == 403
    assert "no right" in result["msg"]


def test_bad_input(filled: MemoryRegistry) -> None:
    for options, problem in (
        ({"repositories": ["a", "Bad Name"]}, "Bad Name"),
        ({"repositories": ["!"]}, "no name and no pattern"),
        ({"tags": ["-x"]}, "not a tag"),
        ({"limit": 0}, "limit is 0"),
        ({"page_size": 0}, "page_size is 0"),
        ({"gather": "all"}, "must be one of"),
        ({"gather": "repositories", "tags": ["1"]}, "tags chooses among tags"),
    ):
        result = modules.run("catalog_info", url=filled.url, **options)
        assert result["failed"] and problem in result["msg"]
    assert not filled.log


def test_modules_for_a_registry_are_in_its_action_group() -> None:
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["registry"]
    documented = []
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        module = importlib.import_module(f"{modules.PLUGINS}.modules.{path.stem}")
        fragments = yaml.safe_load(module.DOCUMENTATION).get("extends_documentation_fragment", [])
        if "dockyard.registry.registry" in fragments:
            assert "dockyard.registry.attributes.actiongroup_registry" in fragments
            documented.append(path.stem)
    assert documented == sorted(group)
