# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module images, against registries in memory."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules.registry_modules import (
    documented_options,
    argument_spec,
    run,
    spec_of_code,
    spec_of_documentation,
)

IMAGE = index_image()
OTHER = platform_image()


@pytest.fixture
def source() -> t.Iterator[MemoryRegistry]:
    memory = MemoryRegistry()
    memory.put("team/app", "1", IMAGE.contents, IMAGE.root)
    memory.put("team/other", "1", OTHER.contents, OTHER.root)
    yield memory
    memory.close()


def entries(source: MemoryRegistry) -> list[dict[str, t.Any]]:
    return [{"source": f"docker://{source.authority}/team/{name}:1"} for name in ("app", "other")]


def test_the_documentation_is_the_code() -> None:
    assert spec_of_documentation("images") == spec_of_code("images")
    for name in ("images", "registries"):
        documented, coded = documented_options("images")[name]["suboptions"], argument_spec("images")[name]["options"]
        facts = ("type", "elements", "default", "required")
        assert {key: [option.get(fact) for fact in facts] for key, option in documented.items()} == {
            key: [option.get(fact) for fact in facts] for key, option in coded.items()
        }


def test_four_beats(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    beats = [
        run("images", check=check, diff=True, url=registry.url, images=entries(source))
        for check in (True, False, True, False)
    ]
    assert [beat["changed"] for beat in beats] == [True, True, False, False]
    assert beats[0]["images"] == beats[1]["images"] and beats[0]["diff"] == beats[1]["diff"]
    counts = [key for key in beats[0]["totals"] if key not in ("requests", "source_requests", "seconds")]
    assert [beats[0]["totals"][key] for key in counts] == [beats[1]["totals"][key] for key in counts]
    assert beats[1]["diff"] == {
        "before": {"team/app:1": "", "team/other:1": ""},
        "after": {"team/app:1": IMAGE.root, "team/other:1": OTHER.root},
    }
    assert [image["result"] for image in beats[3]["images"]] == ["skipped", "skipped"]
    assert beats[3]["totals"]["requests"] == 3 and beats[3]["diff"] == {"before": {}, "after": {}}


def test_check_mode_writes_nothing(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    run("images", check=True, url=registry.url, images=entries(source))
    assert not registry.writes


@pytest.mark.parametrize("suffix", ["json", "yml"])
def test_a_list_from_a_file(registry: MemoryRegistry, source: MemoryRegistry, tmp_path: pathlib.Path, suffix: str) -> None:
    path = tmp_path / f"list.{suffix}"
    path.write_text(json.dumps({"images": entries(source)}, indent=1))
    result = run("images", url=registry.url, file=str(path), remote_src=True)
    assert [image["where"] for image in result["images"]] == [f"{path}:3", f"{path}:6"]
    assert result["totals"]["copied"] == 2


def test_what_the_controller_has_read(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    read = [{**entry, "where": f"l.yml:{number}"} for number, entry in enumerate(entries(source))]
    result = run("images", url=registry.url, entries=read)
    assert [image["where"] for image in result["images"]] == ["l.yml:0", "l.yml:1"]


def test_one_fails(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    wrong = {"source": f"docker://{source.authority}/team/none:1"}
    result = run("images", url=registry.url, images=[*entries(source), wrong])
    assert result["failed"] and result["changed"]
    assert result["msg"].startswith("1 of 3 images failed (team/none:1). The first: GET http://")
    assert [image["result"] for image in result["images"]] == ["copied", "copied", "failed"]
    assert result["images"][2]["digest"] is None and "MANIFEST_UNKNOWN" in result["images"][2]["error"]


def test_a_bad_list(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    result = run("images", url=registry.url, images=[*entries(source), {"source": "x"}, {"name": "A"}])
    assert result["failed"] and result["error"]["kind"] == "BadList"
    assert [problem["where"] for problem in result["error"]["problems"]] == ["images[2]", "images[3]", "images[3]"]
    assert not registry.writes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there are no images. Give images or file."),
        ({"file": "/nonexistent/l.yml"}, "/nonexistent/l.yml cannot be read"),
        ({"images": [{"source": "docker://x"}], "parallel": 0}, "parallel is 0"),
        ({"images": [{"source": "docker://x"}], "registries": [{"registry": "a b"}]}, "'a b' is not a registry"),
    ],
)
def test_settings_that_cannot_be(registry: MemoryRegistry, options: dict[str, t.Any], message: str) -> None:
    result = run("images", url=registry.url, **options)
    assert result["failed"] and result["msg"].startswith(message)


def test_an_empty_list_is_nothing_to_do(registry: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    (tmp_path / "l.json").write_text("[]")
    result = run("images", url=registry.url, file=str(tmp_path / "l.json"))
    assert not result.get("failed") and not result["changed"] and result["images"] == []


def test_each_registry_has_its_own_login(registry: MemoryRegistry, guarded: MemoryRegistry) -> None:
    guarded.put("team/app", "1", IMAGE.contents, IMAGE.root)
    wanted = [{"source": f"docker://{guarded.authority}/team/app:1"}]
    assert "401" in run("images", url=registry.url, images=wanted)["images"][0]["error"]
    login = {"registry": guarded.authority, "username": "ada", "password": "hunter2"}
    result = run("images", url=registry.url, images=wanted, registries=[login])
    assert result["totals"]["copied"] == 1 and "hunter2" not in json.dumps(result)
    # The other way: the login is the target's, and the source is not shown it.
    back = [{"name": "x:1", "source": f"docker://{registry.authority}/team/app:1"}]
    result = run("images", url=guarded.url, username="ada", password="hunter2", images=back)
    assert result["totals"]["copied"] == 1


def test_promotion_has_the_login_of_the_registry(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    guarded.put("a", "1", IMAGE.contents, IMAGE.root)
    wanted = [{"name": "b:1", "source": f"docker://{guarded.authority}/a:1"}]
    result = run("images", url=guarded.url, username="ada", password="hunter2", images=wanted)
    assert result["totals"]["copied"] == 1 and result["totals"]["source_requests"] == 0
    # From a file, it is found for both sides, and one client does.
    (home / ".docker").mkdir()
    login = {"auths": {guarded.authority: {"auth": "YWRhOmh1bnRlcjI="}}}
    (home / ".docker" / "config.json").write_text(json.dumps(login))
    result = run("images", url=guarded.url, images=[{**wanted[0], "name": "c:1"}])
    assert result["totals"]["copied"] == 1 and result["totals"]["source_requests"] == 0


def test_a_login_of_its_own_for_a_source_on_the_same_registry(guarded: MemoryRegistry) -> None:
    guarded.put("a", "1", IMAGE.contents, IMAGE.root)
    wanted = [{"name": "b:1", "source": f"docker://{guarded.authority}/a:1"}]
    other = {"registry": guarded.authority, "username": "ada", "password": "wrong"}
    result = run("images", url=guarded.url, username="ada", password="hunter2", images=wanted, registries=[other])
    assert "401" in result["images"][0]["error"]


def test_plain_http_is_said_of_a_registry(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    said = [{"registry": source.authority, "plain_http": True}, {"registry": "docker.io"}]
    result = run("images", url=registry.url, images=entries(source), registries=said)
    assert result["totals"]["copied"] == 2


def test_progress_is_a_file_that_goes(registry: MemoryRegistry, source: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "progress"
    assert run("images", url=registry.url, images=entries(source), progress_file=str(path))["changed"]
    assert not path.exists()


def test_an_engine_that_is_not_there(registry: MemoryRegistry, source: MemoryRegistry) -> None:
    wanted = [{"name": "x:1", "source": "docker-daemon:x:1"}, *entries(source)]
    result = run("images", url=registry.url, images=wanted, docker_host="unix:///nonexistent")
    assert [image["result"] for image in result["images"]] == ["failed", "copied", "copied"]
