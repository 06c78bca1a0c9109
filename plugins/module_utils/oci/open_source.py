# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the location of an image to its source: the one place that knows all kinds of sources."""

from __future__ import annotations

import typing as t

from .client import RegistryClient
from .docker_archive import DockerArchiveSource
from .engine import Engine
from .engine_exports import EngineExports
from .engine_source import EngineSource
from .errors import RegistryError
from .file_tree import DirectoryTree, FileTree, TarTree
from .location import ArchiveLocation, EngineLocation, Location, RegistryLocation
from .oci_layout import LayoutSource
from .origin import Origin
from .source import ImageSource, connect_source


def open_source(
    location: Location,
    *,
    connect: t.Callable[[Origin], RegistryClient],
    home: Origin,
    engine: t.Callable[[], Engine],
    temp_dir: str | None = None,
    plain_http: bool = False,
) -> ImageSource:
    """Return the image at a location; the caller closes it.

    :param connect: makes a client for the registry of a ``docker://`` location.
    :param home: the registry that is copied to; a source on the same one is reached by the same URL.
    :param engine: makes the engine of a ``docker-daemon:`` location.
    :param temp_dir: where compressed layers and the archive of an engine may be kept.
    :param plain_http: reach the registry of a ``docker://`` location in plain http, even beyond loopback.
    """
    if isinstance(location, RegistryLocation):
        return connect_source(location.reference, connect, home, plain_http=plain_http)
    if isinstance(location, EngineLocation):
        return EngineSource(EngineExports(engine(), temp_dir), location.name)
    return open_files(location, temp_dir)


def open_files(location: ArchiveLocation, temp_dir: str | None) -> ImageSource:
    """Return an image in a directory or archive; the caller closes it."""
    tree = tree_at(location)
    try:
        return image_in(tree, location, temp_dir)
    except RegistryError:
        tree.close()
        raise


def tree_at(location: ArchiveLocation) -> FileTree:
    """Return the files of a directory or archive; the caller closes them."""
    return DirectoryTree(location.path) if location.kind == "oci" else TarTree(location.path)


def image_in(tree: FileTree, location: ArchiveLocation, temp_dir: str | None) -> ImageSource:
    """Return an image in the files of its location, which it closes with itself."""
    if location.kind == "docker-archive":
        return DockerArchiveSource(tree, location.selector, temp_dir=temp_dir)
    return LayoutSource(tree, location.selector)
