#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tag
short_description: Set, move or remove a tag of a repository
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Has a tag name a manifest or index that is in its repository already. No blobs are moved, and the digest stays.
  - Or removes a tag, and leaves the manifest that it named.
extends_documentation_fragment:
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
attributes:
  check_mode:
    support: full
    details:
      - To know what the registry can delete, it is asked to delete a tag, or a manifest, that it does not have. This
        is done in check mode, too, and needs the right to delete. It changes nothing.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - The repository, and after a colon the tag.
    type: str
    required: true
  target:
    description:
      - What the tag is to name, a digest or another tag of the same repository.
      - Required if O(state=present).
    type: str
  state:
    description:
      - V(present) has the tag name O(target). A tag that names something else is moved.
      - V(absent) removes the tag alone.
      - Distribution 2.8 cannot remove a tag alone. There the manifest is deleted with it, if no other tag, and no index
        that a tag names, uses it. Else the module fails, names those tags, and changes nothing.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Removing needs a registry with C(storage.delete.enabled).
  - Whether something else uses a manifest is decided by the registry's list of tags. Distribution 3.1.0 and 3.1.1 with
    storage on S3 leave out of it tags that begin with another, as C(1.20) beside C(1.2).
  - An index is known to use what is in it only if a tag names that index.
seealso:
  - module: dockyard.registry.image
    description: Removes an image, or copies one from elsewhere.
  - module: dockyard.registry.catalog_info
"""

EXAMPLES = r"""
- name: Release what was tested, by its digest
  dockyard.registry.tag:
    url: https://registry.example.com
    username: ci
    password: "{{ registry_password }}"
    name: team/shop:stable
    target: sha256:{{ digest }}

- name: Have latest name what 2.4 names
  dockyard.registry.tag:
    url: http://127.0.0.1:5000
    name: team/shop:latest
    target: "2.4"

- name: Remove a tag and keep the image, which Distribution 2.8 cannot do
  dockyard.registry.tag:
    url: http://127.0.0.1:5000
    name: team/shop:latest
    state: absent
"""

RETURN = r"""
reference:
  description: The tag on the registry.
  returned: success
  type: str
  sample: registry.example.com/team/shop:stable
digest:
  description: The digest that the tag names, or will name when this was check mode. V(null) if there is no such tag.
  returned: success
  type: str
  sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
previous_digest:
  description: The digest that it named before. V(null) if there was no such tag, or the registry has lost its manifest.
  returned: success
  type: str
  sample: sha256:0de4d7f7d1b7d6d4a0e1a2b62b7f2f1c2aab5c9f0c34c6b0c87d9b4a2cf6a4a1
media_type:
  description: The type of the manifest or index that the tag names. V(null) if there is no such tag.
  returned: success
  type: str
  sample: application/vnd.oci.image.index.v1+json
untagged:
  description:
    - RV(previous_digest) if it is there, but no tag, and no index that a tag names, uses it any more. It can be pulled by
      its digest, and tagged again, until a garbage collection removes manifests without a tag.
    - V(null) if something uses it.
  returned: success
  type: str
  sample: sha256:0de4d7f7d1b7d6d4a0e1a2b62b7f2f1c2aab5c9f0c34c6b0c87d9b4a2cf6a4a1
deleted:
  description:
    - RV(previous_digest) if it was deleted with its tag, because the registry cannot remove a tag alone. If it was an
      index, the manifests in it stay without a tag.
    - V(null) if it is there.
  returned: success
  type: str
  sample: sha256:0de4d7f7d1b7d6d4a0e1a2b62b7f2f1c2aab5c9f0c34c6b0c87d9b4a2cf6a4a1
error:
  description: What went wrong, as values.
  returned: when the registry failed or refused
  type: dict
  sample:
    kind: NotFound
    message: >-
      GET https://registry.example.com/v2/team/shop/manifests/2.5 answered 404: MANIFEST_UNKNOWN (manifest unknown).
    hint: The nearest tags of team/shop are 2.4, 2.3.
    method: GET
    url: https://registry.example.com/v2/team/shop/manifests/2.5
    status: 404
    codes: [MANIFEST_UNKNOWN]
    body: ""
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._module import connect, fail, make_module
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import (
    RepositoryTag,
    parse_digest,
    parse_tag,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.removal import Remover
from ansible_collections.dockyard.registry.plugins.module_utils.oci.tags import (
    execute_move,
    parse_named_tag,
    plan_move,
)


def set_tag(module: AnsibleModule) -> dict[str, t.Any]:
    """Have the tag name its target or nothing, or in check mode find out what that would do."""
    name = parse_named_tag(module.params["name"])
    target: str = module.params["target"] or ""
    present = module.params["state"] == "present"
    if present:
        target = parse_digest(target) if ":" in target else parse_tag(target)
    with connect(module) as client:
        facts = _move(module, client, name, target) if present else _remove(module, client, name)
        reference = f"{client.origin.authority}/{name}"
    return {
        "reference": reference,
        **facts,
        "diff": {
            "before": {"reference": reference, "digest": facts["previous_digest"]},
            "after": {"reference": reference, "digest": facts["digest"]},
        },
    }


def _move(module: AnsibleModule, client: RegistryClient, name: RepositoryTag, target: str) -> dict[str, t.Any]:
    move = plan_move(client, name, target)
    if not module.check_mode:
        execute_move(client, move)
    return {
        "changed": move.changed,
        "digest": move.manifest.digest,
        "previous_digest": move.before or None,
        "media_type": move.manifest.media_type,
        "untagged": move.untagged or None,
        "deleted": None,
    }


def _remove(module: AnsibleModule, client: RegistryClient, name: RepositoryTag) -> dict[str, t.Any]:
    remover = Remover(client, name.repository)
    removal = remover.plan_tag(name.tag)
    if not module.check_mode:
        remover.execute(removal, lambda: remover.plan_tag(name.tag))
    deleted = removal.digest in removal.deleted
    return {
        "changed": removal.changed,
        "digest": None,
        "previous_digest": removal.digest or None,
        "media_type": None,
        "untagged": removal.digest if removal.digest in removal.untagged else None,
        "deleted": removal.digest if deleted else None,
    }


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "name": {"type": "str", "required": True},
            "target": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ("target",))],
    )
    try:
        module.exit_json(**set_tag(module))
    except RegistryError as error:
        fail(module, error)


if __name__ == "__main__":
    main()
