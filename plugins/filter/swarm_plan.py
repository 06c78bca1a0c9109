# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter swarm_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_plan
author: The dockyard.registry contributors
short_description: How a registry runs on a Swarm
version_added: 0.1.0
description:
  - Says where a registry is to keep its images, and whether it can be published by the routing mesh.
options:
  _input:
    description: The variables of the roles P(dockyard.registry.registry#role) and P(dockyard.registry.registry_swarm#role).
    type: dict
    required: true
  nodes:
    description:
      - The nodes, each with its name as C(host), the answers of M(dockyard.registry.swarm_info) as C(look), the C(names) of
        M(dockyard.registry.host_info), and the C(labels) that it is to be given.
    type: list
    elements: dict
    required: true
  early:
    description: Whether the role P(dockyard.registry.swarm_cluster#role) is still to make the Swarm, and to give nodes their labels.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show how it is published
  ansible.builtin.debug:
    msg: "{{ (settings | dockyard.registry.swarm_plan(nodes)).publish_mode }}"
"""

RETURN = r"""
_value:
  description: >-
    C(publish_mode), C(without_ipvs) with the hosts that lack it, C(manager), C(storage_host), the C(label) that it has, and C(pinned).
  type: dict
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.swarm_preflight import plan


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"swarm_plan": plan}
