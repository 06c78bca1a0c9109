# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations, sizes, CPUs, modes and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.swarm import values
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import InvalidService


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("10s", 10 * values.SECOND), ("1m30s", 90 * values.SECOND), ("0", 0), ("0s", 0), ("1.5s", 1_500_000_000), ("500ms", 500_000_000),
        ("2h", 7200 * values.SECOND), ("7us", 7000), ("7µs", 7000), ("3ns", 3), ("0.1s", 100_000_000), ("1.0000000009s", values.SECOND),
    ],
)
def test_durations(text, nanoseconds):
    assert values.parse_duration(text, "delay") == nanoseconds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10", "write 10s"), ("", "1m30s"), ("-5s", "1m30s"), ("5 s", "1m30s"), ("s", "1m30s"), ("1d", "1m30s"), (".5s", "1m30s"),
        ("10S", "1m30s"), ("1e3s", "1m30s"), ("١s", "1m30s"), ("9999999h", "292 years"), ("5s\n", "1m30s"),
    ],
)
def test_what_is_no_duration(text, says):
    with pytest.raises(InvalidService) as caught:
        values.parse_duration(text, "update_config.delay")
    assert "update_config.delay" in str(caught.value)
    assert says in str(caught.value)


@given(st.integers(0, 2**63 - 1))
def test_a_duration_that_is_shown_is_read_back(nanoseconds):
    assert values.parse_duration(values.format_duration(nanoseconds), "x") == nanoseconds


@given(st.text())
def test_no_text_makes_the_parsers_fall(text):
    for parse in (values.parse_duration, values.parse_memory, values.parse_cpus, values.parse_mode, values.check_service_name,
                  values.check_object_name):
        try:
            parse(text, "x")
        except InvalidService as error:
            assert str(error).startswith("x is ")


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 * 1024**2), ("1g", 1024**3), ("1.5G", 1536 * 1024**2), ("8192k", 8192 * 1024), ("64MiB", 64 * 1024**2),
     ("5000000", 5_000_000), ("4mb", 4 * 1024**2), ("1t", 1024**4)],
)
def test_sizes(text, size):
    assert values.parse_memory(text, "limits.memory") == size


@pytest.mark.parametrize("text", ["", "1m2", "m", "-1g", "1 g", "1p", "3m", "0", "99999999t"])
def test_what_is_no_size(text):
    with pytest.raises(InvalidService, match=r"limits\.memory"):
        values.parse_memory(text, "limits.memory")


@given(st.integers(values.SMALLEST_MEMORY, 2**62))
def test_a_size_that_is_shown_is_read_back(size):
    assert values.parse_memory(values.format_memory(size), "x") == size


@pytest.mark.parametrize(("text", "billionths"), [("2", 2 * 10**9), ("0.5", 5 * 10**8), ("0.001", 10**6), ("1.50", 1_500_000_000)])
def test_cpus(text, billionths):
    assert values.parse_cpus(text, "limits.cpus") == billionths


@pytest.mark.parametrize("text", ["", "0", "0.0001", "-1", "1,5", "half", "1e1", "99999999999"])
def test_what_is_no_number_of_cpus(text):
    with pytest.raises(InvalidService, match=r"limits\.cpus"):
        values.parse_cpus(text, "limits.cpus")


@given(st.integers(10**6, 2**62))
def test_cpus_that_are_shown_are_read_back(billionths):
    assert values.parse_cpus(values.format_cpus(billionths), "x") == billionths


@pytest.mark.parametrize(("text", "number"), [("0444", 0o444), ("0400", 256), ("0000", 0), ("0777", 511)])
def test_modes(text, number):
    assert values.parse_mode(text, "mode") == number
    assert values.format_mode(number) == text


@pytest.mark.parametrize("text", ["444", "256", "0o444", "u+r", "0888", "00444", ""])
def test_what_is_no_mode(text):
    with pytest.raises(InvalidService, match="four octal digits in quotes"):
        values.parse_mode(text, "configs[0].mode")


@pytest.mark.parametrize("text", ["web", "a", "a" * 63, "team-shop_2", "9"])
def test_names_of_services(text):
    assert values.check_service_name(text, "name") == text


@pytest.mark.parametrize(("text", "says"), [("a" * 64, "64 characters"), ("", "letters"), ("-a", "letters"), ("a.b", "letters"),
                                            ("a-", "letters"), ("ä", "letters"), ("a b", "letters"), ("a\n", "letters")])
def test_names_that_no_service_can_have(text, says):
    with pytest.raises(InvalidService, match=says):
        values.check_service_name(text, "name")


def test_names_of_configs():
    assert values.check_object_name("registry-config.yml_" + "a" * 44, "source")
    with pytest.raises(InvalidService, match="65 characters"):
        values.check_object_name("a" * 65, "source")
    with pytest.raises(InvalidService, match="letters and digits, with -, _ and ."):
        values.check_object_name(".a", "source")
