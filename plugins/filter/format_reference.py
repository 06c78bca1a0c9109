# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter format_reference."""

from __future__ import annotations

DOCUMENTATION = r"""
name: format_reference
author: The dockyard.registry contributors
short_description: A reference to an image of its parts
version_added: 0.1.0
description:
  - Writes a reference in full. It is the way back from P(dockyard.registry.parse_reference#filter).
options:
  _input:
    description:
      - The parts C(registry) and C(repository), and at least one of C(tag) and C(digest).
      - Other keys are left out, so C(reference) may stand there from parsing.
    type: dict
    required: true
seealso:
  - plugin: dockyard.registry.parse_reference
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Name the copy of an image on our own registry
  ansible.builtin.debug:
    msg: >-
      {{ 'nginx:1.27' | dockyard.registry.parse_reference
         | combine({'registry': 'registry.example.com'}) | dockyard.registry.format_reference }}
"""

RETURN = r"""
_value:
  description: The reference, C(registry/repository[:tag][@digest]).
  type: str
  sample: registry.example.com/library/nginx:1.27
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import (
    Reference,
    parse_digest,
    parse_registry,
    parse_repository,
    parse_tag,
)

_PARTS: dict[str, t.Callable[[str], str]] = {
    "registry": parse_registry,
    "repository": parse_repository,
    "tag": parse_tag,
    "digest": parse_digest,
}


def write(parts: t.Any) -> str:
    """:raises AnsibleFilterError: if a part is missing or breaks the grammar."""
    if not isinstance(parts, t.Mapping):
        raise AnsibleFilterError(f"format_reference: {parts!r} is no mapping of parts.")
    read = {name: _read(name, parts.get(name)) for name in _PARTS}
    if not read["registry"] or not read["repository"] or not (read["tag"] or read["digest"]):
        raise AnsibleFilterError(
            f"format_reference: {dict(parts)!r} needs registry, repository, and tag or digest or both."
        )
    return str(Reference(read["registry"], read["repository"], read["tag"], read["digest"]))


def _read(name: str, value: t.Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise AnsibleFilterError(f"format_reference: {name} is {value!r}, which is no text: put it into quotes.")
    try:
        return _PARTS[name](value)
    except InvalidReference as error:
        raise AnsibleFilterError(f"format_reference: {name} is {value!r}: {error}") from error


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"format_reference": write}
