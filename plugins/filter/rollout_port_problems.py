# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter rollout_port_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_port_problems
author: The dockyard.registry contributors
short_description: Who has the ports that workloads are published at
version_added: 0.1.0
description:
  - Compares the ports of the workloads of the role P(dockyard.registry.swarm_rollout#role) with those that are taken on nodes.
options:
  _input:
    description:
      - The role's variables by their names.
    type: dict
    required: true
  nodes:
    description:
      - The nodes, each with its name as C(host) and the answers of M(dockyard.registry.swarm_info) as C(look).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which ports are taken
  ansible.builtin.debug:
    msg: "{{ settings | dockyard.registry.rollout_port_problems(nodes) }}"
  vars:
    settings:
      swarm_rollout_state: present
      swarm_rollout_registry: registry.example.com
      swarm_rollout_username: ""
      swarm_rollout_password: ""
      swarm_rollout_workloads:
        - image: nginx
          replicas: 2
      swarm_rollout_workload: ""
      swarm_rollout_image: ""
      swarm_rollout_tag: ""
      swarm_rollout_replicas: 0
      swarm_rollout_publish_mode: auto
      swarm_rollout_network: workloads
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.rollout_ports import port_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_port_problems": port_problems}
