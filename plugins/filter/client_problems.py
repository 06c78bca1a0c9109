# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter client_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: client_problems
author: The dockyard.registry contributors
short_description: What is wrong with the settings of a registry's client
version_added: 0.1.0
description:
  - Looks for mistakes in the variables of the role P(dockyard.registry.registry_client#role). No password is part of a
    message.
options:
  _input:
    description:
      - The role's variables by their names, and C(registry_client_ca_content), what the file C(registry_client_ca_path)
        holds.
    type: dict
    required: true
  hosts_file:
    description: The content of the host's C(/etc/hosts).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ settings | dockyard.registry.client_problems }}"
  vars:
    settings:
      registry_client_registry: https://registry.example.com
      registry_client_state: present
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.client_settings import client_problems


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"client_problems": client_problems}
