# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, patterns, and what excludes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_repository, parse_tag
from ansible_collections.dockyard.registry.plugins.module_utils.oci.selection import (
    EVERYTHING,
    Selection,
    parse_selection,
)


@pytest.mark.parametrize(
    ("texts", "selection"),
    [
        ([], Selection(())),
        (["a/b"], Selection(("a/b",))),
        (["a/*", "!a/b", "a/*"], Selection(("a/*",), ("a/b",))),
        (["!a/b"], Selection(("*",), ("a/b",))),
        (["[!x]*"], Selection(("[!x]*",))),
    ],
)
def test_what_is_read(texts: list[str], selection: Selection) -> None:
    assert parse_selection(texts, parse_repository) == selection


@pytest.mark.parametrize(
    ("texts", "problem"),
    [([""], "no name and no pattern"), (["!"], "no name"), (["A"], "lower-case"), (["!A"], "lower-case"), (["!!a"], "!a")],
)
def test_what_is_refused(texts: list[str], problem: str) -> None:
    with pytest.raises(InvalidReference, match=problem):
        parse_selection(texts, parse_repository)


@pytest.mark.parametrize(
    ("texts", "wanted", "others"),
    [
        (["a/*"], ["a/b", "a/b/c", "a/"], ["a", "ba/b"]),
        (["?"], ["a"], ["ab", ""]),
        (["[ab]x"], ["ax", "bx"], ["cx", "AX"]),
        (["*", "!a*", "!b"], ["c", "bb"], ["a", "ab", "b"]),
        (["a"], ["a"], ["A", "aa"]),
        (["1.2*"], ["1.2", "1.20"], ["1x2"]),
    ],
)
def test_what_is_wanted(texts: list[str], wanted: list[str], others: list[str]) -> None:
    selection = parse_selection(texts, parse_tag)
    assert [selection.wants(name) for name in wanted + others] == [True] * len(wanted) + [False] * len(others)


@pytest.mark.parametrize(("texts", "patterns"), [(["a", "b"], False), (["a", "b?"], True), (["!a"], True), (["a", "!b*"], False)])
def test_whether_a_list_of_all_is_needed(texts: list[str], patterns: bool) -> None:
    assert parse_selection(texts, parse_repository).has_patterns is patterns


@given(st.text())
def test_a_name_selects_itself_or_is_refused(text: str) -> None:
    try:
        parse_tag(text)
    except InvalidReference:
        return
    assert parse_selection([text], parse_tag).wants(text)
    assert not parse_selection([f"!{text}"], parse_tag).wants(text)
    assert EVERYTHING.wants(text)
