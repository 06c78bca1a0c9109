# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container engines on a host, and where each looks for the CAs of a registry.

- Docker: ``/etc/docker/certs.d/HOST[:PORT]/*.crt``, in addition to the system's CAs; read at each pull.
- podman, skopeo, buildah: the same below ``/etc/containers``; where that is missing, Docker's folder
  (containers/image: docs/containers-certs.d.5.md).
- containerd: ``hosts.toml`` in the folder that ``config_path`` of its registry plugin names; where that file is missing,
  Docker's form (containerd: docs/hosts.md).
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import typing as t

ENGINES: tuple[str, ...] = ("docker", "podman", "containerd")

CONTAINERD_CONFIG = "/etc/containerd/config.toml"
CONTAINERD_FOLDER = "/etc/containerd/certs.d"

_PROGRAMS = {"docker": ("dockerd", "docker"), "podman": ("podman", "skopeo", "buildah"), "containerd": ("containerd",)}
# containerd comes with Docker and then pulls nothing on its own, unless one of these asks it to.
_USERS_OF_CONTAINERD = ("kubelet", "crictl", "nerdctl", "k3s")
_ADMIN_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

_CONFIG_PATH = re.compile(r"""^\s*config_path\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.MULTILINE)
_CA_LINE = re.compile(r"^\s*ca\s*=\s*(?P<value>\[[^\]]*\]|\"[^\"]*\"|'[^']*')", re.MULTILINE)
_TEXT = re.compile(r"\"([^\"]*)\"|'([^']*)'")


def installed() -> list[str]:
    """Return the engines of this host."""
    found = [engine for engine in ENGINES if any(_has(program) for program in _PROGRAMS[engine])]
    if "docker" in found and "containerd" in found and not any(_has(program) for program in _USERS_OF_CONTAINERD):
        found.remove("containerd")
    return found


def containerd_folder(config: str) -> str:
    """Return the folder that a ``config.toml`` names for registries, empty if it names none.

    The plugin's key is another in each major version, and nothing else in the file has this name.
    """
    for match in _CONFIG_PATH.finditer(config):
        value = match.group(1) or match.group(2) or ""
        if value:
            return value.partition(":")[0]
    return ""


def configured_folder(*, root: str = "/") -> str:
    """Return the folder that this host's containerd is told to look in, empty if it is told none."""
    return containerd_folder(_text(os.path.join(root, CONTAINERD_CONFIG.lstrip("/"))))


def hosts_toml_cas(text: str) -> list[str]:
    """Return the CA files that a ``hosts.toml`` names."""
    return [one or other for match in _CA_LINE.finditer(text) for one, other in _TEXT.findall(match["value"])]


def trusted_files(engine: str, key: str, *, root: str = "/") -> list[str]:
    """Return the CA files that an engine reads for a registry, besides the system's.

    :param root: the top of the file system to look in.
    """
    if engine == "docker":
        return _certificates(root, f"etc/docker/certs.d/{key}")
    if engine == "podman":
        folders = (f"etc/containers/certs.d/{key}", f"etc/docker/certs.d/{key}")
        return next((_certificates(root, name) for name in folders if os.path.isdir(os.path.join(root, name))), [])
    folder = configured_folder(root=root)
    if not folder:
        return []
    hosts = _text(os.path.join(root, folder.lstrip("/"), key, "hosts.toml"))
    if hosts:
        return hosts_toml_cas(hosts)
    return _certificates(root, os.path.join(folder.lstrip("/"), key))


def _certificates(root: str, folder: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(os.path.join(root, folder)), "*.crt")))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _has(program: str) -> bool:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ADMIN_FOLDERS))
    return shutil.which(program, path=path) is not None


def as_engines(names: t.Sequence[str]) -> list[str]:
    """Return the engines to look at: those given, or the ones that are there."""
    return list(names) or installed()
