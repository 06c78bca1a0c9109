# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter findings_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: findings_table
author: The dockyard.registry contributors
short_description: Findings as a table
version_added: 0.1.0
description:
  - Renders findings of P(dockyard.registry.diagnose#filter) as the lines of a table, for a mail or a file.
options:
  _input:
    description: The findings.
    type: list
    elements: dict
    required: true
  width:
    description: How wide the table is, in characters, from 80 to 160.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Show a table
  ansible.builtin.debug:
    msg: "{{ {'problem': 'it is switched off'} | dockyard.registry.diagnose('registry1') | dockyard.registry.findings_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor import render
from ansible_collections.dockyard.registry.plugins.plugin_utils.finding import Finding


def table(findings: t.Sequence[t.Mapping[str, str]], width: int = 120) -> list[str]:
    """The lines without their levels, which stand in them."""
    return [line for _level, line in render([Finding(**finding) for finding in findings], int(width))]


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"findings_table": table}
