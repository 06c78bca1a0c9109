# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter trust_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_problems
author: The dockyard.registry contributors
short_description: Why a host should not trust what a registry shows
version_added: 0.1.0
description:
  - Says why the certificate of a registry is refused, and what the registry shows instead.
options:
  _input:
    description: What M(dockyard.registry.reach_info) found.
    type: dict
    required: true
  by:
    description: Who has to trust it, V(ca) for the CA that was given to the module, V(system), or engines.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Look at a registry
  dockyard.registry.reach_info:
    registry: 127.0.0.1:5000
  register: reach

- name: Show why Docker refuses it
  ansible.builtin.debug:
    msg: "{{ reach | dockyard.registry.trust_problems(['docker']) }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.client_settings import trust_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trust_problems": trust_problems}
