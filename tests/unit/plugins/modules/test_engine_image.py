# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images that go into an engine, over a socket that answers as engines do."""

from __future__ import annotations

import io
import json
import pathlib
import tarfile
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import engine as engines
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    as_json,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

ONE, MANY = platform_image(), index_image()
NAME = "docker.io/library/one:2"
LOADED = Reply(200, b'{"stream":"Loading layer"}\n{"stream":"Loaded image: one:2\\n"}\n')


def config_of(image: t.Any, architecture: str = "amd64") -> str:
    """Return the digest of the configuration for a platform."""
    for digest, (content, media_type) in image.contents.items():
        if not media_type and content.startswith(b'{"architecture": "%s"' % architecture.encode()):
            return str(digest)
    raise AssertionError(architecture)


@pytest.fixture
def server() -> t.Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()
    made.check()


@pytest.fixture
def layout(tmp_path: pathlib.Path) -> str:
    return write_directory(tmp_path / "layout", layout_files({"one": ONE, "many": MANY}))


def has(server: ScriptedServer, *ids: str, containerd: bool = False) -> None:
    """Have the engine answer what it has under the name, one answer a question; an empty text is nothing."""
    for image_id in ids:
        if not image_id:
            server.on("GET", f"/images/{NAME}/json", as_json({"message": "No such image"}, 404))
            continue
        server.on("GET", f"/images/{NAME}/json", as_json({"Id": image_id, "Os": "linux", "Architecture": "amd64"}))
        driver = [["driver-type", "io.containerd.snapshotter.v1"]] if containerd else []
        server.on("GET", "/info", as_json({"DriverStatus": driver}))


def run(server: ScriptedServer, source: str, **options: t.Any) -> dict[str, t.Any]:
    arguments = {"name": "one:2", "source": source, "docker_host": f"tcp://127.0.0.1:{server.port}", "timeout": 10}
    return modules.run("engine_image", **{**arguments, **options})


def test_it_is_loaded_once(server: ScriptedServer, layout: str) -> None:
    config = config_of(ONE)
    has(server, "", "", config, config, config)
    server.on("POST", "/images/load?quiet=1", LOADED)
    checked = run(server, f"oci:{layout}:one", check=True, diff=True)
    assert checked["changed"] and checked["id"] is None
    done = run(server, f"oci:{layout}:one", diff=True)
    assert (done["changed"], done["id"], done["digest"], done["platforms"]) == (True, config, ONE.root, ["linux/amd64"])
    assert not run(server, f"oci:{layout}:one", check=True)["changed"]
    again = run(server, f"oci:{layout}:one")
    assert (again["changed"], again["id"]) == (False, config)
    (sent,) = [seen for seen in server.seen if seen.method == "POST"]
    with tarfile.open(fileobj=io.BytesIO(sent.body)) as archive:
        file = archive.extractfile("manifest.json")
        assert file and json.loads(file.read())[0]["RepoTags"] == [NAME]


def test_progress(server: ScriptedServer, layout: str, tmp_path: pathlib.Path) -> None:
    has(server, "", config_of(ONE))
    server.on("POST", "/images/load?quiet=1", LOADED)
    there = tmp_path / "progress"
    assert run(server, f"oci:{layout}:one", progress_file=str(there))["changed"] and not there.exists()
    there.touch()
    assert "cannot be made: File exists" in run(server, f"oci:{layout}:one", progress_file=str(there))["msg"]


def test_of_several_platforms_the_engines_own(server: ScriptedServer, layout: str) -> None:
    arm = config_of(MANY, "arm64")
    server.on("GET", "/version", as_json({"Os": "linux", "Arch": "arm64"}))
    has(server, "", arm)
    server.on("POST", "/images/load?quiet=1", LOADED)
    assert run(server, f"oci:{layout}:many")["platforms"] == ["linux/arm64"]
    has(server, config_of(MANY))
    assert not run(server, f"oci:{layout}:many", platform="linux/amd64")["changed"]
    assert "has no linux/s390x" in run(server, f"oci:{layout}:many", platform="linux/s390x")["msg"]


def test_an_engine_that_keeps_manifests(server: ScriptedServer, layout: str) -> None:
    has(server, ONE.root, containerd=True)
    assert not run(server, f"oci:{layout}:one")["changed"]


def test_an_archive_of_docker_save(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    files = docker_save_files({"one:2": (b"a layer",)})
    path = write_tar(tmp_path / "saved.tar", files)
    config = next(digest_of(files[name]) for name in files if name.endswith(".json") and name != "manifest.json")
    has(server, "", config)
    server.on("POST", "/images/load?quiet=1", LOADED)
    assert run(server, f"docker-archive:{path}")["id"] == config


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Reply(200, b'{"stream":"x"}\n{"errorDetail":{"message":"no space"},"error":"no space"}\n'), "load the image: no space"),
        (as_json({"message": "broken"}, 500), "asked to load an image, answered 500: broken"),
        (Hangup(), "does not answer"),
    ],
)
def test_engines_that_do_not_take_it(server: ScriptedServer, layout: str, answer: Reply | Hangup, told: str) -> None:
    has(server, "")
    server.on("POST", "/images/load?quiet=1", answer)
    assert told in run(server, f"oci:{layout}:one")["msg"]


def test_another_image_under_the_name(server: ScriptedServer, layout: str) -> None:
    has(server, "", digest_of(b"other"))
    server.on("POST", "/images/load?quiet=1", LOADED)
    assert "Does somebody else give it that name?" in run(server, f"oci:{layout}:one")["msg"]


def test_what_is_no_archive(server: ScriptedServer, layout: str) -> None:
    assert "is no archive" in run(server, "docker://one:2")["msg"]
    assert "holds a digest" in run(server, f"oci:{layout}:one", name=f"one@{ONE.root}")["msg"]
    assert "no image 'nothing'" in run(server, f"oci:{layout}:nothing")["msg"]


def test_an_engine_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def send(self, _data: object) -> None:
            raise BrokenPipeError

    with pytest.raises(engines._TakesNoMore):
        engines.LoadStream(t.cast(t.Any, Broken())).write(b"x")


def test_nobody_listens(layout: str, tmp_path: pathlib.Path) -> None:
    refused = modules.run("engine_image", name="x", source=f"oci:{layout}:one", docker_host=f"unix://{tmp_path}/no.sock")
    assert "No Docker engine is running" in refused["msg"]
    connection = engines.Engine(engines.EngineAddress(f"{tmp_path}/no.sock"), timeout=1)
    with pytest.raises(engines.EngineError, match="No Docker engine is running"), connection.load(1):
        raise AssertionError("never begun")
