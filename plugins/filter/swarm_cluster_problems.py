# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter swarm_cluster_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_cluster_problems
author: The dockyard.registry contributors
short_description: What stands in the way of a Swarm
version_added: 0.1.0
description:
  - Compares what the role P(dockyard.registry.swarm_cluster#role) is to do with what was found on the hosts, and says what is
    wrong.
options:
  _input:
    description: The hosts, each with what it is to be and with the answers of M(dockyard.registry.swarm_info).
    type: list
    elements: dict
    required: true
  state:
    description: Whether the hosts are to be nodes of the Swarm, V(present), or those of the play no longer, V(absent).
    type: str
    required: true
  settings:
    description: The role's variables that hold for all hosts, by their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ hosts | dockyard.registry.swarm_cluster_problems('present', settings) }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.swarm_cluster import cluster_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"swarm_cluster_problems": cluster_problems}
