# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_export: four beats (check, run, check, run), what it returns, and what it refuses."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pathlib
import stat
import typing as t

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    index_image,
    layout_files,
    platform_image,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGE, ONE = index_image(), platform_image()
KINDS = ("oci", "oci-archive", "docker-archive")


@pytest.fixture
def filled(registry: MemoryRegistry) -> MemoryRegistry:
    registry.put("team/app", "1", IMAGE.contents, IMAGE.root)
    registry.put("team/one", "1", ONE.contents, ONE.root)
    return registry


def mode_of(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def move(registry: MemoryRegistry, repository: str, layer: bytes) -> str:
    """Give a tag a new image and return its digest."""
    image = platform_image(layers=(b"base layer", layer))
    registry.put(repository, "1", image.contents, image.root)
    return image.root


def test_documentation_and_code_agree() -> None:
    assert modules.spec_of_documentation("image_export") == modules.spec_of_code("image_export")


@pytest.mark.parametrize("kind", KINDS)
def test_progress(filled: MemoryRegistry, tmp_path: pathlib.Path, kind: str) -> None:
    path, lines = tmp_path / "progress", []
    options = {"url": filled.url, "name": "team/one:1", "dest": f"{kind}:{tmp_path / 'x'}", "progress_file": str(path)}

    @contextlib.contextmanager
    def at_the_end(_report: object, line: t.Callable[[], str]) -> t.Iterator[None]:
        yield
        lines.append(line())

    module = importlib.import_module("ansible_collections.dockyard.registry.plugins.modules.image_export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "watching", at_the_end)
        assert modules.run("image_export", **options)["changed"] and not path.exists()
    # Manifests are known by then, and not read as they are written.
    read = sum(len(content) for content in ONE.blobs.values())
    assert lines[0] == "looking at the image since 0 s"
    assert lines[1].startswith(f"{read} B of {ONE.size} B, ")


@pytest.mark.parametrize("kind", KINDS)
def test_four_beats(filled: MemoryRegistry, tmp_path: pathlib.Path, kind: str) -> None:
    name, image = ("team/one:1", ONE) if kind == "docker-archive" else ("team/app:1", IMAGE)
    place = tmp_path / "there"
    options = {"url": filled.url, "name": name, "dest": f"{kind}:{place}"}
    predicted = modules.run("image_export", check=True, diff=True, **options)
    assert not place.exists()
    done = modules.run("image_export", diff=True, **options)
    assert predicted == done
    reference = f"{filled.authority}/{name}"
    location = f"{kind}:{place}:{reference if kind == 'docker-archive' else '1'}"
    expected = {
        "changed": True,
        "reference": reference,
        "location": location,
        "digest": image.root,
        "media_type": image.media_type,
        "size": image.size,
        "platforms": ["linux/amd64"] if image is ONE else ["linux/amd64", "linux/arm64"],
        "blobs": {"written": len(image.contents), "written_bytes": image.size, "kept": 0, "kept_bytes": 0},
        "diff": {
            "before": {"location": location, "digest": None},
            "after": {"location": location, "digest": image.root},
        },
    }
    assert {key: value for key, value in done.items() if key not in ("invocation", "warnings")} == expected
    content = os.stat(place)
    again = [modules.run("image_export", check=check, diff=True, **options) for check in (True, False)]
    assert again[0] == again[1]
    assert (os.stat(place).st_ino, os.stat(place).st_mtime_ns) == (content.st_ino, content.st_mtime_ns)
    assert {key: again[0][key] for key in expected} == {
        **expected,
        "changed": False,
        "blobs": {"written": 0, "written_bytes": 0, "kept": len(image.contents), "kept_bytes": image.size},
        "diff": {"before": expected["diff"]["after"], "after": expected["diff"]["after"]},
    }
    assert list(tmp_path.iterdir()) == [place]
    assert filled.writes == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_round_trip_keeps_the_digest(
    filled: MemoryRegistry, guarded: MemoryRegistry, tmp_path: pathlib.Path, kind: str
) -> None:
    name = "team/one:1" if kind == "docker-archive" else "team/app:1"
    exported = modules.run("image_export", url=filled.url, name=name, dest=f"{kind}:{tmp_path / 'x'}")
    source = exported["location"].replace("docker-archive", "oci-archive")
    copied = modules.run("image", url=guarded.url, username="ada", password="hunter2", name="back:1", source=source)
    assert (copied["digest"], copied["platforms"]) == (exported["digest"], exported["platforms"])
    assert guarded.tags == {("back", "1"): exported["digest"]}


def test_a_docker_archive_is_read_as_one(
    filled: MemoryRegistry, guarded: MemoryRegistry, tmp_path: pathlib.Path
) -> None:
    options = {"url": filled.url, "name": "team/one:1", "dest": f"docker-archive:{tmp_path / 'x'}:mine:2"}
    exported = modules.run("image_export", **options)
    assert exported["location"] == options["dest"]
    credentials = {"username": "ada", "password": "hunter2"}
    copied = modules.run("image", url=guarded.url, name="back:1", source=exported["location"], **credentials)
    assert set(ONE.blobs) == {digest for name, digest in guarded.blobs if name == "back"}
    assert copied["platforms"] == ["linux/amd64"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tag_that_moved(filled: MemoryRegistry, tmp_path: pathlib.Path, kind: str) -> None:
    options = {"url": filled.url, "name": "team/one:1", "dest": f"{kind}:{tmp_path / 'x'}"}
    modules.run("image_export", **options)
    newer = move(filled, "team/one", b"newer")
    predicted = modules.run("image_export", check=True, **options)
    done = modules.run("image_export", **options)
    assert predicted == done
    assert (done["diff"]["before"]["digest"], done["diff"]["after"]["digest"]) == (ONE.root, newer)
    assert done["blobs"]["kept"] == (1 if kind == "oci" else 0)
    assert not modules.run("image_export", **options)["changed"]


def test_platforms(filled: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    children = [entry["digest"] for entry in json.loads(IMAGE.contents[IMAGE.root][0])["manifests"]]
    options = {"url": filled.url, "name": "team/app:1", "dest": f"docker-archive:{tmp_path / 'x'}"}
    refused = modules.run("image_export", **options)
    assert refused["failed"] and "It has linux/amd64, linux/arm64." in refused["msg"]
    for platform, digest in zip(("linux/amd64", "linux/arm64"), children):
        beats = [
            modules.run("image_export", check=check, platforms=[platform], **options)
            for check in (True, False, True, False)
        ]
        assert [beat["changed"] for beat in beats] == [True, True, False, False]
        assert beats[0] == beats[1]
        assert {(beat["digest"], *beat["platforms"]) for beat in beats} == {(digest, platform)}


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_permissions(filled: MemoryRegistry, tmp_path: pathlib.Path, kind: str) -> None:
    path = tmp_path / "x"
    options = {"url": filled.url, "name": "team/one:1", "dest": f"{kind}:{path}"}
    modules.run("image_export", **options)
    umask = os.umask(0)
    os.umask(umask)
    assert mode_of(path) == 0o666 & ~umask
    beats = [
        modules.run("image_export", check=check, mode="0640", diff=True, **options)
        for check in (True, False, True, False)
    ]
    assert [beat["changed"] for beat in beats] == [True, True, False, False]
    assert beats[0] == beats[1]
    assert beats[1]["diff"]["after"]["mode"] == "0640"
    assert mode_of(path) == 0o640
    move(filled, "team/one", b"newer")
    assert modules.run("image_export", **options)["changed"]
    assert mode_of(path) == 0o640, "a file that is replaced keeps its permissions"
    path.unlink()
    beats = [modules.run("image_export", check=check, mode="0600", diff=True, **options) for check in (True, False)]
    assert beats[0] == beats[1]
    assert mode_of(path) == 0o600


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": None}, "missing required arguments: url"),
        ({"dest": None}, "missing required arguments: dest"),
        ({"name": "Team/App"}, "lower-case"),
        ({"name": "127.0.0.1:5000/x"}, "holds a registry"),
        ({"name": "team/one@sha256:12"}, "64 lower-case hex digits"),
        ({"name": f"team/one@{ONE.root}"}, "has no tag"),
        ({"name": "team/none:1"}, "MANIFEST_UNKNOWN"),
        ({"dest": "docker://127.0.0.1:5000/x:1"}, "is a registry"),
        ({"dest": "/srv/x.tar"}, "not the location of an image"),
        ({"dest": "oci-archive:/nonexistent/x.tar"}, "/nonexistent is not a directory"),
        ({"dest": "oci-archive:{tmp}"}, "is a directory. For a directory use oci:"),
        ({"dest": "oci-archive:{tmp}/x:a b"}, "is not a tag"),
        ({"dest": "docker-archive:{tmp}/x:Name:1"}, "lower-case"),
        ({"platforms": ["linux/s390x"]}, "has no linux/s390x. It has linux/amd64."),
        ({"dest": "oci:{tmp}/x", "mode": "0600"}, "mode cannot be set on a layout"),
        ({"username": "ada"}, "required together"),
    ],
)
def test_bad_input(filled: MemoryRegistry, tmp_path: pathlib.Path, options: dict[str, object], problem: str) -> None:
    given: dict[str, object] = {
        "url": filled.url,
        "name": "team/one:1",
        "dest": f"oci-archive:{tmp_path}/x",
        **options,
    }
    for key, value in list(given.items()):
        if isinstance(value, str):
            given[key] = value.replace("{tmp}", str(tmp_path))
        elif value is None:
            del given[key]
    for check in (True, False):
        result = modules.run("image_export", check=check, **given)
        assert result["failed"]
        assert problem in result["msg"]
        assert list(tmp_path.iterdir()) == []


def test_a_file_with_another_image_stays(filled: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", layout_files({"other": ONE}))
    content = pathlib.Path(path).read_bytes()
    result = modules.run("image_export", url=filled.url, name="team/one:1", dest=f"oci-archive:{path}")
    assert result["failed"]
    assert result["error"] == {
        "kind": "ArchiveError",
        "message": f"{path} holds other, not only {filled.authority}/team/one:1: it stays as it is.",
        "hint": "Remove the file, or choose another path.",
    }
    assert pathlib.Path(path).read_bytes() == content


def test_a_link_leads_to_the_file_that_is_replaced(filled: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.tar"
    link.symlink_to("real/x.tar")
    options = {"url": filled.url, "name": "team/one:1", "dest": f"oci-archive:{link}", "mode": "0640"}
    assert [modules.run("image_export", **options)["changed"] for _time in range(2)] == [True, False]
    assert link.is_symlink()
    assert mode_of(tmp_path / "real/x.tar") == 0o640


def test_no_password_in_the_result(guarded: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    guarded.put("x", "1", ONE.contents, ONE.root)
    credentials = {"username": "ada", "password": "hunter2"}
    result = modules.run(
        "image_export", url=guarded.url, name="x:1", dest=f"oci:{tmp_path}/x", diff=True, **credentials
    )
    assert result["changed"]
    assert "hunter2" not in json.dumps(result)
