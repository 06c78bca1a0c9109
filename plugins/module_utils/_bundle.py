# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of bundles share: an image as values.

Private to this collection: it may change with any release.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.documents import Bundled


def described(image: Bundled, path: str) -> dict[str, t.Any]:
    """Return an image of a bundle as a module's result has it."""
    details = dataclasses.asdict(image.image.details)
    return {
        "name": str(image.target),
        "source": f"oci-archive:{path}:{image.target}",
        "reference": image.full,
        **details,
        "platforms": list(details["platforms"]),
        "loadable": image.loadable,
    }
