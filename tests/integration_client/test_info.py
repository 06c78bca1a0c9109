# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What real registries say of images: the module compared with skopeo, the lookup and the filters in real plays."""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import add_to_fallback, fallback_tag
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.tests.integration_client.conftest import USER, Running
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    descriptor,
    digest_of,
    index_image,
    layout_files,
    write_directory,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARCHIVES = ROOT / ".cache" / "images"
MANY = index_image()
EXAMPLES = {
    "parse_reference": "docker.io/library/nginx:latest",
    "format_reference": "registry.example.com/library/nginx:1.27",
    "sort_tags": "- 1.27.2-alpine",
}
"""Filters, and what their examples print."""


def load(running: Running, name: str, archive: str, **options: t.Any) -> dict[str, t.Any]:
    return modules.run("image", url=running.url, name=name, source=f"docker-archive:{ARCHIVES / archive}.tar", **options)


def load_index(running: Running, name: str, tmp_path: pathlib.Path, **options: t.Any) -> None:
    path = write_directory(tmp_path / "layout", layout_files({"": MANY}))
    assert modules.run("image", url=running.url, name=name, source=f"oci:{path}", **options)["digest"] == MANY.root


def skopeo(*arguments: str) -> bytes:
    command = ["skopeo", "inspect", "--tls-verify=false", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout


def play(tmp_path: pathlib.Path, *tasks: dict[str, t.Any], **variables: t.Any) -> tuple[int, str]:
    """Run tasks on the controller in a real play and return the exit code and all that was printed."""
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "COLUMNS": "500"}
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "ansible-playbook", path, "-e", json.dumps(variables)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=environment,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("archive", ["nginx", "registry-3", "hello-world"])
def test_an_image_is_what_skopeo_says(running: Running, repository: str, archive: str) -> None:
    load(running, f"{repository}/{archive}:1", archive)
    (image,) = modules.run("image_info", url=running.url, name=[f"{repository}/{archive}:1"])["images"]
    (found,) = image["platforms"]
    reference = f"docker://{image['reference']}"
    raw = skopeo("--raw", reference)
    manifest, config = json.loads(raw), json.loads(skopeo("--config", "--raw", reference))
    assert image["digest"] == found["digest"] == digest_of(raw)
    assert image["pinned"] == f"{running.authority}/{repository}/{archive}@{digest_of(raw)}"
    assert image["media_type"] == manifest["mediaType"]
    layers = [{"digest": one["digest"], "size": one["size"], "media_type": one["mediaType"]} for one in manifest["layers"]]
    assert found["layers"] == [{**layer, "urls": []} for layer in layers]
    assert found["config_digest"] == manifest["config"]["digest"]
    assert found["platform"] == f"{config['os']}/{config['architecture']}"
    assert (found["created"], found["author"]) == (config.get("created"), config.get("author"))
    inner = config.get("config", {})
    for key, name in {"Env": "env", "Entrypoint": "entrypoint", "Cmd": "cmd"}.items():
        assert found[name] == (inner.get(key) or [])
    for key, name in {"User": "user", "WorkingDir": "working_dir", "StopSignal": "stop_signal"}.items():
        assert found[name] == (inner.get(key) or None)
    for key, name in {"ExposedPorts": "exposed_ports", "Volumes": "volumes"}.items():
        assert found[name] == sorted(inner.get(key) or {})
    assert found["labels"] == (inner.get("Labels") or {})
    steps = config.get("history") or []
    assert [(one["created_by"], one["empty_layer"]) for one in found["history"]] == [
        (step.get("created_by"), step.get("empty_layer", False)) for step in steps
    ]
    sizes = {one["digest"]: one["size"] for one in [manifest["config"], *manifest["layers"]]}
    assert image["size"] == found["size"] == len(raw) + sum(sizes.values())


def test_an_index(running: Running, repository: str, tmp_path: pathlib.Path) -> None:
    load_index(running, f"{repository}:1", tmp_path)
    options = {"url": running.url, "name": [f"{repository}:1", f"{repository}:2", "none/such"]}
    results = [modules.run("image_info", check=check, **options) for check in (True, False)]
    assert results[0] == results[1]
    (image,) = results[0]["images"]
    raw = skopeo("--raw", f"docker://{image['reference']}")
    entries = json.loads(raw)["manifests"]
    assert (image["digest"], image["size"]) == (digest_of(raw), MANY.size)
    assert [one["digest"] for one in image["platforms"] + image["attestations"]] == [one["digest"] for one in entries]
    assert results[0]["missing"] == [f"{repository}:2", "none/such"]
    for platform in image["platforms"]:
        config = json.loads(skopeo("--config", "--raw", f"docker://{running.authority}/{repository}@{platform['digest']}"))
        assert platform["platform"] == f"{config['os']}/{config['architecture']}"
    only = modules.run("image_info", platforms=["linux/arm64/v8"], **options)["images"][0]
    assert only["platforms"] == image["platforms"][1:]
    assert only["size"] == image["size"]


def put_artifact(client: RegistryClient, repository: str, reference: str, **more: object) -> m.Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(b"parts", "text/plain")],
        **more,
    }
    raw = json.dumps(document).encode()
    for blob in (b"{}", b"parts"):
        client.upload_blob(repository, m.Descriptor("x", digest_of(blob), len(blob)), bytes_body(blob).open)
    manifest = m.parse_manifest(raw, m.OCI_MANIFEST, where="x")
    if not client.put_manifest(repository, reference or manifest.digest, manifest):
        add_to_fallback(client, repository, manifest)
    return manifest


def test_referrers(running: Running, client: RegistryClient, repository: str, tmp_path: pathlib.Path) -> None:
    load_index(running, f"{repository}:1", tmp_path)
    subject = m.Descriptor(MANY.media_type, MANY.root, len(MANY.contents[MANY.root][0])).as_dict()
    sbom = put_artifact(client, repository, "", artifactType="application/spdx+json", subject=subject)
    signature = put_artifact(client, repository, fallback_tag(MANY.root) + ".sig", annotations={"a": "b"})
    options = {"url": running.url, "name": [f"{repository}:1"]}
    (image,) = modules.run("image_info", referrers=True, **options)["images"]
    assert image["referrers"] == [
        {
            "digest": sbom.digest,
            "media_type": m.OCI_MANIFEST,
            "artifact_type": "application/spdx+json",
            "size": len(sbom.raw),
            "annotations": {},
            "tag": None,
        },
        {
            "digest": signature.digest,
            "media_type": m.OCI_MANIFEST,
            "artifact_type": "application/vnd.oci.empty.v1+json",
            "size": len(signature.raw),
            "annotations": {},
            "tag": fallback_tag(MANY.root) + ".sig",
        },
    ]
    assert "referrers" not in modules.run("image_info", **options)["images"][0]


def test_an_artifact(running: Running, client: RegistryClient, repository: str) -> None:
    chart = put_artifact(client, repository, "1", artifactType="application/vnd.example.chart")
    (image,) = modules.run("image_info", url=running.url, name=[f"{repository}:1"])["images"]
    (part,) = image["platforms"]
    assert image["artifact_type"] == part["artifact_type"] == "application/vnd.example.chart"
    assert {part[key] for key in ("platform", "created", "env", "cmd", "labels", "history", "healthcheck")} == {None}
    assert [layer["digest"] for layer in part["layers"]] == [digest_of(b"parts")]
    assert image["size"] == len(chart.raw) + len(b"{}") + len(b"parts")


def test_a_play_that_pins(running: Running, repository: str, tmp_path: pathlib.Path) -> None:
    load_index(running, f"{repository}:1", tmp_path)
    digest = load(running, f"{repository}:2", "hello-world")["digest"]
    name = f"{running.authority}/{repository}"
    arm = json.loads(MANY.contents[MANY.root][0])["manifests"][1]["digest"]
    lookups = {
        "plain": (f"lookup('dockyard.registry.digest', '{name}:1')", MANY.root),
        "both": (f"query('dockyard.registry.digest', ['{name}:1'], '{name}:2', pinned=true)",
                 [f"{name}:1@{MANY.root}", f"{name}:2@{digest}"]),
        "http": (f"lookup('dockyard.registry.digest', '{name}:2', plain_http=true)", digest),
        "arm": (f"lookup('dockyard.registry.digest', '{name}:1', platform='linux/arm64/v8')", arm),
        "there": (f"lookup('dockyard.registry.digest', '{name}@{digest}', pinned=true)", f"{name}@{digest}"),
    }  # fmt: skip
    facts = {"ansible.builtin.set_fact": {key: f"{{{{ {lookup} }}}}" for key, (lookup, _expected) in lookups.items()}}
    that = [f"{key} == {expected!r}" for key, (_lookup, expected) in lookups.items()]
    code, printed = play(tmp_path, facts, {"ansible.builtin.assert": {"that": that}})
    assert code == 0, printed


def test_lookups_that_fail(running: Running, guarded: Running, tmp_path: pathlib.Path, repository: str) -> None:
    """Each in a task of its own; none prints the password, and no cause is printed twice."""
    login = "username='ada', password='swordfish'"
    failing = {
        f"'{running.authority}/{repository}:none'": "answered 404: MANIFEST_UNKNOWN",
        f"'{running.authority}/{repository}:none', {login}, validate_certs=false": "answered 404: MANIFEST_UNKNOWN",
        f"'{guarded.authority}/x', {login}": "answered 401",
        f"'{guarded.authority}/x', '{running.authority}/x', {login}": "A login is for one registry",
        f"'{running.authority}/x', username='ada'": "username and password are needed together",
        "'Not A Reference'": "is not a repository name",
        f"'{running.authority}/x', platform='arm'": "'arm' is not a platform",
        f"'{running.authority}/x', ca_path='/none/such'": "/none/such",
        f"'{running.authority}/x', timeout=0": "at least one second",
        "1.27": "1.27 is no text",
    }
    tasks = [
        {"ansible.builtin.debug": {"msg": f"{{{{ lookup('dockyard.registry.digest', {arguments}) }}}}"},
         "register": f"r{number}", "ignore_errors": True}
        for number, arguments in enumerate(failing)
    ]  # fmt: skip
    that = [f"{says!r} in r{number}.msg" for number, says in enumerate(failing.values())]
    code, printed = play(tmp_path, *tasks, {"ansible.builtin.assert": {"that": that}})
    assert code == 0, printed
    messages = [line for line in printed.splitlines() if line.startswith("[ERROR]")]
    assert len(messages) == len(failing)
    for line, says in zip(messages, failing.values()):
        assert line.count(says) == 1
        assert "swordfish" not in line


def test_a_login(guarded: Running, repository: str, tmp_path: pathlib.Path) -> None:
    load_index(guarded, f"{repository}:1", tmp_path, username=USER.username, password=USER.password)
    lookup = f"lookup('dockyard.registry.digest', '{guarded.authority}/{repository}:1', username=user, password=secret)"
    task = {"ansible.builtin.assert": {"that": f"{lookup} == '{MANY.root}'"}}
    code, printed = play(tmp_path, task, user=USER.username, secret=USER.password)
    assert code == 0, printed
    assert USER.password not in printed


def test_the_examples_of_filters(tmp_path: pathlib.Path) -> None:
    tasks: list[dict[str, t.Any]] = []
    for name in EXAMPLES:
        tasks += yaml.safe_load(importlib.import_module(f"{modules.PLUGINS}.filter.{name}").EXAMPLES)
    code, printed = play(tmp_path, *tasks)
    assert code == 0, printed
    assert f"ok={len(tasks)} " in printed
    assert [text for text in EXAMPLES.values() if text not in printed] == []
