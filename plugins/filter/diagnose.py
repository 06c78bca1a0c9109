# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter diagnose."""

from __future__ import annotations

DOCUMENTATION = r"""
name: diagnose
author: The dockyard.registry contributors
short_description: What ails a registry, or a host that uses one
version_added: 0.1.0
description:
  - Turns what M(dockyard.registry.health_info) or M(dockyard.registry.reach_info) found into findings, each with what to do.
options:
  _input:
    description:
      - What the module found, with C(side), V(server) or V(client), and C(settings) beside it, as the role
        P(dockyard.registry.registry_doctor#role) puts them together.
      - Without a side, C(problem) says why there is nothing, or C(swarm) names the registry that a Swarm runs.
    type: dict
    required: true
  host:
    description: The host's name, for the table.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show what is said of a host that could not be looked at
  ansible.builtin.debug:
    msg: "{{ {'problem': 'it is switched off'} | dockyard.registry.diagnose('registry1') }}"
"""

RETURN = r"""
_value:
  description: The findings, each with C(level) (V(ok), V(warn) or V(FAIL)), C(host), C(subject), C(text) and C(remedy).
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor import diagnose


def findings(facts: t.Mapping[str, t.Any], host: str = "") -> list[dict[str, str]]:
    """The findings as plain values."""
    return [finding.as_dict() for finding in diagnose(facts, host)]


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"diagnose": findings}
