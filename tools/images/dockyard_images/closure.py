# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the shared libraries a program needs, in the packages that its own package depends on.

Library packages are named differently from distribution to distribution (libssl3, libssl3t64), so no name is
written down: a package's dependencies name the packages of its libraries, whatever they are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from . import elf
from .apt import Package, Packages, resolve, usr_merged
from .errors import BuildError
from .layers import Entry


def likely_first(soname: str, names: list[str]) -> list[str]:
    """Package names, those that look like the library's first: for libssl.so.3, libssl3t64 before libc6 before iproute2."""
    stem = re.sub(r"\.so.*", "", soname).rstrip("0123456789.-").removeprefix("lib")
    return sorted(names, key=lambda name: (not name.startswith("lib" + stem), stem not in name, "lib" not in name))


def library_in(package: Package, soname: str) -> Entry | None:
    """The library of that name that a package holds, as an entry at its own path."""
    for path in package.entries:
        if path.endswith("/" + soname) and re.match(r"/usr/lib\w*/", path):
            found = resolve(package.entries, path)
            if found and elf.needs(found.data):
                return Entry(path, 0o755, found.data)
    return None


class Closure:
    """Collects libraries; each soname is looked for once."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        self._owners: dict[str, Package] = {}
        self.entries: dict[str, Entry] = {}

    def add(self, data: bytes, package: Package) -> None:
        """Add all that a file of a package needs; nothing if it is no ELF file."""
        found = elf.needs(data)
        if not found:
            return
        for soname in found.libraries:
            if soname not in self._owners:
                self._add_library(soname, package)
        if found.loader:
            self._add_loader(found.loader, package)

    def _add_library(self, soname: str, package: Package) -> None:
        names = likely_first(soname, package.depends)
        for owner in chain([package], self._known(names), self._others(names)):
            entry = library_in(owner, soname)
            if entry:
                self._owners[soname] = owner
                self.entries[entry.path] = entry
                self.add(entry.data, owner)
                return
        raise BuildError(f"{package.name} needs {soname}, which none of its dependencies holds")

    def _known(self, names: list[str]) -> list[Package]:
        """Packages that are in use already and may hold a library: libcrypto.so.3 is beside libssl.so.3."""
        return [owner for owner in dict.fromkeys(self._owners.values()) if owner.name in names]

    def _others(self, names: list[str]) -> Iterator[Package]:
        """The other dependencies, downloaded one by one as they are asked for."""
        known = self._packages.candidates(names)
        return (self._packages.get(name) for name in names if name in known)

    def _add_loader(self, loader: str, package: Package) -> None:
        """The loader is of the C library's package, as a file or as a link at the path that programs name."""
        path = usr_merged(loader)
        if path in self.entries:
            return
        owner = self._owners.get("libc.so.6", package)
        found = resolve(owner.entries, path)
        if not found:
            raise BuildError(f"{package.name} needs {loader}, which {owner.name} does not hold")
        self.entries[path] = Entry(path, 0o755, found.data)
