# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tag: four beats (check, run, check, run), what it returns, and what it refuses."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

ONE, MANY = platform_image(), index_image()


@pytest.fixture(params=[2, 3])
def filled(registry: MemoryRegistry, request: pytest.FixtureRequest) -> MemoryRegistry:
    """Return a registry of each major version."""
    registry.major = request.param
    registry.put("team/app", "1", ONE.contents, ONE.root)
    registry.put("team/app", "2", MANY.contents, MANY.root)
    return registry


def beats(registry: MemoryRegistry, **options: t.Any) -> list[dict[str, t.Any]]:
    """Run the module in four beats."""
    results = []
    for check in (True, False, True, False):
        writes = len(registry.writes)
        results.append(modules.run("tag", check=check, diff=True, url=registry.url, **options))
        assert not check or len(registry.writes) == writes
    return results


def test_documentation_and_code_agree() -> None:
    assert modules.spec_of_documentation("tag") == modules.spec_of_code("tag")


@pytest.mark.parametrize("target", ["2", MANY.root])
def test_a_new_tag(filled: MemoryRegistry, target: str) -> None:
    first, second, third, fourth = beats(filled, name="team/app:new", target=target)
    reference = f"{filled.authority}/team/app:new"
    expected = {
        "changed": True,
        "reference": reference,
        "digest": MANY.root,
        "previous_digest": None,
        "media_type": MANY.media_type,
        "untagged": None,
        "deleted": None,
        "diff": {
            "before": {"reference": reference, "digest": None},
            "after": {"reference": reference, "digest": MANY.root},
        },
    }
    assert {key: first[key] for key in expected} == expected
    assert first == second and third == fourth
    assert (third["changed"], third["previous_digest"]) == (False, MANY.root)
    assert third["diff"]["before"] == third["diff"]["after"] == expected["diff"]["after"]
    assert filled.writes == ["PUT /v2/team/app/manifests/new"]


def test_a_moved_tag(filled: MemoryRegistry) -> None:
    first, second, third, fourth = beats(filled, name="team/app:1", target="2")
    assert first == second and third == fourth
    assert (first["changed"], first["previous_digest"], first["untagged"]) == (True, ONE.root, ONE.root)
    assert (third["changed"], third["previous_digest"], third["untagged"]) == (False, MANY.root, None)
    assert filled.tags["team/app", "1"] == MANY.root
    assert ("team/app", ONE.root) in filled.manifests


def test_a_tag_that_goes(filled: MemoryRegistry) -> None:
    first, second, third, fourth = beats(filled, name="team/app:1", state="absent")
    assert first == second and third == fourth
    reference = f"{filled.authority}/team/app:1"
    alone = filled.major == 3
    expected = {
        "changed": True,
        "reference": reference,
        "digest": None,
        "previous_digest": ONE.root,
        "media_type": None,
        "untagged": ONE.root if alone else None,
        "deleted": None if alone else ONE.root,
        "diff": {
            "before": {"reference": reference, "digest": ONE.root},
            "after": {"reference": reference, "digest": None},
        },
    }
    assert {key: first[key] for key in expected} == expected
    assert (third["changed"], third["previous_digest"], third["untagged"], third["deleted"]) == (False, None, None, None)
    assert list(filled.tags) == [("team/app", "2")]
    assert (("team/app", ONE.root) in filled.manifests) is alone


def test_a_tag_that_shares_its_manifest(filled: MemoryRegistry) -> None:
    filled.put("team/app", "same", ONE.contents, ONE.root)
    results = beats(filled, name="team/app:1", state="absent")
    if filled.major == 2:
        assert all(result["failed"] and "named by same" in result["msg"] for result in results)
        assert filled.writes == []
    else:
        assert [result["changed"] for result in results] == [True, True, False, False]
        assert (results[0]["untagged"], results[0]["deleted"]) == (None, None)


def test_deleting_is_off(filled: MemoryRegistry) -> None:
    filled.deletes = False
    for result in beats(filled, name="team/app:1", state="absent"):
        assert result["failed"] and result["error"]["status"] == 405
        assert "storage.delete.enabled" in result["msg"] and "2.8" not in result["msg"]
    assert filled.writes == []


def test_a_missing_target_names_the_nearest(filled: MemoryRegistry) -> None:
    filled.put("team/app", "1.27", ONE.contents, ONE.root)
    result = modules.run("tag", url=filled.url, name="team/app:new", target="1.28")
    assert result["failed"] and result["error"]["codes"] == ["MANIFEST_UNKNOWN"]
    assert result["error"]["hint"].startswith("The nearest tags of team/app are 1.27")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "team/app"}, "has no tag"),
        ({"name": f"team/app@{ONE.root}"}, "holds a digest"),
        ({"name": "Team/app:1"}, "lower-case"),
        ({"target": "-x"}, "not a tag"),
        ({"target": "sha256:12"}, "not a digest"),
        ({"target": "other/app:1"}, "not a digest"),
        ({"target": None}, "missing: target"),
        ({"state": "gone"}, "must be one of: present, absent"),
    ],
)
def test_bad_input(registry: MemoryRegistry, options: dict[str, object], problem: str) -> None:
    given = {"url": registry.url, "name": "team/app:1", "target": "2", **options}
    result = modules.run("tag", **{key: value for key, value in given.items() if value is not None})
    assert result["failed"]
    assert problem in result["msg"]
    assert registry.log == []
