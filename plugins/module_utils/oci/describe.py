# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image is, as people ask: digest, type, size of all its parts, platforms."""

from __future__ import annotations

import dataclasses
import typing as t

from .media_types import MAX_CONFIG_SIZE, Descriptor, Manifest, parse_json_object, platform_of

MAX_DEPTH = 4
"""Indexes in indexes that are followed; real images have one level, rarely two."""

MAX_MANIFESTS = 1000
"""Manifests in one image, over all levels."""


@dataclasses.dataclass(frozen=True)
class ImageDetails:
    """``size`` is the bytes of all manifests, configs and layers of all platforms, each digest counted once."""

    digest: str
    media_type: str
    size: int
    platforms: tuple[str, ...]
