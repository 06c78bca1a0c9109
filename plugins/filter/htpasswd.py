# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter htpasswd."""

from __future__ import annotations

DOCUMENTATION = r"""
name: htpasswd
author: The dockyard.registry contributors
short_description: Users as an htpasswd file of bcrypt hashes
version_added: 0.1.0
description:
  - Writes users as the file that the registry checks logins against.
  - A hash that fits its user's password stays as it is, so the same users give the same file.
options:
  _input:
    description: Users, each with C(name) and with C(password) or C(hash), or neither for a generated password.
    type: list
    elements: dict
    required: true
  existing:
    description: The file as it is on the host.
    type: str
    default: ""
  generated:
    description: The passwords made for users that were given none, by name.
    type: dict
    default: {}
  cost:
    description: The cost of bcrypt, as the power of two of its rounds.
    type: int
    default: 8
"""

EXAMPLES = r"""
- name: Show the file
  ansible.builtin.debug:
    msg: "{{ [{'name': 'alice', 'password': 'correct horse'}] | dockyard.registry.htpasswd }}"
"""

RETURN = r"""
_value:
  description: The content of the file.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.plugin_utils.users import UsersError, htpasswd


def write(users: t.Any, existing: str = "", generated: t.Any = None, cost: int = 8) -> str:
    """:raises AnsibleFilterError: with what is wrong, never with a password."""
    try:
        return htpasswd(users, existing=existing, generated=generated, cost=int(cost))
    except UsersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"htpasswd": write}
