# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter bundle_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bundle_problems
author: The dockyard.registry contributors
short_description: Whether a bundle holds the registry's image
version_added: 0.1.0
description:
  - Compares the variables of the role P(dockyard.registry.registry#role) with what was found, and says what is wrong.
options:
  _input:
    description: The variable C(registry_bundle).
    type: str
    required: true
  image:
    description: The variable C(registry_image).
    type: str
    required: true
  archive:
    description: The variable C(registry_image_archive).
    type: str
    default: ""
  found:
    description: What M(dockyard.registry.bundle_info) returned. Without it only the variables are looked at.
    type: dict
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ registry_bundle | dockyard.registry.bundle_problems(registry_image, found=bundle) }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.bundles import bundle_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"bundle_problems": bundle_problems}
