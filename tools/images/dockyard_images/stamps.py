# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers from what an archive was made, to tell whether it is up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .imagelist import Spec


@dataclass(frozen=True)
class Record:
    """What <name>.json beside an archive says. `size` is the archive's, in bytes; `digest` the manifest's.

    `packages` came from this machine's apt and are looked up again; `contents` are those of a whole Debian.
    """

    name: str
    stamp: str
    source: str
    version: str
    tags: list[str]
    digest: str
    size: int
    packages: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    go: str = ""


def stamp(spec: Spec, architecture: str, epoch: int, sources: Iterable[Path], assets: Path) -> str:
    """A hash of all that is known before building: the entry, the files it names, the builder, where it runs."""
    found = hashlib.sha256()
    for text in (spec.as_text(), architecture, str(epoch)):
        found.update(text.encode() + b"\0")
    for path in [*sorted(sources), *(assets / name for name in sorted(spec.files.values()))]:
        mode = path.stat().st_mode & 0o100
        found.update(f"{path.name} {mode}".encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    for path in trusted(spec):
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def trusted(spec: Spec) -> list[Path]:
    """The CA certificates that this machine's owner added and that go into a whole Debian."""
    return sorted(Path("/usr/local/share/ca-certificates").glob("*.crt")) if spec.bootstrap else []


def load(path: Path) -> Record | None:
    """The record in a file, None if there is none or it cannot be read."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def save(path: Path, record: Record) -> None:
    """Write a record, for people and programs."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(asdict(record), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)


def outdated(
    record: Record | None,
    archive: Path,
    now: str,
    candidates: Callable[[Iterable[str]], dict[str, str]],
    go: str,
) -> str:
    """Why an archive is to be built (again), "" if it is up to date.

    `candidates` tells the versions that packages have now, `go` which Go there is; what cannot be known is no reason.
    """
    if record is None or not archive.is_file():
        return "it is not there yet"
    if archive.stat().st_size != record.size:
        return "the archive is not the one that was written"
    if record.stamp != now:
        return "the list, the builder or this machine changed"
    if record.go and go and record.go != go:
        return "Go changed"
    current = candidates(record.packages)
    newer = [name for name, version in record.packages.items() if current.get(name, version) != version]
    return f"there is another version of {', '.join(newer)}" if newer else ""
