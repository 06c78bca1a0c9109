# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every mistake in the settings gets a message with the variable, the value and the way out."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.plugin_utils import preflight

GOOD = {
    "registry_name": "registry",
    "registry_state": "started",
    "registry_image": "registry:3",
    "registry_image_archive": "",
    "registry_address": "127.0.0.1",
    "registry_port": 5000,
    "registry_allow_insecure": False,
    "registry_host_names": [],
    "registry_check_names": True,
    "registry_tls": "off",
    "registry_tls_days": 397,
    "registry_tls_renew_days": 30,
    "registry_tls_certificate": "",
    "registry_tls_key": "",
    "registry_tls_ca": "",
    "registry_data_dir": "/srv/registry",
    "registry_storage_driver": "filesystem",
    "registry_config_extra": {},
    "registry_users": [],
    "registry_anonymous_pull": False,
    "registry_bcrypt_cost": 8,
    "registry_memory": "",
    "registry_cpus": 0,
    "registry_log_level": "info",
    "registry_log_format": "text",
    "registry_verify": "auto",
}
FOLDER = {
    "exists": True,
    "is_directory": True,
    "is_registry": False,
    "entries": [],
    "uid": 0,
    "gid": 0,
    "free_bytes": 10**10,
    "read_only": False,
}
FREE = {"free": True, "error": ""}
USERS = [{"name": "alice"}]
OWN_CA = {"registry_tls": "own_ca", "registry_host_names": ["registry.example.com"]}
FILES = {
    **OWN_CA,
    "registry_tls": "files",
    "registry_tls_certificate": "/tls/a.crt",
    "registry_tls_key": "/tls/a.key",
}


def only(problems):
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"registry_port": "5000"},
        {"registry_image": "registry.example.com:5000/library/registry:3.1.1"},
        {"registry_image": "registry:2.8.3"},
        {"registry_image": "registry@sha256:" + "a" * 64},
        {"registry_address": "::1"},
        {"registry_address": "0.0.0.0", "registry_allow_insecure": True},
        {"registry_address": "0.0.0.0", "registry_users": USERS, **OWN_CA},
        {"registry_address": "::", "registry_users": USERS, **FILES, "registry_tls_ca": "/tls/ca.crt"},
        {**OWN_CA, "registry_host_names": ["registry", "a-1.example.com", "192.0.2.7", "2001:db8::7"]},
        {**OWN_CA, "registry_tls_days": "90", "registry_tls_renew_days": 89},
        {"registry_memory": "1.5g"},
        {"registry_memory": "512MiB"},
        {"registry_cpus": "1.5"},
        {"registry_storage_driver": "swift", "registry_image": "registry:2"},
        {"registry_config_extra": {"storage": {"cache": {"blobdescriptorsize": 1}, "filesystem": {"maxthreads": 9}}}},
    ],
)
def test_good_settings(change):
    assert preflight.setting_problems({**GOOD, **change}) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"registry_address": "0.0.0.0", "registry_users": USERS},
            ["'0.0.0.0'", "registry_tls is 'off'", "registry_tls: own_ca", "registry_allow_insecure: true"],
        ),
        (
            {"registry_address": "192.0.2.7", **OWN_CA},
            ["'192.0.2.7'", "registry_users is empty", "[{name: alice}]", "registry_allow_insecure: true"],
        ),
        ({"registry_anonymous_pull": True}, ["registry_anonymous_pull is true", "registry_anonymous_pull: false"]),
        ({"registry_tls": "acme"}, ["registry_tls is 'acme'", "off, own_ca, files"]),
        ({"registry_tls": "own_ca"}, ["registry_tls is 'own_ca'", "registry_host_names is empty", "main one first"]),
        ({"registry_host_names": "registry.example.com"}, ["registry_host_names is 'registry.example.com'", "a list"]),
        ({**FILES, "registry_tls_certificate": ""}, ["registry_tls_certificate is empty", "own_ca"]),
        ({**FILES, "registry_tls_key": ""}, ["registry_tls_key is empty", "own_ca"]),
        ({**FILES, "registry_tls_ca": "tls/ca.crt"}, ["registry_tls_ca is 'tls/ca.crt'", '"{{ inventory_dir }}/ca.crt"']),
        ({**OWN_CA, "registry_tls_days": 0}, ["registry_tls_days is 0", "from 1"]),
        ({**OWN_CA, "registry_tls_renew_days": True}, ["registry_tls_renew_days is True", "whole number"]),
        ({**OWN_CA, "registry_tls_days": 30}, ["registry_tls_renew_days is 30 and registry_tls_days is 30", "each run"]),
        ({"registry_config_extra": {"http": {"tls": {}}}}, ["registry_config_extra.http has tls", "registry_tls: files"]),
        ({"registry_address": "registry.example.com"}, ["'registry.example.com'", "IP address"]),
        ({"registry_image": "registry:3.0.0"}, ["'registry:3.0.0'", "3.1.1"]),
        ({"registry_image": "registry:3.1.0"}, ["'registry:3.1.0'", "3.1.1"]),
        ({"registry_image": "registry:2.7.1"}, ["'registry:2.7.1'", "2.8.0"]),
        ({"registry_image": "registry:4"}, ["'registry:4'", "majors"]),
        ({"registry_image": "not an image"}, ["'not an image'", "names no image"]),
        ({"registry_storage_driver": "swift"}, ["'swift'", "registry:2"]),
        ({"registry_storage_driver": "floppy"}, ["'floppy'", "filesystem"]),
        ({"registry_config_extra": {"storage": {"s3": {}}}}, ["s3", "exactly one", "registry_storage_options"]),
        ({"registry_config_extra": "text"}, ["'text'", "mapping"]),
        ({"registry_memory": "lots"}, ["'lots'", "512m"]),
        ({"registry_cpus": "two"}, ["'two'", "1.5"]),
        ({"registry_port": "http"}, ["'http'", "65535"]),
        ({"registry_port": 0}, ["0", "65535"]),
        ({"registry_port": 65536}, ["65536", "65535"]),
        ({"registry_port": True}, ["True", "65535"]),
        ({"registry_bcrypt_cost": 31}, ["31", "4 to 14"]),
        ({"registry_name": "my registry"}, ["'my registry'", "letters"]),
        ({"registry_state": "running"}, ["'running'", "started"]),
        ({"registry_log_level": "loud"}, ["'loud'", "debug"]),
    ],
)
def test_bad_settings(change, says):
    message = only(preflight.setting_problems({**GOOD, **change}))
    assert message.startswith(next(iter(change))), message
    for text in says:
        assert text in message


def test_all_problems_at_once():
    assert len(preflight.setting_problems({**GOOD, "registry_port": "x", "registry_memory": "x"})) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"free_bytes": 1024**2}, "1 MiB free"),
        ({"read_only": True}, "read-only"),
        ({"entries": ["etc", "home"]}, "not a registry (etc, home)"),
        ({"is_directory": False}, "not a folder"),
    ],
)
def test_bad_folder(change, says):
    message = only(preflight.host_problems(GOOD, {"port": FREE, "data_dir": {**FOLDER, **change}}))
    assert message.startswith("registry_data_dir is '/srv/registry'")
    assert says in message


def test_good_host():
    assert preflight.host_problems(GOOD, {"port": FREE, "data_dir": FOLDER}) == []
    with_data = {**FOLDER, "entries": ["docker"], "is_registry": True}
    assert preflight.host_problems(GOOD, {"port": FREE, "data_dir": with_data}) == []
    assert preflight.host_problems(GOOD, {"port": FREE}) == []


def test_taken_port():
    taken = {"port": {"free": False, "error": "Address already in use"}}
    message = only(preflight.host_problems(GOOD, taken))
    assert "registry_port is 5000" in message
    assert "another registry_port" in message
    assert preflight.host_problems(GOOD, taken, running=True) == []


def test_archive():
    settings = {**GOOD, "registry_image_archive": "/srv/registry.tar"}
    assert preflight.archive_problems(settings, {"tags": ["docker.io/library/registry:3"], "error": ""}) == []
    message = only(preflight.archive_problems(settings, {"tags": [], "error": "No such file or directory"}))
    assert message.startswith("registry_image_archive is '/srv/registry.tar': No such file")
    message = only(preflight.archive_problems(settings, {"tags": ["registry:2"], "error": ""}))
    assert "registry:2" in message
    assert "registry_image is 'registry:3'" in message


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("registry github.com/distribution/distribution/v3 v3.1.2", (3, 1, 2)),
        ("registry github.com/distribution/distribution/v3 v3.1.2+unknown", (3, 1, 2)),
        ("docker-registry github.com/docker/distribution 2.8.2+ds1", (2, 8, 2)),
        ("nginx version: nginx/1.22.1", (1, 22, 1)),
        ("hello", None),
    ],
)
def test_version(text, version):
    assert preflight.parse_version(text) == version


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("registry", "docker.io/library/registry:latest"),
        ("registry:3", "docker.io/library/registry:3"),
        ("team/registry:3", "docker.io/team/registry:3"),
        ("localhost/registry:3", "localhost/registry:3"),
        ("host:5000/registry", "host:5000/registry:latest"),
    ],
)
def test_long_name(short, name):
    assert preflight.long_name(short) == name


def test_an_open_registry_gets_a_message_for_each_lack():
    assert len(preflight.setting_problems({**GOOD, "registry_address": "0.0.0.0"})) == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("https://registry.example.com", "a scheme"),
        ("registry.example.com:5000", "a port"),
        ("192.0.2.7:5000", "a port"),
        ("registry.example.com/", "a path"),
        ("alice@registry.example.com", "a user"),
        ("*.example.com", "a wildcard"),
        ("Registry.example.com", "small letters"),
        ("registry_1.example.com", "neither a host name nor an IP address"),
        ("-a.example.com", "neither"),
        ("", "neither"),
        (5, "neither"),
    ],
)
def test_host_names(name, says):
    message = only(preflight.setting_problems({**GOOD, "registry_host_names": ["localhost", name]}))
    assert f"registry_host_names[1] is {name!r}" in message
    assert says in message


def leads(addresses, local=(), error=""):
    name = {"name": "registry.example.com", "addresses": addresses, "local": list(local), "error": error}
    return {"port": FREE, "names": [name]}


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("0.0.0.0", leads(["192.0.2.7"], ["192.0.2.7"])),
        ("::", leads(["192.0.2.7", "2001:db8::7"], ["192.0.2.7"])),
        ("192.0.2.7", leads(["127.0.1.1", "192.0.2.7"], ["127.0.1.1", "192.0.2.7"])),
    ],
)
def test_names_that_lead_here(listen, host):
    assert preflight.host_problems({**GOOD, "registry_address": listen}, host) == []


@pytest.mark.parametrize(
    ("listen", "host", "says"),
    [
        ("0.0.0.0", leads([], error="Name or service not known"), ["cannot resolve: Name or service not known", "/etc/hosts"]),
        ("0.0.0.0", leads(["192.0.2.7"]), ["leads to 192.0.2.7 and not to one of this host's", "registry_check_names: false"]),
        ("192.0.2.7", leads(["127.0.1.1"], ["127.0.1.1"]), ["leads to 127.0.1.1 and not to 192.0.2.7", "take the name out"]),
    ],
)
def test_names_that_lead_elsewhere(listen, host, says):
    settings = {**GOOD, "registry_address": listen}
    message = only(preflight.host_problems(settings, host))
    for text in ["registry_host_names has 'registry.example.com'", *says]:
        assert text in message
    assert preflight.host_problems({**settings, "registry_check_names": False}, host) == []
