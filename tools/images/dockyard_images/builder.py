# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds one image: decides where it comes from, writes its layers and its archive."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import apt, bootstrap, golang, hub, rootfs, stamps
from .archive import Image, image_config, write_archive
from .commands import run
from .errors import BuildError, say
from .imagelist import Spec, oci_config
from .layers import Blob, Entry, write_layer

SOURCE_URL = "https://github.com/dockyard/registry"
# The distributions' names of architectures where the OCI has others; all else is the same.
OCI_NAMES = {"armhf": "arm", "armel": "arm", "i386": "386", "ppc64el": "ppc64le", "x86_64": "amd64", "aarch64": "arm64"}
DIGEST_AT_HUB = "registry.dockyard.hub-digest"


@dataclass
class Made:
    """What building an image gave: the archive's parts, and what the record tells of them."""

    version: str
    config: bytes
    layers: list[Blob]
    source: str
    packages: dict[str, str]
    contents: dict[str, str]
    go: str = ""
    annotations: dict[str, str] | None = None


class Builder:
    """Builds into one folder; downloads are kept in another."""

    def __init__(self, root: Path, output: Path, cache: Path, prefer_hub: bool = False, force: bool = False) -> None:
        self.output = output
        self._assets = root / "files"
        self._sources = [root / "build.py", *(root / "dockyard_images").glob("*.py")]
        self._cache = cache
        self._prefer_hub = prefer_hub
        self._force = force
        self._packages = apt.Packages(cache / "debs")
        self.epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
        self.architecture = architecture()

    def build(self, spec: Spec) -> stamps.Record:
        """Have the archive of an image; BuildError if that cannot be."""
        archive, note = self.output / f"{spec.name}.tar", self.output / f"{spec.name}.json"
        now = stamps.stamp(spec, self.architecture, self.epoch, self._sources, self._assets)
        record = stamps.load(note)
        reason = "asked for" if self._force else stamps.outdated(record, archive, now, self._candidates, self._go(spec))
        if record and not reason:
            say(spec.name, "up to date")
            return record
        say(spec.name, f"building ({reason})")
        self.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=self.output) as folder:
            made = self._make(spec, Path(folder))
            tags = list(dict.fromkeys(tag.replace("{version}", made.version) for tag in spec.tags))
            image = Image(tags, self.architecture, made.config, made.layers, made.annotations or {}, self.epoch)
            manifest = write_archive(archive, Path(folder), image)
        record = stamps.Record(
            spec.name, now, made.source, made.version, tags, manifest.digest, archive.stat().st_size,
            made.packages, made.contents, made.go,
        )  # fmt: skip
        stamps.save(note, record)
        return record

    def _candidates(self, names: Iterable[str]) -> dict[str, str]:
        return self._packages.candidates(list(names)) if apt.available() else {}

    @staticmethod
    def _go(spec: Spec) -> str:
        return golang.version() if spec.go else ""

    def _make(self, spec: Spec, blobs: Path) -> Made:
        """From here, or from Docker Hub where it answers: what is preferred first, then the other."""
        if spec.hub and self._prefer_hub:
            problem = hub.why_not()
            if not problem:
                return self._from_hub(spec, blobs)
            say(spec.name, f"not from Docker Hub: {problem}")
        try:
            return self._made_here(spec, blobs)
        except BuildError as failure:
            problem = "it is not there" if not spec.hub else hub.why_not()
            if problem:
                raise BuildError(f"{failure}. Nor can it come from Docker Hub: {problem}") from None
            say(spec.name, f"{failure}. So it comes from Docker Hub")
            return self._from_hub(spec, blobs)

    def _made_here(self, spec: Spec, blobs: Path) -> Made:
        """From packages and source; BuildError if this machine lacks what that needs."""
        lacking = self._lacking(spec)
        if lacking:
            raise BuildError(lacking)
        return self._bootstrapped(spec, blobs) if spec.bootstrap else self._assembled(spec, blobs)

    def _lacking(self, spec: Spec) -> str:
        """What this machine lacks to build an image itself, "" if nothing."""
        if spec.take and not apt.available():
            return "needs apt-get, apt-cache and dpkg-deb: build it on Debian or Ubuntu, and copy the archive"
        if spec.go and not golang.find():
            return "needs Go: install a release of the last year, or use registry-2, which needs none"
        return ""

    def _from_hub(self, spec: Spec, blobs: Path) -> Made:
        digest = hub.pull(spec.name, spec.hub)
        config, layers = hub.save(spec.hub, blobs)
        version = spec.hub.rpartition(":")[2]
        return Made(version, config, layers, f"Docker Hub, {spec.hub}", {}, {}, annotations={DIGEST_AT_HUB: digest})

    def _assembled(self, spec: Spec, blobs: Path) -> Made:
        """An image of single files: one layer of what was taken, one of what the list puts in."""
        packages = self._packages
        packages.forget()
        if spec.take:
            say(spec.name, f"from the packages {', '.join(spec.take)} (seconds)")
        taken = rootfs.package_entries(spec, packages)
        if spec.version.startswith("package:"):
            version = apt.upstream(packages.version(spec.version.partition(":")[2]))
        else:
            version = spec.go["version"].removeprefix("v") if spec.version == "go" else spec.version
        if spec.go:
            taken.append(Entry(spec.go["to"], 0o755, golang.build(spec, self._cache / "go")))
        taken += rootfs.papers([packages.get(name) for name in packages.used])
        line = "packages: " + " ".join(f"{name}={found}" for name, found in packages.used.items())
        layers = [
            (write_layer(blobs, rootfs.merged(taken, spec.links), self.epoch), line),
            (self._own_layer(spec, version, blobs), "files of dockyard.registry"),
        ]
        config = self._config(spec, version, layers)
        source = "packages, Go" if spec.go else "packages"
        return Made(version, config, [layer for layer, _line in layers], source, packages.used, {}, self._go(spec))

    def _bootstrapped(self, spec: Spec, blobs: Path) -> Made:
        """A whole Debian and, in a layer of their own, the list's files."""
        base, contents, version = bootstrap.build(spec, blobs, self.epoch)
        line = "mmdebstrap " + spec.bootstrap["suite"]
        layers = [(base, line), (self._own_layer(spec, version, blobs), "files of dockyard.registry")]
        config = self._config(spec, version, layers)
        return Made(version, config, [base, layers[1][0]], "mmdebstrap", {}, contents)

    def _own_layer(self, spec: Spec, version: str, blobs: Path) -> Blob:
        entries = rootfs.own_entries(spec, version, self._assets)
        return write_layer(blobs, rootfs.merged(entries, spec.links), self.epoch)

    def _config(self, spec: Spec, version: str, layers: list[tuple[Blob, str]]) -> bytes:
        labels = {"title": spec.title, "version": version, "source": SOURCE_URL}
        config = oci_config(spec.config)
        config["Labels"] = {f"org.opencontainers.image.{key}": value for key, value in labels.items()}
        return image_config(self.architecture, config, layers, self.epoch)


def architecture() -> str:
    """This machine's architecture as the OCI names it."""
    found = run(["dpkg", "--print-architecture"]).strip() if shutil.which("dpkg") else platform.machine()
    return OCI_NAMES.get(found, found)
