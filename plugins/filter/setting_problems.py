# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters by which the roles check what they are given."""

from __future__ import annotations

DOCUMENTATION = r"""
name: setting_problems
author: The dockyard.registry contributors
short_description: What is wrong with a registry's variables
version_added: 0.1.0
description:
  - Looks at the variables of the role P(dockyard.registry.registry#role) and says what is wrong with them.
options:
  _input:
    description: The role's variables by their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ settings | dockyard.registry.setting_problems }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.preflight import setting_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"setting_problems": setting_problems}
