# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter version_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: version_problems
author: The dockyard.registry contributors
short_description: Whether a release of the registry may run
version_added: 0.1.0
description:
  - Looks for a version in what C(registry --version) printed and says what is wrong with it.
options:
  _input:
    description: What C(registry --version) printed.
    type: str
    required: true
  image:
    description: The image that printed it.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ 'registry v3.0.0' | dockyard.registry.version_problems('registry:3') }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.preflight import parse_version, version_problems


def problems(printed: str, image: str) -> list[str]:
    """:raises no error: a text without a version is a problem like any other."""
    version = parse_version(printed)
    if version is None:
        return [f"registry_image is {image!r}, and what it prints as its version ({printed.strip()[:80]!r}) is none: it "
                "does not look like a registry. Choose an image of CNCF Distribution, for example registry:3."]
    return version_problems(version, "registry_image", image)


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"version_problems": problems}
