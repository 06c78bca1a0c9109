# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every mistake in a client's settings gets a message with the variable, the value and the way out."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.plugin_utils.client_settings import client_problems, trust_problems
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import make_certificates

LOGIN = {"os_user": "ci", "username": "ada", "password": "hush"}
GOOD = {
    "registry_client_registry": "registry.example.com:5000",
    "registry_client_state": "present",
    "registry_client_ca": "",
    "registry_client_ca_path": "",
    "registry_client_ca_content": "",
    "registry_client_logins": [LOGIN],
    "registry_client_address": "",
    "registry_client_engines": [],
    "registry_client_system_trust": False,
}
CERTIFICATE = {
    "subject": "CN=a", "issuer": "CN=b", "names": ["a.example.com"], "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2027-01-01T00:00:00Z",
}
REACH = {
    "registry": "registry.example.com:5000",
    "server": {"status": 401, "scheme": "https", "certificate": CERTIFICATE, "problem": ""},
    "trust": [{"by": by, "problem": "", "detail": "", "files": []} for by in ("ca", "system", "docker")],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"registry_client_registry": "registry"},
        {"registry_client_registry": "[2001:db8::1]:5000"},
        {"registry_client_engines": ["docker", "podman", "containerd"]},
        {"registry_client_address": "192.0.2.1"},
        {"registry_client_state": "absent", "registry_client_logins": [{"os_user": "ci"}]},
    ],
)
def test_good(change):
    assert client_problems({**GOOD, **change}, "192.0.2.7 other\n# 192.0.2.8 registry.example.com\n") == []


def test_a_good_ca(files):
    pem = pathlib.Path(files.ca).read_text()
    assert client_problems({**GOOD, "registry_client_ca": pem, "registry_client_system_trust": True}) == []
    assert client_problems({**GOOD, "registry_client_ca_path": files.ca, "registry_client_ca_content": pem}) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"registry_client_registry": ""}, ["registry_client_registry is ''", "host or host:port"]),
        ({"registry_client_registry": "https://x"}, ["'https://x'", "without https://"]),
        ({"registry_client_registry": "x:99999"}, ["'x:99999'"]),
        ({"registry_client_registry": "x/y"}, ["'x/y'", "without a path"]),
        ({"registry_client_ca": "a", "registry_client_ca_path": "/b"}, ["both given"]),
        ({"registry_client_ca": "a"}, ["registry_client_ca holds no certificate"]),
        ({"registry_client_ca_path": "/b", "registry_client_ca_content": "-----BEGIN EC PRIVATE KEY-----"},
         ["registry_client_ca_path (/b) holds a private key"]),
        ({"registry_client_system_trust": True}, ["registry_client_system_trust is true", "no CA to trust"]),
        ({"registry_client_logins": "ci"}, ["not a list"]),
        ({"registry_client_logins": ["ci"]}, ["registry_client_logins[0] has no os_user"]),
        ({"registry_client_logins": [LOGIN, LOGIN]}, ["registry_client_logins[1] (os_user 'ci') is there twice"]),
        ({"registry_client_logins": [{**LOGIN, "passwort": "hush"}]}, ["has passwort"]),
        ({"registry_client_logins": [{"os_user": "ci", "username": "ada"}]}, ["has no password"]),
        ({"registry_client_logins": [{**LOGIN, "password": 5}]}, ["has no password, or one that is not a text"]),
        ({"registry_client_logins": [{**LOGIN, "username": "a:b"}]}, ["colon"]),
        ({"registry_client_engines": ["rkt"]}, ["registry_client_engines is ['rkt']"]),
        ({"registry_client_engines": "docker"}, ["registry_client_engines is 'docker'"]),
        ({"registry_client_address": "here"}, ["registry_client_address is 'here'", "IP address"]),
        ({"registry_client_address": "192.0.2.1", "registry_client_registry": "192.0.2.2:5000"}, ["an address itself"]),
    ],
)
def test_bad(change, says):
    (problem,) = client_problems({**GOOD, **change})
    for text in says:
        assert text in problem
    assert "hush" not in problem


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ("192.0.2.9 registry.example.com", 1),
        ("192.0.2.9 other Registry.Example.com # mine", 1),
        ("192.0.2.1 registry.example.com", 0),
        ("192.0.2.9 registry.example.com # dockyard.registry", 0),
        ("192.0.2.9 registry.example.com.au", 0),
    ],
)
def test_lines_of_etc_hosts(line, problems):
    found = client_problems({**GOOD, "registry_client_address": "192.0.2.1"}, f"127.0.0.1 localhost\n{line}\n")
    assert len(found) == problems


def reach(**server):
    return {**REACH, "server": {**REACH["server"], **server}}


def test_trusted():
    assert trust_problems(REACH, ["ca", "docker"]) == []


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ("unknown_ca", ["CN=a, issued by CN=b", "a.example.com", "registry_client_ca did not sign it", "ca.crt"]),
        ("wrong_name", ["not valid for registry.example.com", "registry_host_names"]),
        ("expired", ["has ended", "Renew"]),
        ("not_yet_valid", ["not valid yet", "clocks"]),
        ("unreachable", ["went away"]),
        ("other", ["OpenSSL says so"]),
    ],
)
def test_refused(problem, says):
    trust = [{"by": "ca", "problem": problem, "detail": "OpenSSL says so", "files": []}]
    (found,) = trust_problems({**REACH, "trust": trust}, ["ca"])
    for text in says:
        assert text in found


def test_nobody_answers():
    (found,) = trust_problems(reach(status=None, certificate=None, problem="refused."), ["ca"])
    assert "nothing answers there: refused." in found and "registry_client_verify: false" in found


def test_plain_http():
    (found,) = trust_problems({**reach(scheme="http", certificate=None), "trust": []}, ["docker"])
    assert "plain HTTP" in found and "registry_tls" in found
    home = {**reach(scheme="http", certificate=None), "trust": [], "registry": "127.0.0.1:5000"}
    assert trust_problems(home, ["docker"]) == []
    assert "plain HTTP" in trust_problems(home, ["ca"])[0]
