# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter archive_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: archive_problems
author: The dockyard.registry contributors
short_description: Whether an archive holds the registry's image
version_added: 0.1.0
description:
  - Compares the variables of the role P(dockyard.registry.registry#role) with what was found, and says what is wrong.
options:
  _input:
    description: The role's variables by their names.
    type: dict
    required: true
  archive:
    description: Facts about the archive as M(dockyard.registry.host_info) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ settings | dockyard.registry.archive_problems(facts) }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.preflight import archive_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"archive_problems": archive_problems}
