# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which proxy the environment names."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import split_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.proxies import proxy_for

BOTH = {"HTTP_PROXY": "http://p:3128", "https_proxy": "q:3129"}


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("http://a.example.com", BOTH, "http://p:3128"),
        ("https://a.example.com", BOTH, "http://q:3129"),
        ("https://a.example.com", {}, None),
        ("http://127.0.0.1:5000", BOTH, None),
        ("http://[::1]:5000", BOTH, None),
        ("http://localhost:5000", BOTH, None),
        ("http://a.example.com", {**BOTH, "http_proxy": "http://lower:1"}, "http://lower:1"),
        ("http://a.example.com", {**BOTH, "REQUEST_METHOD": "GET"}, None),
        ("http://a.example.com", {**BOTH, "NO_PROXY": "*"}, None),
        ("http://a.example.com", {**BOTH, "NO_PROXY": "x, example.com ,y"}, None),
        ("http://a.example.com", {**BOTH, "NO_PROXY": ".example.com"}, None),
        ("http://a.example.com", {**BOTH, "NO_PROXY": "*.example.com"}, None),
        ("http://a.example.com:81", {**BOTH, "NO_PROXY": "a.example.com:81"}, None),
        ("http://a.example.com:80", {**BOTH, "NO_PROXY": "a.example.com:81"}, "http://p:3128"),
        ("http://notexample.com", {**BOTH, "NO_PROXY": "example.com,,"}, "http://p:3128"),
        ("http://10.1.2.3", {**BOTH, "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://11.1.2.3", {**BOTH, "NO_PROXY": "10.0.0.0/8"}, "http://p:3128"),
        ("http://[fd00::1]:80", {**BOTH, "NO_PROXY": "[fd00::1]"}, None),
    ],
)
def test_proxies(url: str, environ: dict[str, str], expected: str | None) -> None:
    proxy = proxy_for(split_url(url)[0], environ)
    assert (str(proxy.origin) if proxy else None) == expected


def test_a_proxys_credentials() -> None:
    proxy = proxy_for(split_url("http://x.example.com")[0], {"http_proxy": "http://us%40er:pw@p:1"})
    assert proxy is not None
    assert proxy.headers == {"Proxy-Authorization": "Basic dXNAZXI6cHc="}
    assert "pw" not in repr(proxy)


@pytest.mark.parametrize("url", ["https://p:1", "socks5://p", "http://"])
def test_proxies_that_cannot_be_used(url: str) -> None:
    with pytest.raises(InvalidSettings, match="prox"):
        proxy_for(split_url("http://x.example.com")[0], {"http_proxy": url})
