# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module finds on a real host."""

from __future__ import annotations

import io
import json
import os
import socket
import tarfile

import pytest

from ansible_collections.dockyard.registry.plugins.modules import host_info


def make_archive(path, name, content):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return str(path)


def test_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        assert host_info.port_facts("127.0.0.1", port) == {"free": False, "error": "Address already in use"}
    assert host_info.port_facts("127.0.0.1", port) == {"free": True, "error": ""}


def test_address_of_another_host():
    assert host_info.port_facts("192.0.2.1", 5000)["free"] is False


def test_names():
    assert "127.0.0.1" in host_info.name_facts("localhost")["local"]
    assert host_info.name_facts("192.0.2.1") == {
        "name": "192.0.2.1", "addresses": ["192.0.2.1"], "local": [], "error": ""
    }


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 64 + ".example"])
def test_name_that_does_not_resolve(name):
    facts = host_info.name_facts(name)
    assert facts["addresses"] == []
    assert facts["error"]


def test_missing_folder(tmp_path):
    facts = host_info.folder_facts(str(tmp_path / "a" / "b"))
    assert facts["exists"] is False
    assert facts["uid"] is None
    assert facts["free_bytes"] > 0
    assert not (tmp_path / "a").exists()


def test_folder_with_registry(tmp_path):
    (tmp_path / "docker" / "registry" / "v2").mkdir(parents=True)
    facts = host_info.folder_facts(str(tmp_path))
    assert facts["is_registry"] is True
    assert facts["entries"] == ["docker"]
    assert facts["uid"] == os.getuid()


def test_folder_with_something_else(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    (tmp_path / "lost+found").mkdir()
    facts = host_info.folder_facts(str(tmp_path))
    assert facts["is_registry"] is False
    assert facts["entries"] == ["letter.txt"]


def test_file_for_a_folder(tmp_path):
    (tmp_path / "f").write_text("")
    assert host_info.folder_facts(str(tmp_path / "f"))["is_directory"] is False


def test_archive(tmp_path):
    manifest = json.dumps([{"Config": "c", "RepoTags": ["registry:3", "registry:3.1.2"], "Layers": []}]).encode()
    path = make_archive(tmp_path / "a.tar", "manifest.json", manifest)
    assert host_info.archive_facts(path) == {"tags": ["registry:3", "registry:3.1.2"], "error": ""}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("other.txt", b"x", "no manifest.json"),
        ("manifest.json", b"not json", "no list of images"),
        ("manifest.json", b'{"a": 1}', "no list of images"),
        ("manifest.json", b"[1]", "no list of images"),
    ],
)
def test_no_image(tmp_path, name, content, says):
    assert says in host_info.archive_facts(make_archive(tmp_path / "a.tar", name, content))["error"]


def test_no_archive(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"x" * 2000)
    assert "no tar archive" in host_info.archive_facts(str(tmp_path / "a.tar"))["error"]
    assert host_info.archive_facts(str(tmp_path / "b.tar"))["error"] == "No such file or directory"
    assert host_info.archive_facts(str(tmp_path))["error"] == "Is a directory"


def test_damaged_archive(tmp_path):
    manifest = json.dumps([{"RepoTags": ["a:1"]}] * 1000).encode()
    path = make_archive(tmp_path / "a.tar", "manifest.json", manifest)
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:1500])
    assert host_info.archive_facts(path)["error"]
