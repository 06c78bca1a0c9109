# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tags count, and their order."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidConstraint
from ansible_collections.dockyard.registry.plugins.module_utils.oci.tag_order import (
    Others,
    Rules,
    parse_constraint,
    sort_tags,
)

TAGS = [
    "latest", "1", "1.27", "1.27.3", "1.27.3-alpine", "1.27.3-alpine-slim", "1.26.2", "2.0.0-rc.1", "2.0.0-rc.1-alpine",
    "mainline", "2", "1.9.15",
]  # fmt: skip
SORTED = [
    "1", "1.9.15", "1.26.2", "1.27", "1.27.3-alpine", "1.27.3-alpine-slim", "1.27.3", "2.0.0-rc.1-alpine", "2.0.0-rc.1",
    "2",
]  # fmt: skip


@pytest.mark.parametrize(
    ("others", "expected"),
    [("drop", SORTED), ("first", ["latest", "mainline", *SORTED]), ("last", [*SORTED, "latest", "mainline"])],
)
def test_the_order(others: Others, expected: list[str]) -> None:
    assert sort_tags(TAGS, others=others) == expected
    names = expected[:2] if others == "first" else expected[-2:] if others == "last" else []
    newest = SORTED[::-1]
    backwards = {"drop": newest, "first": names[::-1] + newest, "last": newest + names[::-1]}
    assert sort_tags(TAGS, others=others, reverse=True) == backwards[others]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"prereleases": False, "partial": False, "flavor": ""}, ["1.9.15", "1.26.2", "1.27.3"]),
        ({"flavor": "alpine"}, ["1.27.3-alpine", "2.0.0-rc.1-alpine"]),
        ({"flavor": "alpine*", "prereleases": False}, ["1.27.3-alpine", "1.27.3-alpine-slim"]),
        ({"flavor": "none"}, []),
        ({"suffixes": "flavor", "flavor": "rc.*"}, ["2.0.0-rc.1", "2.0.0-rc.1-alpine"]),
        ({"suffixes": "prerelease", "prereleases": False, "partial": False}, ["1.9.15", "1.26.2", "1.27.3"]),
    ],
)
def test_which_count(rules: dict[str, t.Any], expected: list[str]) -> None:
    assert sort_tags(TAGS, Rules(**rules)) == expected


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (">=1.2, <2", ["1.9", "1.27", "1.27.3-alpine", "1.27.3"]),
        (" >= 1.27 ,<2 ", ["1.27", "1.27.3-alpine", "1.27.3"]),
        ("<2.0.0-rc.2,>1.99", ["2.0.0-rc.1"]),
        ("<=2,>1.99", ["2.0.0-rc.1", "2"]),
        ("1.27.3", ["1.27.3-alpine", "1.27.3"]),
        ("=v2", ["2"]),
        ("==1.9.0", ["1.9"]),
        ("!=1.27.3, !=2, !=1.27", ["1", "1.9", "2.0.0-rc.1"]),
        (">2", []),
    ],
)
def test_constraints(constraint: str, expected: list[str]) -> None:
    tags = ["1", "1.9", "1.27", "1.27.3", "1.27.3-alpine", "2.0.0-rc.1", "2", "latest"]
    assert sort_tags(tags, Rules(constraint=parse_constraint(constraint))) == expected


@pytest.mark.parametrize(
    ("constraint", "names"),
    [
        ("", "''"), (",", "''"), (">=1.2,", "''"), (">=1.2 <2", "'>=1.2 <2'"), ("~1.2", "'~1.2'"), ("=>1", "'=>1'"),
        (">", "'>'"), (">latest", "'>latest'"), ("1.27.*", r"'1\.27\.\*'"), (">1.2-alpine", "the flavor 'alpine'"),
    ],
)  # fmt: skip
def test_what_is_no_constraint(constraint: str, names: str) -> None:
    with pytest.raises(InvalidConstraint, match=names) as caught:
        parse_constraint(constraint)
    assert caught.value.hint


@given(st.lists(st.sampled_from([*TAGS, "v1", "1.0", "1.0.0", "1.27.3-1", "é"])), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_input(tags: list[str], random: t.Any) -> None:
    shuffled = list(tags)
    random.shuffle(shuffled)
    once = sort_tags(tags, others="last")
    assert sort_tags(shuffled, others="last") == once == sort_tags(once, others="last")
    assert sorted(once) == sorted(tags)


@given(st.text(max_size=30))
def test_any_text_is_a_constraint_or_refused(text: str) -> None:
    try:
        assert parse_constraint(text)
    except InvalidConstraint as error:
        assert error.hint
