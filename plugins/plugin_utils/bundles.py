# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the bundle that a registry is to be made of, found before anything has changed."""

from __future__ import annotations

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.preflight import long_name

Facts = t.Mapping[str, t.Any]


def bundle_problems(path: str, image: str, archive: str = "", found: Facts | None = None) -> list[str]:
    """Whether `registry_bundle` can be used, and holds `registry_image`.

    :param archive: `registry_image_archive`.
    :param found: what the module bundle_info returned, or how it failed; None before it was asked.
    """
    named = f"registry_bundle is {path!r}"
    if not path.startswith("/") or ":" in path:
        return [f"{named}: give a full path without a colon, for example /srv/bundle.tar."]
    if archive:
        return [f"{named} and registry_image_archive is {archive!r}: the registry's image comes out of one of them. "
                "Leave registry_image_archive out."]
    if "@" in image:
        return [f"registry_image is {image!r}: of a bundle an image is taken by its name and tag, and its digest is what "
                "the bundle says. Leave the digest out."]
    if found is None:
        return []
    if found.get("failed") or "images" not in found:
        reason = str(found.get("msg") or "it could not be read").rstrip(".")
        return [f"{named}, looked for on the host and then on the controller: {reason}. Nothing was changed."]
    names = [str(entry["reference"]) for entry in found["images"]]
    if long_name(image) not in names:
        return [f"registry_image is {image!r}, and the bundle {path!r} (registry_bundle) holds {', '.join(names)}. Set "
                "registry_image to one of these, or make the bundle with it."]
    return []
