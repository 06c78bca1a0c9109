# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image exported into one file: an OCI layout in a tar archive, on demand with what ``docker load`` needs.

The docker-archive is the form that ``docker save`` has since Docker 25. Its layers are the registry's own compressed
blobs, so that every engine since 20.10 loads it and the registry's digest stays for those that read ``oci-archive:``.
The small files come first: whoever reads the archive as a stream knows what follows.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import stat
import tarfile
import typing as t

from .describe import Image
from .errors import ArchiveError, ContentError
from .export_state import Entry, entries_of, image_at, listed, read_entries, same_name
from .file_tree import TarTree, BoundedTarInfo, read_small
from .image_name import ImageName
from .layout_documents import OCI_LAYOUT, contents_of, index_entry, index_json, manifest_json
from .local_files import Place, abandoned_size, check_room, check_writable, new_file, remove_abandoned
from .location import ArchiveKind
from .media_types import MAX_MANIFEST_SIZE, Descriptor, Manifest
from .oci_layout import blob_name
from .source import BlobSource
from .streams import Opener, bytes_body
from .tar_writer import Member, archive_size, write_archive

_ELSEWHERE = "Remove the file, or choose another path."
_FIRST_MEMBERS = 3
"""The small files of an archive, which come first."""


class ArchiveFile:
    """A file that an image goes into. The old one stays until the new one is whole."""

    def __init__(self, kind: ArchiveKind, path: str, name: ImageName, place: Place) -> None:
        """Look at the file.

        :raises ArchiveError: if it is not this image's own, or cannot be written.
        """
        self._kind = kind
        self._path = path
        # A link stays a link, and the file it leads to is the one that is replaced.
        self._real = os.path.realpath(path)
        self._name = name
        self._place = place
        self._tree: TarTree | None = None
        check_writable(os.path.dirname(self._real))
        self._before = self._look() if os.path.lexists(self._real) else ""

    def before(self) -> str:
        """Return the digest of the image in the file, empty if there is none or it is not known."""
        return self._before

    def whole(self, digest: str) -> Image | None:
        """Return the image in the file if it is this one and every part of it is there in its size."""
        if self._tree is None or not digest or self._before != digest:
            return None
        image = image_at(self._tree, digest)
        if image and self._kind == "docker-archive":
            return image if _lists(self._tree, manifest_json((image.root, self._name))) else None
        return image

    def present(self, _contents: t.Sequence[Descriptor]) -> frozenset[str]:
        """Return nothing: an archive is written anew."""
        return frozenset()

    def check_room(self, image: Image, _missing: t.Sequence[Descriptor]) -> None:
        """Fail if the disk has no room for the whole archive, beside the old one."""
        directories, members = self._plan(image, None)
        folder = os.path.dirname(self._real)
        check_room(folder, archive_size(directories, members), freed=abandoned_size(folder))

    def write(self, image: Image, _missing: t.Sequence[Descriptor], source: BlobSource) -> None:
        """Write the archive; each blob goes straight from the source into it."""
        remove_abandoned(os.path.dirname(self._real))
        directories, members = self._plan(image, source)
        # Nobody but the owner reads what is not yet placed: it may be meant to have stricter permissions than others.
        with new_file(self._real, mode=0o600, place=self._place) as file:
            write_archive(file, directories, members)

    def _plan(self, image: Image, source: BlobSource | None) -> tuple[list[str], list[Member]]:
        return archive_parts(image, self._name, source, for_docker=self._kind == "docker-archive")

    def _look(self) -> str:
        """Find out what the file holds, and refuse to replace it if that is not this image.

        One that is cut off or otherwise damaged is this image's if its index.json, one of the first members, says so.
        """
        if os.path.isdir(self._real):
            raise ArchiveError(f"{self._path} is a directory.", hint="For a directory use oci:.")
        if not stat.S_ISREG(os.stat(self._real).st_mode):
            raise ArchiveError(f"{self._path} is not a regular file.", hint=_ELSEWHERE)
        try:
            self._tree = TarTree(self._real)
            entries = read_entries(self._tree)
        except ArchiveError as error:
            self._tree = None
            entries = self._leading_entries(error)
        if entries is None and self._tree is not None:
            self._check_old_archive(self._tree)
            return ""
        self._check_names(entries or ())
        return entries[0].digest if entries else ""

    def _leading_entries(self, damage: ArchiveError) -> tuple[Entry, ...]:
        with contextlib.suppress(tarfile.TarError, ContentError, OSError):
            with tarfile.open(self._real, "r:", tarinfo=BoundedTarInfo) as archive:
                for member in itertools.islice(archive, _FIRST_MEMBERS + 4):
                    file = archive.extractfile(member) if member.name == "index.json" and member.isreg() else None
                    if file:
                        return entries_of(file.read(MAX_MANIFEST_SIZE), where=self._path)
        raise ArchiveError(f"{damage.message} Nobody can tell what it holds.", hint=_ELSEWHERE) from damage

    def _check_names(self, entries: t.Sequence[Entry]) -> None:
        others = [str(entry) for entry in entries if not entry.is_named(self._name)]
        if others or not entries:
            raise self._refusal(others)

    def _check_old_archive(self, tree: TarTree) -> None:
        """Take an archive of an older ``docker save`` for this image if it has its name and no other."""
        names = _repo_tags(tree)
        wanted = self._kind == "docker-archive" and all(same_name(name, self._name.docker) for name in names)
        if not names or not wanted:
            raise self._refusal(names)

    def _refusal(self, names: t.Sequence[str]) -> ArchiveError:
        held = listed(names) if names else "no image that has a name"
        return ArchiveError(f"{self._path} holds {held}, not only {self._name}: it stays as it is.", hint=_ELSEWHERE)


def archive_parts(
    image: Image, name: ImageName, source: BlobSource | None, *, for_docker: bool
) -> tuple[list[str], list[Member]]:
    """Return the directories and files of an archive with one image.

    :param source: where blobs are read from; None if only sizes are asked for.
    :param for_docker: whether ``docker load`` is to read it.
    """
    contents = {blob_name(content.digest): content for content in contents_of(image)}
    directories = sorted({"blobs", *(os.path.dirname(path) for path in contents)})
    manifests = {manifest.digest: manifest for manifest in image.manifests}
    small = {"oci-layout": OCI_LAYOUT, "index.json": index_json([index_entry(image.root.descriptor, name)])}
    if for_docker:
        small["manifest.json"] = manifest_json((image.root, name))
    members = [Member(path, len(raw), bytes_body(raw).open) for path, raw in small.items()]
    for path in sorted(contents):
        members.append(Member(path, contents[path].size, _opener(contents[path], manifests, source)))
    return directories, members


def _opener(content: Descriptor, manifests: t.Mapping[str, Manifest], source: BlobSource | None) -> Opener:
    if content.digest in manifests:
        return bytes_body(manifests[content.digest].raw).open
    if source is None:
        return bytes_body(b"").open
    reader = source
    return lambda: reader.open_blob(content)


def _lists(tree: TarTree, wanted: bytes) -> bool:
    """Tell whether manifest.json names the same files and tags; more fields, such as Docker's own, do no harm."""
    (fields,) = json.loads(wanted)
    images = _docker_images(tree)
    return len(images) == 1 and {key: images[0].get(key) for key in fields} == fields


def _repo_tags(tree: TarTree) -> list[str]:
    # An image without a name is named by its configuration: it is one that would be lost.
    names: list[str] = []
    for image in _docker_images(tree):
        tags = image.get("RepoTags")
        names += map(str, tags) if isinstance(tags, list) and tags else [f"one without a name ({image.get('Config')})"]
    return names


def _docker_images(tree: TarTree) -> list[dict[str, t.Any]]:
    raw = read_small(tree, "manifest.json", MAX_MANIFEST_SIZE)
    try:
        entries = json.loads(raw or b"[]")
    except (ValueError, RecursionError):
        return []  # some other file of that name
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
