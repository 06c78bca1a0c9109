# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that entries of a layout's index.json have, and what they say without anything being read."""

from __future__ import annotations

import re

from .errors import RegistryError
from .file_tree import shown
from .media_types import Descriptor
from .reference import parse_reference
from .referrers import COSIGN_SUFFIXES

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"

COSIGN_KIND = "kind"
"""The annotation by which ``cosign save`` tells apart what it writes, none of which needs to have another name."""

COSIGN_IMAGES = frozenset({"dev.cosignproject.cosign/image", "dev.cosignproject.cosign/imageIndex"})

COSIGN_KINDS = {
    "dev.cosignproject.cosign/sigs": ".sig",
    "dev.cosignproject.cosign/atts": ".att",
    "dev.cosignproject.cosign/sboms": ".sbom",
}
"""What is about the image beside it, and the suffix of the tag that it has on a registry."""

_ABOUT = re.compile(rf"(?:sha256|sha512)-[0-9a-f]{{64}}(?:{'|'.join(map(re.escape, COSIGN_SUFFIXES))})?")


def about_tag(entry: Descriptor) -> str:
    """Return the tag by which registries say that this is about another manifest, empty if it has none.

    That is the fallback tag of a list of referrers, or a tag of cosign (see :mod:`.referrers`).
    """
    tag = split_name(entry)[1]
    return tag if _ABOUT.fullmatch(tag) else ""


def split_name(entry: Descriptor) -> tuple[str, str]:
    """Return the repository that an entry's name begins with, which most lack, and its tag."""
    name = entry.annotations.get(REF_NAME, "")
    repository, _colon, tag = name.rpartition(":")
    # A colon before a slash is that of a port.
    return (name, "") if "/" in tag else (repository, tag)


def is_about_another(entry: Descriptor) -> bool:
    """Tell whether an entry alone says that it is no image but about one. If it does not, its manifest still may."""
    return bool(
        entry.artifact_type or about_tag(entry) or entry.annotations.get(COSIGN_KIND) in COSIGN_KINDS
    )


def is_called(entry: Descriptor, selector: str) -> bool:
    """Tell whether an entry is what is chosen, by its digest, its tag, or the whole name that containerd gave it."""
    names = {entry.digest, entry.annotations.get(REF_NAME), entry.annotations.get(CONTAINERD_NAME)}
    if selector in names:
        return True
    full = entry.annotations.get(CONTAINERD_NAME)
    if full is None or "/" not in selector and ":" not in selector:
        return False
    try:
        return parse_reference(full) == parse_reference(selector)
    except RegistryError:
        return False  # one of the two is no reference, so they cannot be the same one


def label(entry: Descriptor) -> str:
    """Return what messages call an entry."""
    return shown(entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REF_NAME) or entry.digest)
