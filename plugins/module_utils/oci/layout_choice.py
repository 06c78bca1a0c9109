# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which entry of a layout's index.json is the image that is meant."""

from __future__ import annotations

import typing as t

from .errors import ArchiveError, RegistryError
from .layout_names import CONTAINERD_NAME, REF_NAME, is_about_another, is_called, label
from .media_types import Descriptor, Manifest

_MOST_READ = 1000
"""Manifests that are read to find the one that is an image. Where there are more, one has to be named."""

Read = t.Callable[[Descriptor], Manifest]


def choose(entries: t.Sequence[Descriptor], selector: str, read: Read, path: str) -> Descriptor:
    """Return the image that is chosen.

    What is about an image, as a signature is, stands beside it in index.json, often without a name, and cosign's with the
    image's own. It is an image to choose only if nothing else is. Manifests are read only if entries do not say enough.

    :param selector: a tag, name or digest, may be empty.
    :raises ArchiveError: if not exactly one image is chosen; the hint lists the choices.
    """
    matching = {entry.digest: entry for entry in entries if not selector or is_called(entry, selector)}
    images = _images(matching, entries, read)
    if len(images) == 1:
        return images[0]
    shown = images if images and not selector else entries
    choices = ", ".join(sorted({label(entry) for entry in shown})) or "none"
    if selector:
        problem = f"no image {selector!r}" if not images else f"{len(images)} images {selector!r}"
    else:
        problem = f"{len(images)} images and none was chosen"
    raise ArchiveError(f"{path} holds {problem}.", hint=f"Choose one with :name after the path. There is: {choices}.")


def _images(
    matching: t.Mapping[str, Descriptor], entries: t.Sequence[Descriptor], read: Read
) -> t.Sequence[Descriptor]:
    """Return what can be meant, by as little reading as tells: more than one if it stays open."""
    if len(matching) < 2:
        return list(matching.values())
    about = {entry.digest for entry in entries if is_about_another(entry)}
    left = [entry for entry in matching.values() if entry.digest not in about] or list(matching.values())
    if not 2 <= len(left) <= _MOST_READ:
        return left
    named = {entry.digest for entry in entries if {REF_NAME, CONTAINERD_NAME} & set(entry.annotations)}
    images: list[Descriptor] = []
    parts: set[str] = set()
    # Those with a name first: two images with a name are a choice, whatever the others are.
    for entry in sorted(left, key=lambda one: one.digest not in named):
        try:
            manifest = read(entry)
        except RegistryError:
            images.append(entry)  # what it is cannot be told, so it is not passed over
            continue
        if manifest.subject is None:
            images.append(entry)
            parts.update(child.digest for child in manifest.children)
        if sum(image.digest in named for image in images) > 1:
            return left
    # Some tools list the manifests of an image's platforms, too.
    return [image for image in images if image.digest in named or image.digest not in parts] or left
