#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action rendered_file, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rendered_file
author:
  - The dockyard.registry contributors (@dockyard)
short_description: Write a file that holds secrets, with a diff that shows none
version_added: 0.1.0
description:
  - Writes a file on the host as M(ansible.builtin.copy) does.
  - Its diff shows the lines that change, with the values of passwords, keys and hashes hidden.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
options:
  dest:
    description: The file on the host.
    type: path
    required: true
  content:
    description: What is to stand in it.
    type: str
    required: true
  owner:
    description: The user that owns it, by name or number.
    type: str
  group:
    description: The group that owns it, by name or number.
    type: str
  mode:
    description: Its permissions, in quotes.
    type: str
    default: "0600"
seealso:
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
- name: Write the registry's configuration
  dockyard.registry.rendered_file:
    dest: /etc/dockyard/registry/etc/config.yml
    content: "{{ config | ansible.builtin.to_nice_yaml }}"
    mode: "0640"
"""

RETURN = r"""
dest:
  description: The file.
  returned: success
  type: str
  sample: /etc/dockyard/registry/etc/config.yml
"""
