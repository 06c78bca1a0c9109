# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sort_tags: its options, and values that are none. The order itself is tested where it is made."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.filter.sort_tags import FilterModule

TAGS = ["latest", "1", "1.27.3", "1.27.3-alpine", "1.9.15", "2.0.0-rc.1", "edge"]
sort = FilterModule().filters()["sort_tags"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["1", "1.9.15", "1.27.3-alpine", "1.27.3", "2.0.0-rc.1"]),
        ({"reverse": "yes", "prereleases": "no"}, ["1.27.3", "1.27.3-alpine", "1.9.15", "1"]),
        ({"constraint": ">=1.2, <2", "flavor": ""}, ["1.9.15", "1.27.3"]),
        ({"suffixes": "prerelease", "prereleases": False, "partial": False}, ["1.9.15", "1.27.3"]),
        ({"flavor": "alp*", "others": "last"}, ["1.27.3-alpine", "edge", "latest"]),
        ({"partial": False, "flavor": "none", "others": "first"}, ["edge", "latest"]),
    ],
)
def test_options(options: dict[str, t.Any], expected: list[str]) -> None:
    assert sort(TAGS, **options) == expected
    assert sort(iter(reversed(TAGS)), **options) == expected


@pytest.mark.parametrize(
    ("tags", "options", "says"),
    [
        ("1.27", {}, "'1.27' is no list"),
        ({"1": 2}, {}, "is no list"),
        (None, {}, "None is no list"),
        (["1", 1.27], {}, "a tag is 1.27, which is no text"),
        (["1", None], {}, "a tag is None"),
        (TAGS, {"suffixes": "semver"}, "suffixes is 'semver'. Use one of auto, flavor, prerelease"),
        (TAGS, {"suffixes": ["auto"]}, "suffixes is ['auto']"),
        (TAGS, {"others": "keep"}, "others is 'keep'"),
        (TAGS, {"constraint": "~1"}, "'~1'"),
        (TAGS, {"constraint": 1.2}, "constraint is 1.2, which is no text"),
        (TAGS, {"flavor": 3}, "flavor is 3, which is no text"),
        (TAGS, {"reverse": "maybe"}, "reverse is 'maybe'"),
        (TAGS, {"prereleases": None}, "prereleases is None"),
        (TAGS, {"partial": 2}, "partial is 2"),
    ],
)
def test_what_is_refused(tags: t.Any, options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        sort(tags, **options)
    assert says in str(caught.value)
