# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter parse_reference."""

from __future__ import annotations

DOCUMENTATION = r"""
name: parse_reference
author: The dockyard.registry contributors
short_description: The parts of a reference to an image
version_added: 0.1.0
description:
  - Takes a reference apart and makes Docker's short names long, as Docker does.
  - As in Docker, the first part names a registry only if it holds a dot, a colon or an upper-case letter, or is
    V(localhost). Without one the registry is V(docker.io), where a repository without a slash is in V(library).
options:
  _input:
    description: The reference, C([registry/]repository[:tag][@digest]).
    type: str
    required: true
seealso:
  - plugin: dockyard.registry.format_reference
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the parts of a short name
  ansible.builtin.debug:
    msg: "{{ 'nginx' | dockyard.registry.parse_reference }}"

- name: See that an image is pinned by its digest
  ansible.builtin.assert:
    that: (image | dockyard.registry.parse_reference).digest is not none
  vars:
    image: nginx:1.27@sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
"""

RETURN = r"""
_value:
  description: The parts.
  type: dict
  contains:
    registry:
      description: The registry, as C(host[:port]).
      type: str
      sample: docker.io
    repository:
      description: The repository on it.
      type: str
      sample: library/nginx
    tag:
      description: The tag. V(latest) if neither tag nor digest is given, V(null) if only a digest is.
      type: str
      sample: latest
    digest:
      description: The digest, V(null) if none is given.
      type: str
      sample: null
    reference:
      description: The whole reference, written in full.
      type: str
      sample: docker.io/library/nginx:latest
"""

import dataclasses
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference


def parse(text: t.Any) -> dict[str, str | None]:
    """:raises AnsibleFilterError: if it is no reference."""
    if not isinstance(text, str):
        raise AnsibleFilterError(f"parse_reference: {text!r} is no text.")
    try:
        reference = parse_reference(text)
    except InvalidReference as error:
        raise AnsibleFilterError(f"parse_reference: {text!r} cannot be read: {error}") from error
    return {**dataclasses.asdict(reference), "reference": str(reference)}


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"parse_reference": parse}
