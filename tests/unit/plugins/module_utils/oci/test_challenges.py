# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The challenges of a 401."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.challenges import parse_challenges


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        (['Basic realm="a registry"'], [("basic", {"realm": "a registry"})]),
        (["basic"], [("basic", {})]),
        (
            ['Bearer realm="https://a/t?x=1,2",service="s",scope="repository:a/b:pull,push"'],
            [("bearer", {"realm": "https://a/t?x=1,2", "service": "s", "scope": "repository:a/b:pull,push"})],
        ),
        (
            ['Bearer realm="r", error="x, Basic y", Basic realm=z'],
            [("bearer", {"realm": "r", "error": "x, Basic y"}), ("basic", {"realm": "z"})],
        ),
        (["Negotiate", 'Basic realm="a\\"b"'], [("basic", {"realm": 'a"b'})]),
        (["Digest realm=x, nonce=y"], []),
    ],
)
def test_challenges(values: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(challenge.scheme, challenge.parameters) for challenge in parse_challenges(values)] == expected


NAMES = st.text("abcdefghijklmnopqrstuvwxyz_-", min_size=1)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1), max_size=3))
def test_what_is_quoted_is_never_taken_for_a_challenge(parameters: list[dict[str, str]]) -> None:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"')

    header = ", ".join(
        "Bearer " + ", ".join(f'{name}="{quoted(value)}"' for name, value in each.items()) for each in parameters
    )
    assert [challenge.parameters for challenge in parse_challenges([header])] == parameters


@given(st.text())
def test_no_header_breaks_the_parser(header: str) -> None:
    assert {challenge.scheme for challenge in parse_challenges([header])} <= {"basic", "bearer"}
