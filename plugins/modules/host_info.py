#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module host_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
author:
  - The dockyard.registry contributors (@dockyard)
short_description: What a host has for a registry
version_added: 0.1.0
description:
  - Says whether a port is free, what a data folder holds, whether an archive is one of images and where names lead.
  - The roles ask this before they change anything.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: N/A
    details: This module changes nothing.
options:
  address:
    description: The IP address that is to be listened on.
    type: str
  port:
    description: The TCP port that is to be listened on.
    type: int
  data_dir:
    description: The folder for a registry's data. It need not exist.
    type: path
  archive:
    description: An archive of images, as C(docker save) writes it.
    type: path
  names:
    description: Host names and IP addresses that are to lead to this host.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at what is there for a registry
  dockyard.registry.host_info:
    address: 127.0.0.1
    port: 5000
    data_dir: /var/lib/dockyard/registry
    names: [localhost]
"""

RETURN = r"""
port:
  description: Whether O(port) can be listened on.
  returned: when O(port) is given
  type: dict
  sample: {"free": false, "error": "Address already in use"}
data_dir:
  description:
    - The folder, and the file system that it is or will be on.
    - C(is_registry) says that it holds the data of a registry, C(entries) names at most ten of its entries.
  returned: when O(data_dir) is given
  type: dict
  sample:
    exists: true
    is_directory: true
    is_registry: true
    entries: [docker]
    uid: 65532
    gid: 65532
    free_bytes: 85899345920
    read_only: false
archive:
  description: The names of the images in O(archive), and why it is none if it is none.
  returned: when O(archive) is given
  type: dict
  sample: {"tags": ["registry:3"], "error": ""}
names:
  description:
    - Where each of O(names) leads, as this host sees it.
    - C(local) are those of its C(addresses) that are this host's own.
  returned: success
  type: list
  elements: dict
  sample:
    - {"name": "localhost", "addresses": ["127.0.0.1"], "local": ["127.0.0.1"], "error": ""}
"""

import itertools
import json
import os
import socket
import tarfile
import typing as t

from ansible.module_utils.basic import AnsibleModule

# A manifest.json of ten thousand images is smaller than this.
MOST_MANIFEST_BYTES = 4 * 1024 * 1024


def port_facts(address: str, port: int) -> dict[str, t.Any]:
    """Tries to listen: the one answer that holds whoever has the port, in whatever network namespace."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.strip("[]"), port))
            probe.listen(1)
        except OSError as error:
            return {"free": False, "error": error.strerror or str(error)}
    return {"free": True, "error": ""}


def name_facts(name: str) -> dict[str, t.Any]:
    """Where a name leads; an address is the host's own if it can be bound."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return {"name": name, "addresses": [], "local": [], "error": getattr(error, "strerror", None) or str(error)}
    addresses = sorted({str(entry[4][0]) for entry in found})
    return {"name": name, "addresses": addresses, "local": [one for one in addresses if is_local(one)], "error": ""}


def is_local(address: str) -> bool:
    """Whether an address is this host's own."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def folder_facts(path: str) -> dict[str, t.Any]:
    """The folder and its file system; of one that does not exist, the file system it would be on."""
    there = os.path.abspath(path)
    while not os.path.exists(there):
        there = os.path.dirname(there)
    file_system = os.statvfs(there)
    facts: dict[str, t.Any] = {
        "exists": os.path.lexists(path),
        "is_directory": os.path.isdir(path),
        "is_registry": os.path.isdir(os.path.join(path, "docker", "registry", "v2")),
        "entries": [],
        "uid": None,
        "gid": None,
        "free_bytes": file_system.f_bavail * file_system.f_frsize,
        "read_only": bool(file_system.f_flag & os.ST_RDONLY),
    }
    if facts["is_directory"]:
        owner = os.stat(path)
        facts.update(uid=owner.st_uid, gid=owner.st_gid)
        with os.scandir(path) as entries:
            # A new file system has lost+found and nothing else.
            names = (entry.name for entry in entries if entry.name != "lost+found")
            facts["entries"] = sorted(itertools.islice(names, 10))
    return facts


def archive_facts(path: str) -> dict[str, t.Any]:
    """The names in an archive's manifest.json (Docker Image Specification v1.2, "Combined Image JSON + Filesystem")."""
    try:
        with tarfile.open(path) as archive:
            member = archive.getmember("manifest.json")
            handle = archive.extractfile(member)
            if handle is None or member.size > MOST_MANIFEST_BYTES:
                return {"tags": [], "error": "its manifest.json is no list of images"}
            images = json.loads(handle.read(MOST_MANIFEST_BYTES))
        return {"tags": [str(tag) for image in images for tag in image.get("RepoTags") or []], "error": ""}
    except OSError as error:
        return {"tags": [], "error": error.strerror or str(error)}
    except KeyError:
        return {"tags": [], "error": "it has no manifest.json, so it is no archive of images"}
    except (tarfile.TarError, EOFError):
        return {"tags": [], "error": "it is no tar archive, or a damaged one"}
    except (ValueError, AttributeError, TypeError):
        return {"tags": [], "error": "its manifest.json is no list of images"}


def main() -> None:
    """Answers what was asked."""
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str"},
            "port": {"type": "int"},
            "data_dir": {"type": "path"},
            "archive": {"type": "path"},
            "names": {"type": "list", "elements": "str", "default": []},
        },
        required_together=[("address", "port")],
        supports_check_mode=True,
    )
    params = module.params
    facts: dict[str, t.Any] = {"names": [name_facts(name) for name in params["names"]]}
    try:
        if params["port"] is not None:
            facts["port"] = port_facts(params["address"], params["port"])
        if params["data_dir"]:
            facts["data_dir"] = folder_facts(params["data_dir"])
        if params["archive"]:
            facts["archive"] = archive_facts(params["archive"])
    except OSError as error:
        module.fail_json(msg=f"Could not look at the host: {error}")
    module.exit_json(changed=False, **facts)


if __name__ == "__main__":
    main()
