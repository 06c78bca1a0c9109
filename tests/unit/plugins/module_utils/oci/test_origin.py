# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of registries."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import (
    Origin,
    is_loopback,
    parse_registry_url,
)


@pytest.mark.parametrize(
    ("url", "expected", "authority"),
    [
        ("http://127.0.0.1:5000", Origin("http", "127.0.0.1", 5000), "127.0.0.1:5000"),
        ("https://Registry.example.com/", Origin("https", "registry.example.com", 443), "registry.example.com"),
        ("https://registry.example.com:443", Origin("https", "registry.example.com", 443), "registry.example.com"),
        ("http://registry.example.com:443", Origin("http", "registry.example.com", 443), "registry.example.com:443"),
        ("http://[::1]:5000", Origin("http", "::1", 5000), "[::1]:5000"),
    ],
)
def test_urls(url: str, expected: Origin, authority: str) -> None:
    origin = parse_registry_url(url)
    assert (origin, origin.authority, str(origin)) == (expected, authority, f"{expected.scheme}://{authority}")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("registry.example.com", "not an http or https URL"),
        ("localhost:5000", "not an http or https URL"),
        ("ftp://x", "not an http or https URL"),
        ("http://", "not an http or https URL"),
        ("http://a b", "not an http or https URL"),
        ("http://x:99999", "not a URL"),
        ("http://[::1", "not a URL"),
        ("https://x/v2/", "has a path"),
        ("https://x?y", "has a path"),
        ("https://user:hunter2@x", "holds credentials"),
    ],
)
def test_no_urls(url: str, problem: str) -> None:
    with pytest.raises(InvalidReference, match=problem) as caught:
        parse_registry_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1")),
        *((host, False) for host in ("10.0.0.1", "0.0.0.0", "localhost.example.com", "127.0.0.1.example.com", "x")),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
