# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter swarm_node_labels."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_node_labels
author: The dockyard.registry contributors
short_description: Labels of a node as the engine takes them
version_added: 0.1.0
description:
  - Makes text of all labels; true and false are written as YAML writes them.
options:
  _input:
    description: The labels.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the labels
  ansible.builtin.debug:
    msg: "{{ {'ssd': true, 'rack': 3} | dockyard.registry.swarm_node_labels }}"
"""

RETURN = r"""
_value:
  description: The labels.
  type: dict
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.swarm_cluster import node_labels


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"swarm_node_labels": node_labels}
