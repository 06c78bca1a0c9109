# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter rollout_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_problems
author: The dockyard.registry contributors
short_description: What is wrong with the workloads of a Swarm
version_added: 0.1.0
description:
  - Looks for mistakes in the variables of the role P(dockyard.registry.swarm_rollout#role). No password is part of a message.
options:
  _input:
    description:
      - The role's variables by their names.
    type: dict
    required: true
  ipvs:
    description:
      - For each node that was looked at a list of two, its name and whether its kernel can do IPVS.
    type: list
    elements: list
    default: []
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ settings | dockyard.registry.rollout_problems }}"
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

from ansible_collections.dockyard.registry.plugins.plugin_utils.rollouts import rollout_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_problems": rollout_problems}
