# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter rollout_services."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_services
author: The dockyard.registry contributors
short_description: From the workloads of a Swarm to its services
version_added: 0.1.0
description:
  - Turns the variables of the role P(dockyard.registry.swarm_rollout#role) into what the module
    M(dockyard.registry.service) is told, with the ports that can be published where the services are to run.
  - The variables must be without problems, see P(dockyard.registry.rollout_problems#filter).
options:
  _input:
    description:
      - The role's variables by their names.
    type: dict
    required: true
  nodes:
    description:
      - The nodes of the Swarm, as the module M(dockyard.registry.swarm_info) returns them.
    type: list
    elements: dict
    default: []
  ipvs:
    description:
      - Whether the kernels of all nodes can do IPVS.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Show what the first workload becomes
  ansible.builtin.debug:
    msg: "{{ (settings | dockyard.registry.rollout_services(node.swarm.nodes, node.ipvs.available) | first).params }}"
  vars:
    settings:
      swarm_rollout_state: present
      swarm_rollout_registry: registry.example.com
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
  description:
    - For each workload its C(name), the module's options as C(params), and as C(notes) what people should know of it.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.rollouts import rollout_services


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_services": rollout_services}
