# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter swarm_members."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_members
author: The dockyard.registry contributors
short_description: Which manager to ask, and which nodes hosts are
version_added: 0.1.0
description:
  - Says which host of the inventory is a manager of the Swarm and stays one, and which of its nodes each host is.
options:
  _input:
    description: The hosts, each with the answers of M(dockyard.registry.swarm_info).
    type: list
    elements: dict
    required: true
  state:
    description: With V(absent), the hosts of the play are about to leave, so none of them is asked.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the manager
  ansible.builtin.debug:
    msg: "{{ (hosts | dockyard.registry.swarm_members('present')).manager }}"
"""

RETURN = r"""
_value:
  description: The C(manager), empty if there is none, and the C(nodes) by the names of the hosts, empty for those that are none.
  type: dict
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.swarm_cluster import members


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"swarm_members": members}
