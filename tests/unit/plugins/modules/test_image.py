# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image: four beats (check, run, check, run), what it returns, and what it refuses."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    as_json,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGE = index_image()
THREE = index_image(("amd64", "arm64", "s390x"))
THREE_PLATFORMS = {
    "/".join(entry["platform"].values()): entry["digest"]
    for entry in json.loads(THREE.contents[THREE.root][0])["manifests"]
}


@pytest.fixture
def source(tmp_path: pathlib.Path) -> str:
    return f"oci:{write_directory(tmp_path / 'layout', layout_files({'': IMAGE}))}"


def test_documentation_and_code_agree() -> None:
    assert modules.spec_of_documentation("image") == modules.spec_of_code("image")


def test_four_beats(registry: MemoryRegistry, source: str) -> None:
    options = {"url": registry.url, "name": "team/app:1", "source": source}
    predicted = modules.run("image", check=True, diff=True, **options)
    assert registry.writes == []
    done = modules.run("image", diff=True, **options)
    assert predicted == done
    assert registry.tags == {("team/app", "1"): IMAGE.root}
    reference = f"{registry.authority}/team/app:1"
    blobs = [len(content) for content in IMAGE.blobs.values()]
    expected = {
        "changed": True,
        "reference": reference,
        "digest": IMAGE.root,
        "media_type": IMAGE.media_type,
        "size": IMAGE.size,
        "platforms": ["linux/amd64", "linux/arm64"],
        "copied": {
            "uploaded": len(blobs),
            "uploaded_bytes": sum(blobs),
            "mounted": 0,
            "mounted_bytes": 0,
            "existing": 0,
            "existing_bytes": 0,
        },
        "diff": {
            "before": {"reference": reference, "digest": None},
            "after": {"reference": reference, "digest": IMAGE.root},
        },
    }
    assert {key: done[key] for key in expected} == expected
    registry.log.clear()
    again = [modules.run("image", check=check, diff=True, **options) for check in (True, False)]
    assert again[0] == again[1]
    assert registry.writes == []
    assert {key: again[0][key] for key in expected} == {
        **expected,
        "changed": False,
        "copied": dict.fromkeys(expected["copied"], 0),
        "diff": {"before": expected["diff"]["after"], "after": expected["diff"]["after"]},
    }


def test_progress_is_a_file_that_goes(registry: MemoryRegistry, source: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "progress"
    options = {"url": registry.url, "name": "team/app:1", "source": source, "progress_file": str(path)}
    path.touch()
    assert "cannot be made: File exists" in modules.run("image", **options)["msg"] and not registry.writes
    path.unlink()
    assert modules.run("image", **options)["changed"] and not path.exists()


def test_a_docker_archive_is_the_same_each_time(registry: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", docker_save_files({"team/x:1": [b"layer" * 1000]}))
    options = {"url": registry.url, "name": "x", "source": f"docker-archive:{path}:team/x:1"}
    assert [modules.run("image", **options)["changed"] for _time in range(2)] == [True, False]
    assert list(registry.tags) == [("x", "latest")]


def test_an_image_of_an_engine(registry: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    """Four beats; the last two do not ask for the archive."""
    files = docker_save_files({"": [b"layer" * 1000, b"second"]})
    image_id = digest_of(next(content for name, content in files.items() if name.endswith(".json") and name[0] != "m"))
    described = {"Id": image_id, "Size": 1, "Os": "linux", "Architecture": "amd64", "RootFS": {"Layers": ["x", "y"]}}
    archive = pathlib.Path(write_tar(tmp_path / "x.tar", files)).read_bytes()
    engine = ScriptedServer()
    engine.on("GET", "/images/docker.io/team/app:1/json", *[as_json(described)] * 4)
    engine.on("GET", "/info", *[as_json({})] * 4)
    engine.on("GET", f"/images/{image_id}/get", *[Reply(200, archive)] * 2)
    options = {"url": registry.url, "name": "x:1", "source": "docker-daemon:team/app:1", "platforms": ["linux/amd64"]}
    try:
        beats = [
            modules.run("image", check=check, diff=True, docker_host=f"tcp://127.0.0.1:{engine.port}", **options)
            for check in (True, False, True, False)
        ]
    finally:
        engine.close()
    engine.check()
    assert [beat["changed"] for beat in beats] == [True, True, False, False]
    assert beats[0] == beats[1] and beats[2] == beats[3]
    assert registry.tags == {("x", "1"): beats[0]["digest"]}


def test_the_engine_that_the_environment_names(registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"url": registry.url, "name": "x", "source": "docker-daemon:x"}
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    assert "the engine at unix:///nonexistent/docker.sock does not answer" in modules.run("image", **options)["msg"]
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    result = modules.run("image", **options)
    assert result["error"]["kind"] == "InvalidSettings" and "asks for TLS" in result["msg"]


@pytest.mark.parametrize(
    ("platforms", "expected", "digest"),
    [
        (["linux/arm64/v8"], ["linux/arm64"], THREE_PLATFORMS["linux/arm64"]),
        (["linux/s390x", "linux/x86_64"], ["linux/amd64", "linux/s390x"], None),
        (["linux/amd64", "linux/arm64", "linux/s390x"], ["linux/amd64", "linux/arm64", "linux/s390x"], THREE.root),
        ([], ["linux/amd64", "linux/arm64", "linux/s390x"], THREE.root),
    ],
)
def test_chosen_platforms(
    registry: MemoryRegistry, tmp_path: pathlib.Path, platforms: list[str], expected: list[str], digest: str | None
) -> None:
    """Four beats each; with a digest that does not depend on the kind of the source."""
    registry.put("from", "1", THREE.contents, THREE.root)
    path = write_directory(tmp_path, layout_files({"": THREE}))
    for number, source in enumerate((f"oci:{path}", f"docker://{registry.authority}/from:1")):
        options = {"url": registry.url, "name": f"x:{number}", "source": source, "platforms": platforms}
        beats = [modules.run("image", check=check, diff=True, **options) for check in (True, False, True, False)]
        assert [beat["changed"] for beat in beats] == [True, True, False, False]
        assert beats[0] == beats[1] and beats[2] == beats[3]
        assert beats[0]["platforms"] == beats[2]["platforms"] == expected
        assert digest in (None, beats[0]["digest"])
    assert registry.tags["x", "0"] == registry.tags["x", "1"]


def test_a_moved_tag_shows_both_digests(registry: MemoryRegistry, source: str) -> None:
    older = platform_image()
    registry.put("team/app", "1", older.contents, older.root)
    result = modules.run("image", url=registry.url, name="team/app:1", source=source)
    assert (result["diff"]["before"]["digest"], result["diff"]["after"]["digest"]) == (older.root, IMAGE.root)


def test_inside_one_registry_its_credentials_serve_the_source(guarded: MemoryRegistry) -> None:
    guarded.put("staging/app", "1", IMAGE.contents, IMAGE.root)
    result = modules.run(
        "image",
        url=guarded.url,
        username="ada",
        password="hunter2",
        name="production/app:1",
        source=f"docker://{guarded.authority}/staging/app:1",
    )
    assert result["changed"]
    assert result["copied"]["mounted"] == len(IMAGE.blobs)
    assert "hunter2" not in json.dumps(result)


def test_another_registry_is_not_sent_our_credentials(registry: MemoryRegistry, guarded: MemoryRegistry) -> None:
    guarded.put("x", "1", IMAGE.contents, IMAGE.root)
    options = {"url": registry.url, "username": "ada", "password": "hunter2", "name": "x:1"}
    source = f"docker://{guarded.authority}/x:1"
    result = modules.run("image", **options, source=source)
    assert result["failed"] and result["error"]["status"] == 401
    assert modules.run("image", **options, source=source, source_username="ada", source_password="hunter2")["changed"]


def test_settings_from_the_environment(guarded: MemoryRegistry, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("URL", guarded.url), ("USERNAME", "ada"), ("PASSWORD", "hunter2")):
        monkeypatch.setenv(f"DOCKYARD_REGISTRY_{name}", value)
    assert modules.run("image", name="x", source=source)["changed"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": None}, "missing required arguments: url"),
        ({"url": "registry.example.com"}, "not an http or https URL"),
        ({"url": "https://x/v2/"}, "has a path"),
        ({"name": "Team/App"}, "lower-case"),
        ({"name": "127.0.0.1:5000/x"}, "holds a registry"),
        ({"source": None}, "all of the following are missing: source"),
        ({"state": "absent"}, "has no tag"),
        ({"state": "absent", "name": f"x:1@{IMAGE.root}"}, "a tag and a digest"),
        ({"source": "nginx"}, "not the location of an image"),
        ({"source": "oci:/nonexistent"}, "/nonexistent is not a directory"),
        ({"source": "docker-archive:/nonexistent"}, "/nonexistent cannot be read"),
        ({"source": "docker://Nginx"}, "lower-case"),
        ({"platforms": ["amd64"]}, "'amd64' is not a platform. It looks like os/architecture[/variant]"),
        ({"platforms": ["linux/s390x"]}, "has no linux/s390x. It has linux/amd64, linux/arm64."),
        ({"source": "docker-daemon:x", "docker_host": "ssh://x"}, "for ssh:// run the task on that host"),
        ({"source": "docker-daemon:x", "docker_host": "unix:///nonexistent"}, "No Docker engine is running"),
        ({"username": "ada"}, "required together"),
        ({"source_username": "ada"}, "required together"),
        ({"client_key": "/x"}, "client_cert"),
        ({"timeout": 0}, "at least one second"),
        ({"state": "gone"}, "must be one of: present"),
    ],
)
def test_bad_input(registry: MemoryRegistry, source: str, options: dict[str, object], problem: str) -> None:
    given = {"url": registry.url, "name": "x", "source": source, **options}
    result = modules.run("image", **{key: value for key, value in given.items() if value is not None})
    assert result["failed"]
    assert problem in result["msg"]
    assert registry.writes == []


def test_a_password_that_is_refused(guarded: MemoryRegistry, source: str) -> None:
    result = modules.run("image", url=guarded.url, username="ada", password="hunter3", name="x", source=source)
    assert result["failed"]
    assert result["error"]["codes"] == ["UNAUTHORIZED"]
    assert result["error"]["hint"] in result["msg"]
    assert "hunter3" not in json.dumps({**result, "invocation": None})


def test_a_plain_connection_with_a_password_warns(
    registry: MemoryRegistry, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is not loopback, which the proxy stands in for."""
    monkeypatch.setenv("http_proxy", registry.url)
    result = modules.run(
        "image", url="http://registry.invalid", username="ada", password="hunter2", name="x", source=source
    )
    warnings = [warning["event"]["msg"] if isinstance(warning, dict) else warning for warning in result["warnings"]]
    assert any("plain text" in warning for warning in warnings)


def gone(url: str, name: str, **options: object) -> list[dict[str, object]]:
    """Remove an image in four beats, and return what each said."""
    return [
        modules.run("image", check=check, diff=True, url=url, name=name, state="absent", **options)
        for check in (True, False, True, False)
    ]


@pytest.mark.parametrize("major", [2, 3])
def test_four_beats_of_a_removal(registry: MemoryRegistry, major: int) -> None:
    registry.major = major
    registry.put("team/app", "1", IMAGE.contents, IMAGE.root)
    children = [digest for digest, (_content, kind) in IMAGE.contents.items() if kind and digest != IMAGE.root]
    first = modules.run("image", check=True, diff=True, url=registry.url, name="team/app:1", state="absent")
    assert registry.writes == []
    beats = gone(registry.url, "team/app:1")
    assert beats[0] == beats[1] == first and beats[2] == beats[3]
    reference = f"{registry.authority}/team/app:1"
    expected = {
        "changed": True,
        "reference": reference,
        "digest": IMAGE.root,
        "tags": ["1"],
        "deleted": [IMAGE.root],
        "users": [],
        "untagged": children,
        "referrers": [],
        "diff": {
            "before": {"reference": reference, "tags": ["1"], "manifests": [IMAGE.root]},
            "after": {"reference": reference, "tags": [], "manifests": []},
        },
    }
    assert {key: first[key] for key in expected} == expected
    assert (beats[2]["changed"], beats[2]["digest"], beats[2]["tags"], beats[2]["deleted"]) == (False, None, [], [])
    assert beats[2]["diff"]["before"] == beats[2]["diff"]["after"]


def test_removing_with_all_platforms(registry: MemoryRegistry) -> None:
    registry.put("team/app", "1", IMAGE.contents, IMAGE.root)
    assert [beat["changed"] for beat in gone(registry.url, "team/app:1", recursive=True)] == [True, True, False, False]
    assert registry.manifests == {}


def test_removing_by_digest(registry: MemoryRegistry) -> None:
    registry.put("team/app", "1", IMAGE.contents, IMAGE.root)
    name = f"team/app@{IMAGE.root}"
    refused = gone(registry.url, name)
    assert all(beat["failed"] and "named by 1" in beat["msg"] for beat in refused)
    assert refused[0]["error"]["kind"] == "StillInUse"
    assert registry.writes == []
    forced = gone(registry.url, name, force=True)
    assert [beat["changed"] for beat in forced] == [True, True, False, False]
    assert forced[0] == forced[1] and forced[0]["tags"] == ["1"]


def test_check_mode_knows_what_is_refused(registry: MemoryRegistry) -> None:
    registry.major = 2
    for tag in ("1", "2"):
        registry.put("team/app", tag, IMAGE.contents, IMAGE.root)
    beats = gone(registry.url, "team/app:1")
    assert all(beat["failed"] and "named by 2" in beat["msg"] for beat in beats)
    registry.deletes = False
    del registry.tags["team/app", "2"]
    beats = gone(registry.url, "team/app:1")
    assert all(beat["failed"] and "storage.delete.enabled" in beat["msg"] for beat in beats)
    assert registry.writes == []
