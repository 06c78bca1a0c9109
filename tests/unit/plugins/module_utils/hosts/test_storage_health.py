# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found of a folder and its disk, and who has a port."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts.port_holder import find_holder, listeners
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.storage_health import (
    find_storage,
    unmounted,
    used_bytes,
)

MOUNTS = "/dev/a / ext4 rw 0 0\n/dev/b /srv\\040x ext4 rw 0 0\n"


@pytest.mark.parametrize(
    ("fstab", "path", "missing"),
    [
        ("", "/srv/images", ""),
        ("/dev/b /srv ext4 defaults 0 0", "/srv/images", "/srv"),
        ("/dev/b /srv/ ext4 defaults 0 0", "/srv", "/srv"),
        ("/dev/b /srv ext4 defaults,noauto 0 0", "/srv/images", ""),
        ("# /dev/b /srv ext4 defaults 0 0", "/srv/images", ""),
        ("/dev/b /srv ext4 defaults 0 0", "/srv2/images", ""),
        ("/dev/b /srv\\040x ext4 defaults 0 0", "/srv x/images", ""),
        ("/dev/b none swap sw 0 0\n/dev/a / ext4 defaults 0 1", "/srv/images", ""),
    ],
)
def test_disks_that_are_missing(fstab: str, path: str, missing: str) -> None:
    assert unmounted(fstab, MOUNTS, path) == missing


def test_a_folder(tmp_path: pathlib.Path) -> None:
    blobs = tmp_path / "docker/registry/v2/blobs/sha256/aa"
    blobs.mkdir(parents=True)
    (blobs / "data").write_bytes(bytes(1000))
    (blobs / "link").symlink_to("data")
    found = find_storage(str(tmp_path))
    assert (found.exists, found.is_registry, found.used_bytes, found.counted, found.problem) == (True, True, 1000, True, "")
    assert 0 < found.free_bytes <= found.total_bytes
    assert found.same is None
    assert used_bytes(str(tmp_path), seconds=-1) == (0, False)


def test_a_process_that_sees_another(tmp_path: pathlib.Path) -> None:
    """This process has no /var/lib/registry, or another than the test's folder."""
    assert find_storage(str(tmp_path), pid=os.getpid()).same is not True


def test_no_folder(tmp_path: pathlib.Path) -> None:
    found = find_storage(str(tmp_path / "none"))
    assert (found.exists, found.problem) == (False, "No such file or directory")


def test_a_port_of_this_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = find_holder("127.0.0.1", port)
        assert found is not None and found.pid == os.getpid() and found.program
        assert find_holder("0.0.0.0", port) == found
        assert find_holder("127.0.0.2", port) is None
    assert find_holder("127.0.0.1", port) is None


def test_tables() -> None:
    rows = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        "   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1",
        "   1: 00000000:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1",
        "   2: 0100007F:1388 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 13 1",
        "   3: 0000000000000000FFFF00000100007F:1388 0:0 0A 0:0 0:0 0 0 0 14 1",
        "   4: short",
    ]
    assert listeners("\n".join(rows), "127.0.0.1", 5000) == {"11", "12", "14"}
    assert listeners("\n".join(rows), "192.0.2.1", 5000) == {"12"}
    assert listeners("\n".join(rows), "127.0.0.1", 80) == set()
