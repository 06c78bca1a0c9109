# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together what an image's layers hold: from packages, from a compiled program, from the list itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from .apt import Package, Packages, resolve, usr_merged
from .closure import Closure
from .commands import run
from .errors import BuildError
from .imagelist import Spec
from .layers import Entry

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def package_entries(spec: Spec, packages: Packages) -> list[Entry]:
    """What the image takes from packages: the files it names, the libraries those need, certificates, who made it."""
    found: dict[str, Entry] = {}
    closure = Closure(packages)
    for name, moves in spec.take.items():
        package = packages.get(name)
        for source, target in moves.items():
            for entry in taken(package, source, target):
                found[entry.path] = entry
                closure.add(entry.data, package)
    found.update(closure.entries)
    if spec.certificates:
        found[BUNDLE] = certificates(packages.get("ca-certificates"))
    for applet in spec.applets:
        found.setdefault(f"/usr/bin/{applet}", Entry(f"/usr/bin/{applet}", link="busybox"))
    return list(found.values())


def taken(package: Package, source: str, target: str) -> list[Entry]:
    """The file, or all files under the folder (a path that ends with /), of a package under its path in the image."""
    if not source.endswith("/"):
        entry = resolve(package.entries, usr_merged(source))
        if entry is None or entry.is_folder:
            raise BuildError(f"the package {package.name} {package.version} has no file {source}")
        return [replace(entry, path=target)]
    base, start = target.rstrip("/"), usr_merged(source)
    under = [replace(entry, path=base + "/" + path[len(start) :]) for path, entry in package.entries.items() if path.startswith(start)]
    if not under:
        raise BuildError(f"the package {package.name} {package.version} has no folder {source}")
    return under


def certificates(package: Package) -> Entry:
    """The bundle that the package's maintainer script would write."""
    found = package.entries
    paths = sorted(path for path in found if path.startswith("/usr/share/ca-certificates/") and path.endswith(".crt"))
    return Entry(BUNDLE, data=b"".join(found[path].data.strip() + b"\n" for path in paths))


def papers(packages: list[Package]) -> list[Entry]:
    """Licences, and the package records that vulnerability scanners read."""
    found = []
    for package in packages:
        path = f"/usr/share/doc/{package.name}/copyright"
        licence = resolve(package.entries, path)
        if licence and licence.data:
            found.append(Entry(path, data=licence.data))
        record = run(["dpkg-deb", "-f", str(package.file)])
        found.append(Entry(f"/var/lib/dpkg/status.d/{package.name}", data=record.strip().encode() + b"\n"))
    return found


def own_entries(spec: Spec, version: str, assets: Path) -> list[Entry]:
    """What the list itself puts into the image: folders, links and files."""
    found = [Entry(path, mode, is_folder=True) for path, mode in spec.folders.items()]
    found += [Entry(path, link=target) for path, target in spec.links.items()]
    for path, name in spec.files.items():
        asset = assets / name
        data = asset.read_bytes().replace(b"@VERSION@", version.encode())
        found.append(Entry(path, 0o755 if asset.stat().st_mode & 0o100 else 0o644, data))
    return found


def merged(entries: list[Entry], links: dict[str, str]) -> list[Entry]:
    """The entries with the image's own folder links resolved: with /bin -> usr/bin, /bin/registry is /usr/bin/registry."""
    tops = {path: "/" + target for path, target in links.items() if path.count("/") == 1 and target.startswith("usr/")}

    def moved(entry: Entry) -> Entry:
        top = "/" + PurePosixPath(entry.path).parts[1]
        if entry.path == top or top not in tops:
            return entry
        return replace(entry, path=tops[top] + entry.path[len(top) :])

    return [moved(entry) for entry in entries]
