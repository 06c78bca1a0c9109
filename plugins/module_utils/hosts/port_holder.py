# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens on a port of this machine, by what the kernel says in /proc (proc(5), /proc/net/tcp)."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import sys

_LISTEN = "0A"


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who has a port: ``program`` and ``pid`` are empty and 0 if only root may know, ``container`` if it is none."""

    program: str = ""
    pid: int = 0
    container: str = ""


def find_holder(address: str, port: int, *, proc: str = "/proc") -> Holder | None:
    """Return who listens there, None if nobody does."""
    inodes: set[str] = set()
    for table in ("tcp", "tcp6"):
        try:
            with open(f"{proc}/net/{table}", encoding="ascii") as file:
                inodes |= listeners(file.read(), address, port)
        except FileNotFoundError:
            continue  # a kernel without IPv6
    return _owner(inodes, proc) if inodes else None


def listeners(table: str, address: str, port: int) -> set[str]:
    """Return the inodes of the sockets in a table that a connection to the address would meet."""
    wanted = ipaddress.ip_address(address.strip("[]"))
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != _LISTEN:
            continue
        host, _colon, number = fields[1].partition(":")
        bound = _address(host)
        if int(number, 16) == port and (bound == wanted or bound.is_unspecified or wanted.is_unspecified):
            found.add(fields[9])
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address: words of four bytes, each in the machine's own order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _owner(inodes: set[str], proc: str) -> Holder:
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for pid in filter(str.isdigit, os.listdir(proc)):
        try:
            names = os.listdir(f"{proc}/{pid}/fd")
            if not any(_link(f"{proc}/{pid}/fd/{name}") in sockets for name in names):
                continue
            with open(f"{proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
                return Holder(re.sub(r"[^\x20-\x7e]", "?", file.read().strip()), int(pid))
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue  # somebody else's, or gone meanwhile
    return Holder()


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
