# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from an ELF file what it needs to run: its loader and its shared libraries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5


@dataclass(frozen=True)
class Needs:
    """The loader's path ("" if none: a static program or a library) and the names of the libraries."""

    loader: str
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """A program header: what it is, where it is in the file and in memory, how long (bytes)."""

    kind: int
    offset: int
    address: int
    size: int


def text_at(data: bytes, offset: int) -> str:
    """The zero-terminated text at an offset."""
    return data[offset : data.index(b"\0", offset)].decode()


def segments(data: bytes, order: str, wide: bool) -> list[Segment]:
    """The program headers of an ELF file of 64 (`wide`) or 32 bits."""
    start = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)[0]
    length, count = struct.unpack_from(order + "HH", data, 54 if wide else 42)
    found = []
    for number in range(count):
        at = start + number * length
        if wide:
            kind, _flags, offset, address, _physical, size = struct.unpack_from(order + "IIQQQQ", data, at)
        else:
            kind, offset, address, _physical, size = struct.unpack_from(order + "IIIII", data, at)
        found.append(Segment(kind, offset, address, size))
    return found


def needs(data: bytes) -> Needs | None:
    """What a file needs, or None if it is no ELF file."""
    if data[:4] != b"\x7fELF":
        return None
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    headers = segments(data, order, wide)
    loader = next((text_at(data, part.offset) for part in headers if part.kind == PT_INTERP), "")
    dynamic = next((part for part in headers if part.kind == PT_DYNAMIC), None)
    if dynamic is None:
        return Needs(loader, ())
    width = 16 if wide else 8
    pairs = [
        struct.unpack_from(order + ("qQ" if wide else "iI"), data, dynamic.offset + at)
        for at in range(0, dynamic.size - width + 1, width)
    ]
    strings = next((value for tag, value in pairs if tag == DT_STRTAB), None)
    if strings is None:
        return Needs(loader, ())
    base = file_offset(headers, strings)
    return Needs(loader, tuple(text_at(data, base + value) for tag, value in pairs if tag == DT_NEEDED))


def file_offset(headers: list[Segment], address: int) -> int:
    """Where in the file the byte is that is loaded at an address."""
    for part in headers:
        if part.kind == PT_LOAD and part.address <= address < part.address + part.size:
            return part.offset + address - part.address
    raise ValueError(f"no segment of the ELF file holds the address {address:#x}")
