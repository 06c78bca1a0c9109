# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter swarm_unused_secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_unused_secrets
author: The dockyard.registry contributors
short_description: Secrets of a registry that nothing needs
version_added: 0.1.0
description:
  - Names those secrets that neither the service nor the way back from its last update needs.
options:
  _input:
    description: The secrets that bear the registry's label, as M(dockyard.registry.swarm_info) lists them.
    type: list
    elements: dict
    required: true
  service:
    description: The service, as M(dockyard.registry.swarm_info) tells of it.
    type: dict
    required: true
  wanted:
    description: The names of those that it is about to have.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show them
  ansible.builtin.debug:
    msg: "{{ node.objects.secrets | dockyard.registry.swarm_unused_secrets(node.service, []) }}"
"""

RETURN = r"""
_value:
  description: Their names.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.swarm_preflight import unused_secrets


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"swarm_unused_secrets": unused_secrets}
