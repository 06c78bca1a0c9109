# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image configurations: what is in them, and what hostile ones cannot do."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.image_config import (
    Healthcheck,
    HistoryEntry,
    ImageConfig,
    parse_image_config,
)

FULL: dict[str, t.Any] = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "created": "2024-11-26T18:42:08.123456789+01:00",
    "author": "Ada",
    "config": {
        "Labels": {"org.example.Team": "shop"},
        "Env": ["PATH=/bin", "EMPTY="],
        "Entrypoint": ["/run"],
        "Cmd": ["serve"],
        "User": "1000:1000",
        "WorkingDir": "/srv",
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGQUIT",
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30_000_000_000, "Timeout": 500_000_000, "Retries": 3},
    },
    "history": [
        {"created": "1970-01-01T00:00:00Z", "created_by": "ADD x", "author": "Ada", "comment": "buildkit"},
        {"empty_layer": True},
    ],
}


def parsed(document: object) -> ImageConfig:
    return parse_image_config(json.dumps(document).encode(), where="x")


def test_all_fields() -> None:
    assert parsed(FULL) == ImageConfig(
        platform="linux/arm64/v8",
        created="2024-11-26T18:42:08.123456789+01:00",
        author="Ada",
        labels={"org.example.Team": "shop"},
        env=["PATH=/bin", "EMPTY="],
        entrypoint=["/run"],
        cmd=["serve"],
        user="1000:1000",
        working_dir="/srv",
        exposed_ports=["53/udp", "8080/tcp"],
        volumes=["/data"],
        stop_signal="SIGQUIT",
        healthcheck=Healthcheck(["CMD", "true"], 30.0, 0.5, None, None, 3),
        history=[
            HistoryEntry("1970-01-01T00:00:00Z", "ADD x", "Ada", "buildkit", False),
            HistoryEntry(None, None, None, None, True),
        ],
    )


@pytest.mark.parametrize("document", [{}, {"config": None}, {"config": {}}, {"config": {"Labels": None, "User": ""}}])
def test_what_is_not_there(document: dict[str, t.Any]) -> None:
    empty: dict[str, t.Any] = dict.fromkeys(field.name for field in dataclasses.fields(ImageConfig))
    lists = ("env", "entrypoint", "cmd", "exposed_ports", "volumes", "history")
    empty.update({name: [] for name in lists}, platform="", labels={})
    assert dataclasses.asdict(parsed(document)) == empty


CONFIG_FIELDS = {
    "Labels": "labels",
    "Env": "env",
    "Entrypoint": "entrypoint",
    "Cmd": "cmd",
    "User": "user",
    "WorkingDir": "working_dir",
    "ExposedPorts": "exposed_ports",
    "Volumes": "volumes",
    "StopSignal": "stop_signal",
    "Healthcheck": "healthcheck",
}
WRONG = [7, True, 1.5, [7], [None], {"a": 7}]


@pytest.mark.parametrize("key", CONFIG_FIELDS)
@pytest.mark.parametrize("value", WRONG, ids=str)
def test_a_field_of_the_wrong_type_is_unknown_and_spoils_no_other(key: str, value: object) -> None:
    read = dataclasses.asdict(parsed({**FULL, "config": {**FULL["config"], key: value}}))
    right = dataclasses.asdict(parsed(FULL))
    field = CONFIG_FIELDS[key]
    if key == "Healthcheck" and isinstance(value, dict):
        assert read.pop(field) == {**dict.fromkeys(right.pop(field)), "test": []}
    elif key in ("ExposedPorts", "Volumes") and isinstance(value, dict):
        assert (read.pop(field), right.pop(field)[0] != "a") == (["a"], True)
    else:
        assert read.pop(field) is None and right.pop(field) is not None
    assert read == right


@pytest.mark.parametrize("key", ["created", "author", "history"])
@pytest.mark.parametrize("value", WRONG, ids=str)
def test_a_field_beside_the_config(key: str, value: object) -> None:
    assert getattr(parsed({**FULL, key: value}), key) is None


@pytest.mark.parametrize("value", [7, "x", [], [{}], True])
def test_a_config_that_is_none(value: object) -> None:
    read = dataclasses.asdict(parsed({**FULL, "config": value}))
    assert all(read[field] is None for field in CONFIG_FIELDS.values())
    assert (read["author"], read["platform"]) == ("Ada", "linux/arm64/v8")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:00Z", True), ("0001-01-01T00:00:00Z", True), ("2024-11-26t18:42:08.1-11:30", True),
        ("", False), ("yesterday", False), ("2024-11-26", False), ("2024-11-26 18:42:08Z", False),
        ("2024-11-26T18:42:08", False), ("2024-11-26T18:42:08Z\n", False), ("٢024-11-26T18:42:08Z", False),
    ],
)  # fmt: skip
def test_times(value: str, expected: bool) -> None:
    assert parsed({"created": value}).created == (value if expected else None)


def test_an_old_command() -> None:
    assert parsed({"config": {"Cmd": "serve --all"}}).cmd == ["serve --all"]


@pytest.mark.parametrize("value", [-1, 2**63, 1e9, "30s", True])
def test_times_of_a_healthcheck(value: object) -> None:
    check = parsed({"config": {"Healthcheck": {"Test": ["NONE"], "Interval": value, "Retries": value}}}).healthcheck
    assert check == Healthcheck(["NONE"], None, None, None, None, None)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}x"])
def test_what_is_no_object(raw: bytes) -> None:
    with pytest.raises(ContentError, match="the configuration"):
        parse_image_config(raw, where="the configuration")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CONFIG = st.fixed_dictionaries({}, optional=dict.fromkeys(CONFIG_FIELDS, JSON))


@given(st.fixed_dictionaries({}, optional={**dict.fromkeys(FULL, JSON), "config": CONFIG | JSON}))
def test_any_object_is_read(document: dict[str, t.Any]) -> None:
    read = parsed(document)
    assert all(isinstance(value, str) for value in [*(read.env or ()), *(read.labels or {}).values()])
