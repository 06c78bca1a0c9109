# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions: tables of what is one, and the order of Semantic Versioning."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.versions import Suffixes, Version, parse_version

MODES: tuple[Suffixes, ...] = ("auto", "flavor", "prerelease")


def parsed(text: str, suffixes: Suffixes = "auto") -> Version:
    version = parse_version(text, suffixes)
    assert version is not None, text
    return version


@pytest.mark.parametrize(
    ("text", "numbers", "prerelease", "flavor", "build"),
    [
        ("1", (1,), (), "", ""),
        ("1.27", (1, 27), (), "", ""),
        ("v1.27.3", (1, 27, 3), (), "", ""),
        ("24.04", (24, 4), (), "", ""),
        ("10.7.0.96327-community", (10, 7, 0, 96327), (), "community", ""),
        ("1.27.3-alpine", (1, 27, 3), (), "alpine", ""),
        ("1.27.3-alpine3.20-slim", (1, 27, 3), (), "alpine3.20-slim", ""),
        ("1.27.3-debian-12-r4", (1, 27, 3), (), "debian-12-r4", ""),
        ("4.8.3.Final", (4, 8, 3), (), "Final", ""),
        ("1.27.3-perl", (1, 27, 3), (), "perl", ""),
        ("1.0-prefix", (1, 0), (), "prefix", ""),
        ("1.0.0-rc.1", (1, 0, 0), ("rc", 1), "", ""),
        ("1.0.0-RC1-alpine", (1, 0, 0), ("rc", 1), "alpine", ""),
        ("1.0.0-rc-1-alpine", (1, 0, 0), ("rc", 1), "alpine", ""),
        ("1.0.0-alpha.beta", (1, 0, 0), ("alpha", "beta"), "", ""),
        ("3.14.0rc2-slim-bookworm", (3, 14, 0), ("rc", 2), "slim-bookworm", ""),
        ("3.14.0b2", (3, 14, 0), ("b", 2), "", ""),
        ("17beta1-alpine", (17,), ("beta", 1), "alpine", ""),
        ("1.2.3.dev3", (1, 2, 3), ("dev", 3), "", ""),
        ("1.0-nightly-20240101-alpine", (1, 0), ("nightly", 20240101), "alpine", ""),
        ("21.0.5_11-jre-alpine", (21, 0, 5), (), "jre-alpine", "11"),
        ("1.2.3-rc.1+b.5-x", (1, 2, 3), ("rc", 1), "", "b.5-x"),
    ],
)
def test_tags_as_they_are(
    text: str, numbers: tuple[int, ...], prerelease: tuple[int | str, ...], flavor: str, build: str
) -> None:
    assert parsed(text) == Version(text, numbers, prerelease, flavor, build)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "text",
    [
        "", "latest", "v", "v.1", "1.", ".1", "1..2", "1.2.3-", "1.2.3+", "1.2.3.4.5.6.7", "release-1.2", " 1", "1\n",
        "٣", "1.2.3-\u212a", "1-\u017f", "3e4f5a6", "12b3456", "9" * 19, "1." * 200 + "1", "1-" + "a" * 256, "-1", "1.2.3-é",
    ],
)  # fmt: skip
def test_what_is_no_version(text: str, mode: Suffixes) -> None:
    assert parse_version(text, mode) is None


def test_the_same_suffix_three_ways() -> None:
    read = {mode: parsed("1.2.3-rc.1", mode) for mode in MODES}
    assert (read["auto"].prerelease, read["auto"].flavor) == (("rc", 1), "")
    assert (read["flavor"].prerelease, read["flavor"].flavor) == ((), "rc.1")
    strict = parsed("1.2.3-alpine3.20", "prerelease")
    assert (strict.prerelease, strict.flavor) == (("alpine3", 20), "")


@pytest.mark.parametrize("mode", ["auto", "prerelease"])
def test_the_examples_of_section_11(mode: Suffixes) -> None:
    releases = ["1.0.0", "2.0.0", "2.1.0", "2.1.1"]
    prereleases = [
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        "1.0.0",
    ]  # fmt: skip
    for row in (releases, prereleases):
        for older, newer in itertools.combinations(row, 2):
            assert parsed(older, mode).precedence < parsed(newer, mode).precedence


def test_build_metadata_has_no_precedence() -> None:
    for mode in MODES:
        one, other = parsed("1.0.0+20130313144700", mode), parsed("1.0.0_21AF26D3", mode)
        assert one.precedence == other.precedence
        assert one.build and other.build


@pytest.mark.parametrize(
    "row",
    [
        ["1.27.2", "1.27.3-alpine", "1.27.3-alpine3.9", "1.27.3-alpine3.20", "1.27.3-perl", "1.27.3", "1.27.10"],
        ["1", "1.0", "1.0.0", "v1.0.0", "1.27", "1.27.0", "1.27.1", "2"],
        ["3.14.0a1", "3.14.0a10", "3.14.0b2", "3.14.0rc1-slim", "3.14.0rc1", "3.14.0-slim", "3.14.0"],
        ["21.0.5_9-jre", "21.0.5_11-jre", "21.0.5_9", "21.0.5_11"],
        ["1.2.3", "1.2.3.0", "1.2.3.1"],
    ],
)
def test_what_comes_first(row: list[str]) -> None:
    assert sorted(reversed(row), key=lambda text: parsed(text).sort_key) == row


def test_partial() -> None:
    assert [parsed(text).is_partial for text in ("1", "1.27", "1.27.3", "1.2.3.4")] == [True, True, False, False]


IDENTIFIER = st.from_regex(r"[0-9A-Za-z-]{1,6}", fullmatch=True)
DOTTED = st.lists(IDENTIFIER, min_size=1, max_size=3).map(".".join)
NUMBERS = st.lists(st.integers(0, 40).map(str), min_size=1, max_size=4).map(".".join)
WORDS = st.sampled_from(["-rc.1", "rc2", "-alpine", "-alpine3.20", "-beta", "_7", "-1", "+b", "-dev-slim", ".Final", ""])


@st.composite
def versions(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", "v"])) + draw(NUMBERS) + draw(WORDS)
    return text + draw(st.just("") | DOTTED.map("-{}".format))


@given(versions(), st.sampled_from(MODES))
def test_reading_and_writing(text: str, mode: Suffixes) -> None:
    version = parse_version(text, mode)
    if version is not None:
        assert str(version) == text
        assert parse_version(str(version), mode) == version


@given(st.text() | st.text("v0123456789.-_+abcrc", max_size=40), st.sampled_from(MODES))
def test_any_text_is_a_version_or_none(text: str, mode: Suffixes) -> None:
    version = parse_version(text, mode)
    assert version is None or (version.text, version.sort_key[-1][-1]) == (text, text)


@given(versions(), versions(), versions(), st.sampled_from(MODES))
def test_the_order_is_total(first: str, second: str, third: str, mode: Suffixes) -> None:
    found = [version for version in (parse_version(text, mode) for text in (first, second, third)) if version]
    for one, other in itertools.product(found, repeat=2):
        assert [one.sort_key < other.sort_key, one.text == other.text, one.sort_key > other.sort_key].count(True) == 1
        assert not (one.precedence < other.precedence and one.sort_key > other.sort_key)
    for one, two, three in itertools.permutations(found, 3):
        if one.sort_key <= two.sort_key <= three.sort_key:
            assert one.sort_key <= three.sort_key


@given(st.tuples(*[st.integers(0, 9)] * 3), st.lists(IDENTIFIER, max_size=3), st.lists(IDENTIFIER, max_size=3))
def test_strict_precedence_is_section_11(numbers: tuple[int, ...], left: list[str], right: list[str]) -> None:
    """The rules of 11.3 and 11.4 once more, written another way."""

    def text(identifiers: list[str]) -> str:
        return ".".join(map(str, numbers)) + ("-" if identifiers else "") + ".".join(identifiers)

    def older(one: list[str], other: list[str]) -> bool:
        if not one or not other:
            return bool(one) and not other
        for a, b in zip(one, other):
            if a.isdigit() != b.isdigit():
                return a.isdigit()
            x, y = t.cast("tuple[t.Any, t.Any]", (int(a), int(b)) if a.isdigit() else (a, b))
            if x != y:
                return bool(x < y)
        return len(one) < len(other)

    versions_ = parsed(text(left), "prerelease"), parsed(text(right), "prerelease")
    assert (versions_[0].precedence < versions_[1].precedence) == older(left, right)
