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
  - dockyard.registry.progress
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
  - dockyard.registry.attributes.info_module
options:
  repositories:
    description:
      - Only these repositories, as names or as shell patterns, in which V(*) stands for any characters, V(/) too,
        V(?) for one, and V([ab]) for one of these.
      - A name or pattern with a V(!) in front excludes. If there are only such, all others are meant.
      - If all are names, nothing else is asked of the registry. Only for a pattern, or if the option is not given, the
        registry's catalog is read, which not every user may do. A name beside patterns has to be in the catalog, too.
    type: list
    elements: str
  tags:
    description:
      - Only these tags of each repository, as names or patterns like in O(repositories). Nothing is asked of the
        registry for other tags.
      - A repository none of whose tags are left is returned all the same.
      - Not together with O(gather=repositories).
    type: list
    elements: str
  gather:
    description:
      - What to return for each tag.
      - V(repositories) is nothing, not even that it is there. Only the registry's catalog is read, for names in
        O(repositories), too, and the result has names of repositories only.
      - V(names) is its name only, which costs one request for each repository and none for a tag.
      - V(digests) is the digest and the media type, too, which costs one small request for each tag.
      - V(sizes) is the size and the platforms, too, for which all manifests of the image are read.
    type: str
    choices: [repositories, names, digests, sizes]
    default: sizes
  limit:
    description:
      - Return at most so many repositories. RV(next) then says where to go on.
    type: int
  after:
    description:
      - Return the repositories behind this one only, in the registry's order. This is what RV(next) was before.
    type: str
  page_size:
    description:
      - How many entries of a list to ask for in one request. If the registry refuses so many, fewer are asked for.
    type: int
    default: 1000
notes:
  - Distribution 3.0.0 to 3.1.1 with storage on S3 leaves out of its catalog repositories whose name is the beginning
    of another's, and 3.1.0 and 3.1.1 out of a list of tags those that begin with another, as C(1.20) beside C(1.2).
seealso:
  - module: dockyard.registry.image
  - module: dockyard.registry.tag
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
    gather: names

- name: Count what a registry with thousands of repositories has of each team, in a second or two
  dockyard.registry.catalog_info:
    url: http://127.0.0.1:5000
    gather: repositories
  register: catalog

- name: Find the digests of all releases of a team, but for its old things
  dockyard.registry.catalog_info:
    url: http://127.0.0.1:5000
    repositories:
      - team/*
      - "!team/old-*"
    tags:
      - "[0-9]*"
      - "!*-rc*"
    gather: digests

- name: Read the first hundred repositories of many
  dockyard.registry.catalog_info:
    url: http://127.0.0.1:5000
    limit: 100
    gather: names
  register: first

- name: Read the next hundred
  dockyard.registry.catalog_info:
    url: http://127.0.0.1:5000
    limit: 100
    after: "{{ first.next }}"
    gather: names
  when: first.next is not none
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
      description: Those of its tags that O(tags) leaves, sorted by name.
      returned: unless O(gather=repositories)
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
          returned: when O(gather) is V(digests) or V(sizes)
          type: str
          sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
        media_type:
          description: The type of the manifest or index. V(null) if it could not be read.
          returned: when O(gather) is V(digests) or V(sizes)
          type: str
          sample: application/vnd.oci.image.index.v1+json
        size:
          description:
            - The bytes of all manifests, configurations and layers of all platforms, each counted once.
            - V(null) if they could not be read.
          returned: when O(gather=sizes)
          type: int
          sample: 68292110
        platforms:
          description: The platforms, as C(os/architecture[/variant]). Empty if they could not be read.
          returned: when O(gather=sizes)
          type: list
          elements: str
          sample: [linux/amd64, linux/arm64/v8]
    empty:
      description: Whether the repository has no tags at all. A registry keeps the name of one whose tags are all deleted.
      returned: unless O(gather=repositories)
      type: bool
      sample: false
next:
  description: What to give as O(after) to go on. V(null) if there are no more repositories.
  returned: success
  type: str
  sample: library/nginx
unmatched:
  description:
    - The names and patterns that fitted nothing of what was read. With O(limit) or O(after) that is a part of the
      catalog only.
  returned: success
  type: list
  elements: dict
  contains:
    option:
      description: Whether it stands in V(repositories) or V(tags).
      returned: success
      type: str
      sample: repositories
    pattern:
      description: The name or pattern.
      returned: success
      type: str
      sample: team/shpo
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
from ansible_collections.dockyard.registry.plugins.module_utils.oci.catalog import (
    Failure,
    Query,
    Repository,
    Tag,
    read_catalog,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_repository, parse_tag
from ansible_collections.dockyard.registry.plugins.module_utils.oci.selection import (
    EVERYTHING,
    Selection,
    parse_selection,
)
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress


def read(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Return the registry's content as plain values."""
    gather: str = module.params["gather"]
    query = Query(
        repositories=_selection(module, "repositories", parse_repository),
        tags=_selection(module, "tags", parse_tag),
        gather=module.params["gather"],
        limit=module.params["limit"],
        after=module.params["after"] or "",
        page_size=module.params["page_size"],
    )
    with connect(module) as client:
        catalog = read_catalog(client, query, report=progress.report)
    return {
        "changed": False,
        "repositories": [_repository(repository, gather) for repository in catalog.repositories],
        "next": catalog.next or None,
        "unmatched": [
            {"option": option, "pattern": pattern}
            for option, patterns in (
                ("repositories", catalog.unmatched_repositories),
                ("tags", catalog.unmatched_tags),
            )
            for pattern in patterns
            if module.params[option]
        ],
        "errors": [_failure(failure) for failure in catalog.failures],
    }


def _selection(module: AnsibleModule, option: str, parse_name: t.Callable[[str], str]) -> Selection:
    given: list[str] | None = module.params[option]
    return EVERYTHING if given is None else parse_selection(given, parse_name)


def _repository(repository: Repository, gather: str) -> dict[str, t.Any]:
    if gather == "repositories":
        return {"name": repository.name}
    return {
        "name": repository.name,
        "tags": [_tag(tag, gather) for tag in repository.tags],
        "empty": repository.empty,
    }


def _tag(tag: Tag, gather: str) -> dict[str, t.Any]:
    shown: dict[str, t.Any] = {"name": tag.name}
    if gather != "names":
        shown.update(digest=tag.digest or None, media_type=tag.media_type or None)
    if gather == "sizes":
        size, platforms = (tag.details.size, tag.details.platforms) if tag.details else (None, ())
        shown.update(size=size, platforms=list(platforms))
    return shown


def _failure(failure: Failure) -> dict[str, t.Any]:
    return {"repository": failure.repository or None, "tag": failure.tag or None, "msg": str(failure.error)}


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "repositories": {"type": "list", "elements": "str"},
            "tags": {"type": "list", "elements": "str"},
            "gather": {"type": "str", "choices": ["repositories", "names", "digests", "sizes"], "default": "sizes"},
            "limit": {"type": "int"},
            "after": {"type": "str"},
            "page_size": {"type": "int", "default": 1000},
            "progress_file": {"type": "path"},
        }
    )
    try:
        with Progress(module.params["progress_file"]) as progress:
            result = read(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
