# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distribution packages, read without installing them: versions, files, dependencies."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from .commands import as_root, run
from .errors import BuildError, say
from .layers import Entry

# apt's own user cannot write into a folder of root's; what is downloaded is checked against the index either way.
UNBOXED = ["-o", "APT::Sandbox::User=root"]


@dataclass(frozen=True)
class Package:
    """A downloaded package: its name, its version and its file."""

    name: str
    version: str
    file: Path

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """What it holds, by absolute path, /bin and the like counted as /usr/bin."""
        done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(self.file)], capture_output=True, check=False)
        if done.returncode:
            raise BuildError(f"{self.file.name} is damaged: delete it and build again")
        found = {}
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            for member in tar:
                path = usr_merged("/" + member.name.removeprefix(".").strip("/"))
                found[path] = to_entry(path, member, tar)
        return found

    @cached_property
    def depends(self) -> list[str]:
        """The names of the packages it depends on, alternatives included, versions left out."""
        text = run(["dpkg-deb", "-f", str(self.file), "Pre-Depends", "Depends"])
        text = re.sub(r"^(Pre-)?Depends:", ",", text, flags=re.MULTILINE)
        names = (re.sub(r"[\s(:].*", "", part.strip(), flags=re.DOTALL) for part in re.split(r"[,|]", text))
        return list(dict.fromkeys(name for name in names if name))


def to_entry(path: str, member: tarfile.TarInfo, tar: tarfile.TarFile) -> Entry:
    """An entry from a member of a package's tar. A hard link becomes a copy."""
    if member.isdir():
        return Entry(path, member.mode, is_folder=True, uid=member.uid, gid=member.gid)
    if member.issym():
        return Entry(path, link=member.linkname)
    content = tar.extractfile(member)
    return Entry(path, member.mode, content.read() if content else b"", uid=member.uid, gid=member.gid)


def usr_merged(path: str) -> str:
    """The path with /bin, /sbin, /lib, /lib64 (links to /usr in every image) resolved."""
    return re.sub(r"^/(bin|sbin|lib\w*)/", r"/usr/\1/", path)


def resolve(entries: dict[str, Entry], path: str) -> Entry | None:
    """The file at a path, symbolic links within the same entries followed."""
    for _step in range(10):
        entry = entries.get(path)
        if entry is None or not entry.link:
            return entry
        target = PurePosixPath(path).parent / entry.link
        path = usr_merged(os.path.normpath(str(target)))
    return None


def upstream(version: str) -> str:
    """The program's own version inside a package's: 2.8.2+ds1-1 is 2.8.2, 1:1.35.0-4 is 1.35.0."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return found.group(1) if found else version


def available() -> bool:
    """True where packages can be looked up and read."""
    return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg-deb"))


def read_candidates(policy: str) -> dict[str, str]:
    """Package to candidate version, from what `apt-cache policy` printed."""
    found, name = {}, ""
    for line in policy.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:"):
            version = line.split()[-1]
            if version != "(none)":
                found[name] = version
    return found


class Packages:
    """The packages this machine can get, downloaded into one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions: dict[str, str] = {}
        self._loaded: dict[str, Package] = {}
        self._refreshed = False

    def candidates(self, names: Iterable[str]) -> dict[str, str]:
        """The versions apt would install; names it does not know are left out."""
        asked = [name for name in names if name not in self._versions]
        if asked:
            self._versions.update(read_candidates(run(["apt-cache", "policy", "--", *asked])))
        return {name: self._versions[name] for name in names if name in self._versions}

    def refresh(self) -> bool:
        """Run `apt-get update`, once a run; False if it was run before. A failure is told and left to what comes next."""
        if self._refreshed:
            return False
        self._refreshed = True
        self._versions.clear()
        say("apt", "apt-get update, because a package cannot be found (10 to 60 s)")
        try:
            run(as_root(["apt-get", "-q", "update"]))
        except BuildError as problem:
            say("apt", str(problem))
        return True

    def version(self, name: str) -> str:
        """The version of a package that must be there; looks again after `apt-get update`."""
        found = self.candidates([name])
        if name not in found and self.refresh():
            found = self.candidates([name])
        if name not in found:
            raise BuildError(
                f"no package {name}: apt knows none of that name, also after apt-get update "
                "(on Ubuntu, enable the component `universe`)"
            )
        return found[name]

    def get(self, name: str) -> Package:
        """A package by its name, from the folder if that version is there already."""
        if name not in self._loaded:
            version = self.version(name)
            file = self._find(name, version)
            if file is None:
                file = self._download(name)
                version = self.version(name)
            self._loaded[name] = Package(name, version, file)
        return self._loaded[name]

    def _find(self, name: str, version: str) -> Path | None:
        quoted = version.replace(":", "%3a")
        return next(iter(sorted(self._folder.glob(f"{name}_{quoted}_*.deb"))), None)

    def _download(self, name: str) -> Path:
        """Fetch a package; an index that is out of date names files that are gone, so try twice."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            version = self.version(name)
            try:
                run(["apt-get", "-q", *UNBOXED, "download", f"{name}={version}"], cwd=self._folder)
            except BuildError:
                if self.refresh():
                    continue
                raise
            file = self._find(name, version)
            if file is None:
                raise BuildError(f"apt-get downloaded {name} {version}, but under a name that is not expected")
            return file

    def forget(self) -> None:
        """Have nothing in use, for the next image."""
        self._loaded.clear()

    @property
    def used(self) -> dict[str, str]:
        """What was asked for since `forget`, with versions."""
        return {name: package.version for name, package in sorted(self._loaded.items())}
