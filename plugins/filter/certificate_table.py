# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter certificate_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_table
author: The dockyard.registry contributors
short_description: What certificates are for and how long they are valid
version_added: 0.1.0
description:
  - Shows the certificates of a registry, a line each.
options:
  _input:
    description: The PEM texts C(served), the server's certificate with its chain, and C(CA), which may be empty.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show how long a certificate is valid
  ansible.builtin.debug:
    msg: "{{ {'served': certificate | default(''), 'CA': ''} | dockyard.registry.certificate_table }}"
"""

RETURN = r"""
_value:
  description: A line a certificate.
  type: list
  elements: str
  sample:
    - "served  registry.example.com: valid until 2027-12-26, 397 days"
    - "CA      CN=CA of the registry registry: valid until 2036-11-21, 3650 days"
"""

import datetime
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.plugin_utils.certificates import certificate_rows


def table(certificates: t.Mapping[str, str]) -> list[str]:
    """:raises AnsibleFilterError: if a text is no certificate."""
    now = datetime.datetime.now(datetime.timezone.utc)
    try:
        return certificate_rows(certificates["served"].encode(), certificates["CA"].encode(), now=now)
    except ValueError as error:
        raise AnsibleFilterError(f"A certificate cannot be read: {error}") from error


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"certificate_table": table}
