# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small files of a bundle, and the names that its images have.

index.json names each image twice: by its repository and tag on a registry for readers of OCI layouts, and by a full
reference for containerd and ``docker load``. What is about an image has no such reference, for engines know nothing of it:
its subject tells what it is about, or a tag of cosign. It holds a digest of itself, for nothing else would tell that it was
altered.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..describe import ContentReader, Image
from ..docker_load import check_loadable
from ..errors import ContentError
from ..image_name import ImageName
from ..layout_documents import index_entry, index_json, manifest_json
from ..layout_names import REF_NAME
from ..location import EngineLocation, Location, RegistryLocation
from ..media_types import digest_of
from ..reference import RepositoryTag, parse_reference

CHECKSUM = "registry.dockyard.bundle"
"""The annotation of index.json that makes it a bundle's: the digest of index.json without it."""


@dataclasses.dataclass(frozen=True)
class Bundled:
    """One image of a bundle.

    ``target`` is its place on a registry, ``full`` what an engine calls it, ``loadable`` whether ``docker load`` takes it.
    """

    target: RepositoryTag
    full: str
    image: Image
    loadable: bool

    @property
    def name(self) -> ImageName:
        """The names that it has in the small files."""
        return ImageName(str(self.target), self.full, self.full, True)


@dataclasses.dataclass(frozen=True)
class Attached:
    """What is about images of a bundle, as a signature is: ``name`` is a repository and a tag of cosign, mostly empty."""

    name: str
    image: Image

    @property
    def digest(self) -> str:
        """The digest of its manifest."""
        return self.image.root.digest

    @property
    def entry(self) -> dict[str, object]:
        """Its entry of index.json."""
        root = self.image.root
        kind = {"artifactType": root.artifact_type} if root.artifact_type else {}
        return {**root.descriptor.as_dict(), **kind, **({"annotations": {REF_NAME: self.name}} if self.name else {})}


def full_name(target: RepositoryTag, location: Location) -> str:
    """Return what an engine calls an image: as its source does, unless it is given another name.

    An image that its source calls ``quay.io/team/app:1`` is called so after ``docker load``, too, where manifests and
    compose files name it. One that gets another repository or tag has that, as if it were of Docker Hub.
    """
    if isinstance(location, RegistryLocation):
        known = location.reference
    elif isinstance(location, EngineLocation) and not location.name.startswith("sha256:"):
        known = parse_reference(location.name)
    else:
        return str(parse_reference(f"docker.io/{target}"))
    if (known.repository, known.tag) == (target.repository, target.tag):
        return str(dataclasses.replace(known, digest=None))
    return str(parse_reference(f"docker.io/{target}"))


def is_loadable(reader: ContentReader, image: Image) -> bool:
    """Tell whether ``docker load`` takes an image: one platform, and nothing that the engine does not know."""
    if image.root.is_index:
        return False
    try:
        check_loadable(reader, image.root)
    except ContentError:
        return False
    return True


def small_files(images: t.Iterable[Bundled], attached: t.Iterable[Attached] = ()) -> dict[str, bytes]:
    """Return index.json and manifest.json; images are sorted by their names, and what is about them stands behind."""
    ordered = sorted(images, key=lambda image: (image.target.repository, image.target.tag))
    entries = [index_entry(image.image.root.descriptor, image.name) for image in ordered]
    entries += [one.entry for one in sorted(attached, key=lambda one: (one.name, one.digest))]
    plain = index_json(entries)
    files = {"index.json": index_json(entries, {"annotations": {CHECKSUM: digest_of(plain)}})}
    loadable = [(image.image.root, image.name) for image in ordered if image.loadable]
    if loadable:
        files["manifest.json"] = manifest_json(*loadable)
    return files
