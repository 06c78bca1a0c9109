# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input in real plays: refused in words that help, and nothing has changed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "dockyard-bad-input"


def play(tmp_path, *arguments, **variables):
    """Run the playbook on this machine for a registry of its own; returns the exit code and all that was printed."""
    given = {
        "registry_name": NAME,
        "registry_port": free_port(),
        "registry_data_dir": str(tmp_path / "data"),
        "registry_config_dir": str(tmp_path / "config"),
        **variables,
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "playbooks/standalone.yml", "-e", json.dumps(given), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "COLUMNS": "200"},
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refused(tmp_path, *says, **variables):
    """The play fails with these words, changes nothing and leaves no container."""
    before = sorted(tmp_path.rglob("*"))
    code, printed = play(tmp_path, **variables)
    assert code == 2, printed
    for text in says:
        assert text in printed, printed
    assert "changed=0" in printed
    assert sorted(tmp_path.rglob("*")) == before
    containers = subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"name={NAME}"], capture_output=True, text=True, timeout=30, check=True
    )
    assert containers.stdout == ""


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"registry_address": "0.0.0.0", "registry_image": "registry:3.0.0", "registry_memory": "lots"},
         ["registry_address is '0.0.0.0'", "registry_allow_insecure: true", "registry_image is 'registry:3.0.0'", "3.1.1",
          "registry_memory is 'lots'", "512m"]),
        ({"registry_port": "http", "registry_storage_driver": "oss"},
         ["registry_port is 'http'", "from 1 to 65535", "registry_storage_driver is 'oss'", "registry:2"]),
    ],
)
def test_settings(tmp_path, variables, says):
    refused(tmp_path, *says, **variables)


def test_users_and_no_password_shown(tmp_path):
    users = [{"name": "a:b", "password": "hush" * 20}, {"name": "c", "hash": "{SHA}hush"}, {"name": "c"}]
    code, printed = play(tmp_path, "-vvv", "--diff", registry_users=users)
    assert code == 2
    for text in ("colon", "80 bytes", "not bcrypt", "is there twice"):
        assert text in printed
    assert "hush" not in printed.replace(json.dumps(users), "")


def test_port_in_use(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        refused(tmp_path, f"registry_port is {port}", "Address already in use", "another", registry_port=port)


def test_folder_of_something_else(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("dear")
    refused(tmp_path, "registry_data_dir is", "not a registry (letter.txt)")


@pytest.mark.parametrize(
    ("options", "says"), [("size=1m", "MiB free"), ("size=200m,ro", "mounted read-only")], ids=["full", "read-only"]
)
def test_file_system(tmp_path, options, says):
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount], check=True, timeout=30)
    try:
        refused(tmp_path, "registry_data_dir is", says, registry_data_dir=str(mount / "data"))
    finally:
        subprocess.run(["umount", mount], check=True, timeout=30)


def test_missing_archive(tmp_path):
    path = str(tmp_path / "registry.tar")
    refused(tmp_path, f"registry_image_archive is '{path}'", "No such file", registry_image_archive=path)


def test_archive_of_no_image(tmp_path):
    (tmp_path / "registry.tar").write_text("not an archive")
    path = str(tmp_path / "registry.tar")
    refused(tmp_path, f"registry_image_archive is '{path}'", "no tar archive", registry_image_archive=path)


def test_engine_that_does_not_answer(tmp_path):
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "docker.sock"))
        code, printed = play(tmp_path, __engine_socket=str(tmp_path / "docker.sock"), engine_start_timeout=2)
    assert code == 2, printed
    for text in ("The Docker Engine does not answer", "engine_start_timeout", "journalctl -u docker"):
        assert text in printed, printed
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "config").exists()
