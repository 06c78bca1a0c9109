# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where engines look for CAs, on a file system of the test's own."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts import engines

KEY = "registry.example.com:5000"


def write(root: pathlib.Path, path: str, text: str = "") -> str:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(file)


def test_docker(tmp_path: pathlib.Path) -> None:
    assert engines.trusted_files("docker", KEY, root=str(tmp_path)) == []
    ca = write(tmp_path, f"etc/docker/certs.d/{KEY}/ca.crt")
    write(tmp_path, f"etc/docker/certs.d/{KEY}/client.key")
    write(tmp_path, "etc/docker/certs.d/registry.example.com/ca.crt")
    assert engines.trusted_files("docker", KEY, root=str(tmp_path)) == [ca]


def test_podman_falls_back_to_dockers_folder(tmp_path: pathlib.Path) -> None:
    docker = write(tmp_path, f"etc/docker/certs.d/{KEY}/ca.crt")
    assert engines.trusted_files("podman", KEY, root=str(tmp_path)) == [docker]
    own = write(tmp_path, f"etc/containers/certs.d/{KEY}/ca.crt")
    assert engines.trusted_files("podman", KEY, root=str(tmp_path)) == [own]


def test_containerd(tmp_path: pathlib.Path) -> None:
    write(tmp_path, f"etc/containerd/certs.d/{KEY}/hosts.toml", 'ca = "/a.crt"')
    assert engines.trusted_files("containerd", KEY, root=str(tmp_path)) == [], "nothing tells it to look there"
    write(tmp_path, "etc/containerd/config.toml", '  config_path = "/etc/containerd/certs.d"\n')
    assert engines.trusted_files("containerd", KEY, root=str(tmp_path)) == ["/a.crt"]
    (tmp_path / f"etc/containerd/certs.d/{KEY}/hosts.toml").unlink()
    ca = write(tmp_path, f"etc/containerd/certs.d/{KEY}/ca.crt")
    assert engines.trusted_files("containerd", KEY, root=str(tmp_path)) == [ca]


@pytest.mark.parametrize(
    ("config", "folder"),
    [
        ("", ""),
        ('config_path = ""', ""),
        ('[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/x"', "/x"),
        ("[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/x:/y'", "/x"),
        ('# config_path = "/x"', ""),
    ],
)
def test_containerd_folder(config: str, folder: str) -> None:
    assert engines.containerd_folder(config) == folder


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ('server = "https://x"\n[host."https://x"]\n  ca = "/a.crt"', ["/a.crt"]),
        ("  ca = ['/a.crt', \"/b.crt\"]", ["/a.crt", "/b.crt"]),
        ('capabilities = ["pull"]', []),
    ],
)
def test_hosts_toml(text: str, files: list[str]) -> None:
    assert engines.hosts_toml_cas(text) == files


def test_installed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_ADMIN_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.installed() == [] and engines.as_engines([]) == []
    for program, expected in (
        ("containerd", ["containerd"]),
        ("dockerd", ["docker"]),
        ("skopeo", ["docker", "podman"]),
        ("nerdctl", ["docker", "podman", "containerd"]),
    ):
        pathlib.Path(write(tmp_path, program)).chmod(0o755)
        assert engines.installed() == expected
    assert engines.as_engines(["podman"]) == ["podman"]
