# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports from registries in memory, for the tests of the places they go to."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.export import (
    ExportPlan,
    execute_export,
    open_target,
    plan_export,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.image_name import name_image, parse_destination
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import Reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platform_source import PlatformSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import ImageSource, RegistrySource

ORIGIN = parse_registry_url("https://registry.example.com")


class Exporter:
    """Exports a tag of a registry to a place, as the module does."""

    def __init__(self, client: RegistryClient) -> None:
        self.client = client

    def plan(self, image: str, dest: str, *, platforms: t.Sequence[str] = ()) -> tuple[ExportPlan, ImageSource]:
        """Plan, and write nothing."""
        repository, _colon, tag = image.partition(":")
        reference = Reference(ORIGIN.authority, repository, tag)
        return self.plan_from(RegistrySource(self.client, reference), reference, dest, platforms=platforms)

    def plan_from(
        self, source: ImageSource, reference: Reference, dest: str, *, platforms: t.Sequence[str] = ()
    ) -> tuple[ExportPlan, ImageSource]:
        """Plan from any source."""
        location = parse_destination(dest)
        target = open_target(location, name_image(location, reference, ORIGIN), place=os.replace)
        for_docker = location.kind == "docker-archive"
        where = str(reference)
        if platforms:
            source = PlatformSource(source, [parse_platform(text) for text in platforms], where=where)
        return plan_export(source, target, where=where, for_docker=for_docker), source

    def __call__(self, image: str, dest: str, *, platforms: t.Sequence[str] = ()) -> ExportPlan:
        """Plan and write."""
        plan, source = self.plan(image, dest, platforms=platforms)
        execute_export(plan, source)
        return plan


def tags_of(layout: pathlib.Path) -> dict[str, str]:
    """Return the tags of a layout and their digests."""
    entries = json.loads((layout / "index.json").read_bytes())["manifests"]
    return {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in entries}


def files_of(path: pathlib.Path) -> list[str]:
    """Return the names of all files below a directory."""
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
