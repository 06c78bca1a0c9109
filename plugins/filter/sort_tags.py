# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sort_tags."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sort_tags
author: The dockyard.registry contributors
short_description: Tags by version
version_added: 0.1.0
description:
  - Sorts tags by the versions they are, the oldest first, in the order of Semantic Versioning 2.0.0.
  - A version has one to six numbers and may begin with V(v). Missing numbers count as zero. Of V(1), V(1.0) and
    V(1.0.0) the one with fewer numbers comes first.
  - Of one version, flavors such as V(-alpine) come first, sorted by name, and the plain one last. Numbers in names
    count as numbers, so V(-alpine3.9) comes before V(-alpine3.20).
  - Build metadata after V(+), or after V(_) as Helm writes it in tags, only decides between what is equal otherwise.
  - The result does not depend on the order of the tags.
options:
  _input:
    description: The tags.
    type: list
    elements: str
    required: true
  reverse:
    description: Whether the newest comes first.
    type: bool
    default: false
  suffixes:
    description:
      - What follows the numbers of a version.
      - V(auto) takes for a pre-release what begins with C(alpha), C(beta), C(canary), C(cr), C(dev), C(devel), C(ea),
        C(milestone), C(next), C(nightly), C(pre), C(preview), C(rc) or C(snapshot), in any case, with or without a dash
        before it, and as Python writes them C(a), C(b), C(c) or C(m) and a number right after the last number. All
        else is a flavor, and one may follow a pre-release, as in V(3.14.0rc2-slim).
      - V(flavor) takes all of it for a flavor, V(prerelease) all of it for a pre-release, as Semantic Versioning does.
    type: str
    choices: [auto, flavor, prerelease]
    default: auto
  constraint:
    description:
      - Keep only versions within these bounds, parted by commas. Each is one of V(=), V(!=), V(<), V(<=), V(>), V(>=)
        and a version, such as V(>=1.2, <2).
      - Missing numbers count as zero on both sides, so V(=1.27) keeps V(1.27) and V(1.27.0). All of 1.27 is V(>=1.27,
        <1.28).
      - Flavors do not matter. V(<2) does not keep pre-releases of 2.
    type: str
  flavor:
    description:
      - Keep only this flavor, a shell pattern without the dash before it, such as V(alpine) or V(alpine*).
      - The empty text keeps only versions without a flavor. If it is not given, all are kept.
    type: str
  prereleases:
    description: Whether pre-releases are kept.
    type: bool
    default: true
  partial:
    description: Whether versions of less than three numbers are kept, which mostly are tags that move with each release.
    type: bool
    default: true
  others:
    description:
      - What becomes of tags that are no version, such as V(latest). V(drop) leaves them out. V(first) and V(last) put
        them there, sorted by name, whatever else is kept.
    type: str
    choices: [drop, first, last]
    default: drop
"""

EXAMPLES = r"""
- name: Show the newest release
  ansible.builtin.debug:
    msg: "{{ nginx_tags | dockyard.registry.sort_tags(flavor='', prereleases=false, partial=false) | last }}"
  vars:
    nginx_tags: [latest, "1", "1.27", 1.27.3, 1.27.3-alpine, 1.9.15, 2.0.0-rc.1]

- name: Show the three newest of 1.x on Alpine, the newest first
  ansible.builtin.debug:
    msg: "{{ (nginx_tags | dockyard.registry.sort_tags(constraint='>=1, <2', flavor='alpine', reverse=true))[:3] }}"
  vars:
    nginx_tags: [1.27.3-alpine, 1.27.2-alpine, 1.26.2-alpine, 1.9.15-alpine, 1.27.3, 2.0.0-alpine]
"""

RETURN = r"""
_value:
  description: The tags that are kept.
  type: list
  elements: str
  sample: ["1", 1.9.15, "1.27", 1.27.3-alpine, 1.27.3, 2.0.0-rc.1]
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidConstraint
from ansible_collections.dockyard.registry.plugins.module_utils.oci.tag_order import (
    Others,
    Rules,
    parse_constraint,
    sort_tags,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.versions import Suffixes


def sort(
    tags: t.Any,
    reverse: t.Any = False,
    suffixes: t.Any = "auto",
    constraint: t.Any = None,
    flavor: t.Any = None,
    prereleases: t.Any = True,
    partial: t.Any = True,
    others: t.Any = "drop",
) -> list[str]:
    """:raises AnsibleFilterError: with the name and value of what is wrong."""
    if isinstance(tags, (str, t.Mapping)) or not isinstance(tags, t.Iterable):
        raise AnsibleFilterError(f"sort_tags: {tags!r} is no list of tags.")
    names = [_text("a tag", tag) for tag in tags]
    kind: Suffixes = _choice("suffixes", suffixes, t.get_args(Suffixes))
    place: Others = _choice("others", others, t.get_args(Others))
    try:
        bounds = () if constraint is None else parse_constraint(_text("constraint", constraint), kind)
    except InvalidConstraint as error:
        raise AnsibleFilterError(f"sort_tags: {error}") from error
    rules = Rules(
        suffixes=kind,
        constraint=bounds,
        flavor=None if flavor is None else _text("flavor", flavor),
        prereleases=_boolean("prereleases", prereleases),
        partial=_boolean("partial", partial),
    )
    return sort_tags(names, rules, others=place, reverse=_boolean("reverse", reverse))


def _text(name: str, value: t.Any) -> str:
    if not isinstance(value, str):
        raise AnsibleFilterError(f"sort_tags: {name} is {value!r}, which is no text: put it into quotes.")
    return value


def _choice(name: str, value: t.Any, choices: tuple[str, ...]) -> t.Any:
    if value not in choices:
        raise AnsibleFilterError(f"sort_tags: {name} is {value!r}. Use one of {', '.join(choices)}.")
    return value


def _boolean(name: str, value: t.Any) -> bool:
    try:
        return bool(boolean(value))
    except TypeError as error:
        raise AnsibleFilterError(f"sort_tags: {name} is {value!r}. Use true or false.") from error


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"sort_tags": sort}
