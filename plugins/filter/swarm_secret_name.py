# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter swarm_secret_name."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_secret_name
author: The dockyard.registry contributors
short_description: What a secret is called by what it holds
version_added: 0.1.0
description:
  - Makes a name of a registry's name, of what the secret is for, and of the SHA-256 of what it holds.
options:
  _input:
    description: What it holds.
    type: str
    required: true
  registry:
    description: The registry's name.
    type: str
    required: true
  part:
    description: What it is for.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the name
  ansible.builtin.debug:
    msg: "{{ 'text' | dockyard.registry.swarm_secret_name('registry', 'config') }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.swarm_preflight import secret_name


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"swarm_secret_name": secret_name}
