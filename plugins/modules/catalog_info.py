#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: catalog_info
short_description: List the repositories and tags of a registry
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Returns the repositories of a registry with their tags, and for each tag what it points at.
  - What cannot be read is reported in RV(errors) beside what can. The module fails only if nothing could be read.
extends_documentation_fragment:
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
  - dockyard.registry.attributes.info_module
options:
  repositories:
    description:
      - Only these repositories. One that does not exist is returned without tags, as is one whose tags are all deleted.
      - If it is not given, the registry's catalog is read, which not every user may do.
    type: list
    elements: str
  details:
    description:
      - Whether to return digest, media type, size and platforms of each tag.
      - If V(false), only names are returned, which costs one request for each repository and none for each tag.
    type: bool
    default: true
seealso:
  - module: dockyard.registry.image
"""

EXAMPLES = r"""
- name: List all that is on a registry
  dockyard.registry.catalog_info:
    url: https://registry.example.com
    username: admin
    password: "{{ registry_password }}"
  register: catalog

- name: Show the digest of a tag
  ansible.builtin.debug:
    msg: >-
      {{ catalog.repositories
         | selectattr('name', 'eq', 'library/nginx') | map(attribute='tags') | flatten
         | selectattr('name', 'eq', '1.27') | map(attribute='digest') | first }}

- name: List the tags of one repository, quickly
  dockyard.registry.catalog_info:
    url: http://127.0.0.1:5000
    repositories:
      - team/shop
    details: false
"""

RETURN = r"""
repositories:
  description: The repositories, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The repository.
      returned: success
      type: str
      sample: library/nginx
    tags:
      description: Its tags, sorted by name.
      returned: success
      type: list
      elements: dict
      contains:
        name:
          description: The tag.
          returned: success
          type: str
          sample: "1.27"
        digest:
          description: The digest it points at. V(null) if it could not be read.
          returned: when O(details=true)
          type: str
          sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
        media_type:
          description: The type of the manifest or index. V(null) if it could not be read.
          returned: when O(details=true)
          type: str
          sample: application/vnd.oci.image.index.v1+json
        size:
          description:
            - The bytes of all manifests, configurations and layers of all platforms, each counted once.
            - V(null) if they could not be read.
          returned: when O(details=true)
          type: int
          sample: 68292110
        platforms:
          description: The platforms, as C(os/architecture[/variant]). Empty if they could not be read.
          returned: when O(details=true)
          type: list
          elements: str
          sample: [linux/amd64, linux/arm64/v8]
errors:
  description: What could not be read. Empty if all could.
  returned: success
  type: list
  elements: dict
  contains:
    repository:
      description: The repository, V(null) if it is the catalog that could not be read to its end.
      returned: success
      type: str
      sample: library/nginx
    tag:
      description: The tag, V(null) if it is the list of tags that could not be read.
      returned: success
      type: str
      sample: "1.27"
    msg:
      description: What went wrong and what to do.
      returned: success
      type: str
      sample: >-
        GET https://registry.example.com/v2/library/nginx/manifests/1.27 answered 404:
        MANIFEST_UNKNOWN (manifest unknown).
error:
  description: What went wrong, as values.
  returned: when nothing could be read
  type: dict
  sample:
    kind: ConnectionFailed
    message: "GET http://127.0.0.1:5000/v2/: no connection ([Errno 111] Connection refused)."
    hint: Is the registry running, and are host and port right?
    method: GET
    url: http://127.0.0.1:5000/v2/
    reason: refused
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._module import connect, fail, make_module
from ansible_collections.dockyard.registry.plugins.module_utils.oci.catalog import Failure, Tag, read_catalog
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_repository


def read(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the registry's content as plain values."""
    details: bool = module.params["details"]
    wanted: list[str] | None = module.params["repositories"]
    names = None if wanted is None else [parse_repository(name) for name in wanted]
    with connect(module) as client:
        catalog = read_catalog(client, repositories=names, details=details)
    return {
        "changed": False,
        "repositories": [
            {"name": repository.name, "tags": [_tag(tag, details=details) for tag in repository.tags]}
            for repository in catalog.repositories
        ],
        "errors": [_failure(failure) for failure in catalog.failures],
    }


def _tag(tag: Tag, *, details: bool) -> dict[str, t.Any]:
    if not details:
        return {"name": tag.name}
    found = tag.details
    return {
        "name": tag.name,
        "digest": found.digest if found else None,
        "media_type": found.media_type if found else None,
        "size": found.size if found else None,
        "platforms": list(found.platforms) if found else [],
    }


def _failure(failure: Failure) -> dict[str, t.Any]:
    return {"repository": failure.repository or None, "tag": failure.tag or None, "msg": str(failure.error)}


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "repositories": {"type": "list", "elements": "str"},
            "details": {"type": "bool", "default": True},
        }
    )
    try:
        module.exit_json(**read(module))
    except RegistryError as error:
        fail(module, error)


if __name__ == "__main__":
    main()
