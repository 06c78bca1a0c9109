# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter rollout_ports."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_ports
author: The dockyard.registry contributors
short_description: The ports that workloads are published at
version_added: 0.1.0
description:
  - Says which TCP ports the workloads of the role P(dockyard.registry.swarm_rollout#role) are to have on nodes.
options:
  _input:
    description:
      - The role's variables by their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which ports are taken
  ansible.builtin.debug:
    msg: "{{ settings | dockyard.registry.rollout_ports }}"
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
  description: The ports, none if there is something wrong with the variables.
  type: list
  elements: int
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.rollout_ports import published_ports


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_ports": published_ports}
