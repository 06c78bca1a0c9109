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
    "registry_data_dir": "/srv/registry",
    "registry_storage_driver": "filesystem",
    "registry_config_extra": {},
    "registry_users": [],
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
        ({"registry_address": "0.0.0.0"}, ["'0.0.0.0'", "registry_allow_insecure: true"]),
        ({"registry_address": "192.0.2.7"}, ["'192.0.2.7'", "registry_allow_insecure: true"]),
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
