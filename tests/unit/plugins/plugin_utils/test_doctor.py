# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fault gives one red line that names it and says what to do, and a healthy registry gives none."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor import diagnose, render, verdict
from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor_client import named_elsewhere
from ansible_collections.dockyard.registry.plugins.plugin_utils.finding import FAIL, OK, WARN, Finding, duration, size

CERTIFICATE = {
    "subject": "CN=registry.example.com",
    "issuer": "CN=Example CA",
    "names": ["registry.example.com"],
    "not_before": "2026-11-01T00:00:00Z",
    "not_after": "2027-12-03T00:00:00Z",
    "days_left": 374.0,
}
ANSWER = {
    "scheme": "https", "status": 401, "is_registry": True, "asks_login": True, "date": 1.0, "seconds": 0.01, "body": "",
    "reason": "", "problem": "", "certificate": CERTIFICATE,
}
SILENCE = {
    **ANSWER, "status": None, "is_registry": False, "asks_login": False, "certificate": None, "reason": "refused",
    "problem": "GET https://x/v2/: no connection (refused).",
}
SERVER = {
    "side": "server",
    "settings": {
        "name": "registry", "address": "0.0.0.0", "port": 5000, "loopback": False, "tls": True, "users": 2,
        "delete_enabled": True, "round_trip": True,
    },
    "engine": {"problem": "", "version": "26.1.5"},
    "container": {
        "exists": True, "status": "running", "pid": 42, "restarts": 0, "up_seconds": 86400.0, "exit_code": 0, "error": "", "oom_killed": False,
        "oom_kills": 0, "health": "healthy", "image": "registry:3", "version": "3.1.2", "memory_limit": 10**9,
        "memory_used": 10**7, "published": ["0.0.0.0:5000"],
        "mounts": [{"destination": "/var/lib/registry", "source": "/srv/images", "volume": "", "writable": True}],
        "errors": [],
    },
    "port": {"program": "docker-proxy", "pid": 41, "container": "registry"},
    "server": ANSWER,
    "trust": [{"name": "registry.example.com", "problem": "", "detail": ""}],
    "login": {"username": "ada", "problem": "", "detail": "", "seconds": 0.02},
    "storage": {
        "path": "/srv/images", "exists": True, "is_registry": True, "read_only": False, "same": True, "missing_mount": "",
        "total_bytes": 10**11, "free_bytes": 5 * 10**10, "free_files_percent": 90.0, "used_bytes": 10**9, "counted": True,
        "problem": "",
    },
    "round_trip": {"failed_at": "", "detail": "", "status": None, "seconds": 0.03, "kept": ""},
    "clock": {"registry": 0.1, "controller": 2.0},
}
CLIENT = {
    "side": "client",
    "settings": {"address": "", "images": []},
    "registry": "registry.example.com:5000",
    "name": {"addresses": ["192.0.2.10"], "problem": ""},
    "server": ANSWER,
    "trust": [
        {"by": "system", "problem": "unknown_ca", "detail": "unable to get local issuer certificate", "files": []},
        {"by": "docker", "problem": "", "detail": "", "files": ["/etc/docker/certs.d/x/ca.crt"]},
    ],
    "logins": [{"os_user": "ci", "tool": "docker", "username": "ada", "problem": "", "detail": ""}],
    "engines": ["docker"],
    "engine": {"problem": "", "images": ["registry.example.com:5000/app:1", "nginx:latest"], "insecure": False},
    "clock": {"registry": 0.1, "controller": 1.0},
    "containerd": "",
}


def changed(facts, changes):
    """The facts with `a.b` set for each key."""
    facts = copy.deepcopy(facts)
    for key, value in changes.items():
        *way, last = key.split(".")
        place = facts
        for part in way:
            place = place[part]
        place[last] = value
    return facts


def of(findings, level):
    return [finding for finding in findings if finding.level == level]


@pytest.mark.parametrize("facts", [SERVER, CLIENT], ids=["server", "client"])
def test_health(facts):
    findings = diagnose(facts, "one")
    assert findings and {finding.level for finding in findings} == {OK}
    assert {finding.host for finding in findings} == {"one"}


STOPPED = {"container.status": "exited", "container.pid": 0, "container.exit_code": 137, "port": None, "server": SILENCE,
           "round_trip.failed_at": "untried"}
PLAIN = {**ANSWER, "scheme": "http", "certificate": None}


@pytest.mark.parametrize(
    ("changes", "subject", "says", "remedy"),
    [
        ({"engine.problem": "The Docker Engine does not answer.", "container": None, "port": None, "server": SILENCE},
         "engine", "does not answer", "Start the engine"),
        ({**STOPPED, "container.exists": False}, "container", "no container registry", "standalone"),
        (STOPPED, "container", "does not run: it is exited, exit code 137", "docker start registry"),
        ({**STOPPED, "container.error": "bind: address already in use"}, "container", "address already in use", "End what"),
        ({**STOPPED, "container.status": "restarting", "container.restarts": 7}, "container", "7 times", "docker logs"),
        ({"container.restarts": 6, "container.up_seconds": 0.4, "server": SILENCE, "round_trip.failed_at": "untried"},
         "container", "falls and is started again, 6 times", "docker logs"),
        ({"container.restarts": 0, "container.up_seconds": 0.4, "server": SILENCE, "round_trip.failed_at": "untried"},
         "answer", "does not answer", "docker logs"),
        ({**STOPPED, "container.status": "paused", "port": SERVER["port"]}, "container", "it is paused",
         "docker unpause registry"),
        ({**STOPPED, "container.oom_killed": True}, "container", "for lack of memory", "registry_memory"),
        ({"container.health": "unhealthy"}, "container", "unhealthy", "State.Health"),
        ({"container.oom_kills": 3}, "memory", "3 times in a day", "registry_memory"),
        ({"port.program": "nginx", "port.container": "", "container.published": []}, "port",
         "0.0.0.0:5000 is taken by nginx (pid 41)", "another registry_port"),
        ({"port": None}, "port", "nobody listens", "systemctl restart docker"),
        ({"server": SILENCE}, "answer", "does not answer", "docker logs"),
        ({"server": PLAIN}, "answer", "speaks plain HTTP, and TLS is asked for", "registry_tls"),
        ({"settings.tls": False}, "answer", "speaks TLS, and plain HTTP is asked for", "registry_tls"),
        ({"server.status": 503}, "answer", "answers 503", "storage"),
        ({"server.is_registry": False, "server.status": 404, "server.body": "hello"}, "answer", "'hello'", "in between"),
        ({"server.asks_login": False, "server.status": 200}, "login", "registry_users has 2", "standalone"),
        ({"login.problem": "refused"}, "login", "refuses the user 'ada'", "users again"),
        ({"login.problem": "failed", "login.detail": "broken off"}, "login", "broken off", "log"),
        ({"server.certificate.days_left": -3.0}, "certificate", "ended on 2027-12-03, 3 days ago", "To renew it"),
        ({"trust": [{"name": "a", "problem": "wrong_name", "detail": ""}]}, "certificate", "not valid for a", "all names"),
        ({"trust": [{"name": "a", "problem": "unknown_ca", "detail": "local issuer"}]}, "certificate", "local issuer",
         "both fit"),
        ({"storage.missing_mount": "/srv"}, "storage", "mounted at /srv, though /etc/fstab has it", "`mount /srv`"),
        ({"container.mounts": []}, "storage", "Nothing is mounted into the container", "docker cp"),
        ({"container.mounts": [{"destination": "/var/lib/registry", "source": "/other", "volume": "", "writable": True}]},
         "storage", "in /other, not in /srv/images", "registry_data_dir"),
        ({"storage.problem": "Input/output error"}, "storage", "Input/output error", "disk mounted"),
        ({"storage.same": False}, "storage", "does not see /srv/images", "docker restart"),
        ({"storage.read_only": True}, "storage", "read-only", "remount,rw"),
        ({"storage.free_bytes": 10**7}, "disk", "9.5 MiB of 93.1 GiB are free", "garbage"),
        ({"storage.free_files_percent": 0.5}, "disk", "inodes", "garbage"),
        ({"round_trip": {"failed_at": "upload", "detail": "500", "status": 500, "seconds": 1, "kept": ""}}, "push, pull",
         "could not be pushed", "storage and disk"),
        ({"round_trip": {"failed_at": "upload", "detail": "405", "status": 405, "seconds": 1, "kept": ""}}, "push, pull",
         "could not be pushed", "readonly"),
        ({"round_trip": {"failed_at": "download", "detail": "404", "status": 404, "seconds": 1, "kept": ""}}, "push, pull",
         "could not be pulled", "docker logs"),
        ({"clock.controller": -7200.0}, "clock", "2 hours behind that of the controller", "timedatectl"),
    ],
)
def test_faults_of_a_server(changes, subject, says, remedy):
    (found,) = of(diagnose(changed(SERVER, changes)), FAIL)
    assert found.subject == subject
    assert says in found.text and remedy in found.remedy


@pytest.mark.parametrize(
    ("changes", "subject", "says"),
    [
        ({"container.restarts": 2, "container.up_seconds": 0.4}, "container", "started again 2 times"),
        ({"container.memory_used": 95 * 10**7}, "memory", "of the 954 MiB that it may"),
        ({"container.version": "3.0.0"}, "version", "known holes"),
        ({"server.seconds": 2.0}, "login", "2.0 s to be asked"),
        ({"login.seconds": 3.0}, "login", "A login takes 3.0 s"),
        ({"login.problem": "untried", "login.detail": "its password is not known"}, "login", "password is not known"),
        ({"settings.users": 0, "server.asks_login": False, "server.status": 200, "login": None}, "login", "other hosts reach"),
        ({"server.certificate.days_left": 10.0}, "certificate", "in 10 days"),
        ({"storage.is_registry": False}, "storage", "holds no image"),
        ({"storage.free_bytes": 5 * 10**9}, "disk", "are free"),
        ({"round_trip.kept": "405"}, "push, pull", "could not be removed"),
        ({"round_trip.failed_at": "untried", "round_trip.detail": "there is no login that works"}, "push, pull", "no login"),
        ({"container.errors": ["level=error msg=x"]}, "log", "level=error msg=x"),
        ({"clock.controller": 45.0, "clock.registry": 20.0}, "clock", "45 seconds ahead of that of the controller: "),
    ],
)
def test_what_a_server_warns_of(changes, subject, says):
    findings = diagnose(changed(SERVER, changes))
    assert not of(findings, FAIL)
    (found,) = of(findings, WARN)
    assert found.subject == subject and says in found.text


@pytest.mark.parametrize(
    "changes",
    [
        {"storage": None},
        {"round_trip.kept": "405", "settings.delete_enabled": False},
        {"settings.users": 0, "settings.loopback": True, "server.asks_login": False, "server.status": 200, "login": None},
        {"container.memory_used": None},
        {"clock.registry": None, "clock.controller": None},
        {"settings.round_trip": False, "round_trip.failed_at": "untried"},
    ],
)
def test_what_is_no_fault(changes):
    assert {finding.level for finding in diagnose(changed(SERVER, changes))} == {OK}


@pytest.mark.parametrize(
    ("changes", "subject", "says", "remedy"),
    [
        ({"name": {"addresses": [], "problem": "not found"}, "server": SILENCE}, "name", "leads nowhere",
         "registry_client_address"),
        ({"settings.address": "192.0.2.99"}, "name", "leads to 192.0.2.10, not to 192.0.2.99", "/etc/hosts"),
        ({"server": SILENCE}, "answer", "Nothing answers", "registry_address"),
        ({"server": {**SILENCE, "reason": "timeout"}}, "answer", "Nothing answers", "firewall"),
        ({"server": PLAIN, "trust": []}, "answer", "gives an HTTP answer to an HTTPS client", "registry_tls"),
        ({"server.is_registry": False, "server.status": 404}, "answer", "is not a registry", "port right"),
        ({"server.status": 503}, "answer", "answers 503", "own host"),
        ({"server.certificate.days_left": -1.0, "trust": [{"by": "docker", "problem": "expired", "detail": "", "files": []}]},
         "certificate", "ended on", "certificates"),
        ({"trust": [{"by": "docker", "problem": "unknown_ca", "detail": "", "files": []}]}, "trust",
         "docker has no CA for a certificate of CN=registry.example.com, issued by CN=Example CA", "dockyard.registry.client"),
        ({"trust": [{"by": "docker", "problem": "unknown_ca", "detail": "", "files": ["/x/ca.crt"]}]}, "trust",
         "docker reads /x/ca.crt, which did not sign", "dockyard.registry.client"),
        ({"trust": [{"by": "docker", "problem": "wrong_name", "detail": "", "files": []}], "server.certificate.names": ["a"]},
         "trust", "valid for a, and not for registry.example.com", "registry_host_names"),
        ({"trust": [{"by": "docker", "problem": "not_yet_valid", "detail": "", "files": []}]}, "trust", "not valid yet",
         "clocks"),
        ({"trust": [{"by": "docker", "problem": "files", "detail": "x.crt is none", "files": []}]}, "trust", "x.crt is none",
         "CA"),
        ({"logins": [{"os_user": "ci", "tool": "docker", "username": "ada", "problem": "refused", "detail": ""}]}, "login",
         "logs in as the user 'ada', and the registry refuses", "registry_client_logins"),
        ({"logins": [{"os_user": "ci", "tool": "docker", "username": "", "problem": "unreadable", "detail": "not JSON"}]},
         "login", "not JSON", ""),
        ({"settings.images": ["registry.example.com/app:1"]}, "image", "named for registry.example.com without the port",
         "docker tag registry.example.com/app:1 registry.example.com:5000/app:1"),
        ({"clock.registry": 4000.0}, "clock", "67 minutes ahead of that of the registry's host", "timedatectl"),
        ({"clock.registry": 7200.0, "clock.controller": 7201.0}, "clock",
         "2 hours ahead of that of the registry's host and that of the controller", "timedatectl"),
    ],
)
def test_faults_of_a_client(changes, subject, says, remedy):
    (found,) = of(diagnose(changed(CLIENT, changes)), FAIL)
    assert found.subject == subject
    assert says in found.text and remedy in found.remedy


@pytest.mark.parametrize(
    ("changes", "subject", "says"),
    [
        ({"server": PLAIN, "trust": [], "engine.insecure": True}, "answer", "insecure-registries"),
        ({"logins": [{"os_user": "ci", "tool": "docker", "username": "", "problem": "none", "detail": ""}]}, "login",
         "has no login"),
        ({"logins": [{"os_user": "ci", "tool": "docker", "username": "ada", "problem": "untried", "detail": "plain HTTP"}]},
         "login", "not tried: plain HTTP"),
        ({"engine.images": ["registry.example.com/app:1"]}, "image", "named for registry.example.com, not for"),
        ({"engine.images": ["registry.example.com:5001/app:1"]}, "image", "named for registry.example.com:5001"),
        ({"engines": ["containerd"], "trust": []}, "trust", "config_path"),
    ],
)
def test_what_a_client_warns_of(changes, subject, says):
    findings = diagnose(changed(CLIENT, changes))
    assert not of(findings, FAIL)
    (found,) = of(findings, WARN)
    assert found.subject == subject and says in found.text


def test_plain_http_on_loopback_is_right():
    facts = changed(CLIENT, {"registry": "127.0.0.1:5000", "name.addresses": ["127.0.0.1"], "server": PLAIN, "trust": []})
    assert {finding.level for finding in diagnose(facts)} == {OK}


def test_another_registry_on_loopback_is_none_of_its_business():
    here = {"registry": "127.0.0.1:5000", "name.addresses": ["127.0.0.1"], "server": PLAIN, "trust": []}
    facts = changed(CLIENT, {**here, "engine.images": ["127.0.0.1:5001/app:1"]})
    assert {finding.level for finding in diagnose(facts)} == {OK}
    facts = changed(CLIENT, {**here, "engine.images": ["127.0.0.1/app:1"]})
    assert [finding.text for finding in of(diagnose(facts), WARN)] == ["The image 127.0.0.1/app:1 is named for 127.0.0.1, not for 127.0.0.1:5000."]


@pytest.mark.parametrize(
    ("name", "says", "remedy"),
    [
        ("registry.example.com:5000/app:1", None, ""),
        ("Registry.Example.com:5000/app:1", None, ""),
        ("app:1", "named for Docker Hub", "docker tag app:1 registry.example.com:5000/app:1"),
        ("team/app", "named for Docker Hub", "registry.example.com:5000/team/app"),
        ("other.example.com/app", "named for other.example.com,", "registry.example.com:5000/app"),
        ("localhost:5000/app", "named for localhost:5000", "registry.example.com:5000/app"),
        ("registry.example.com/app", "without the port", "registry.example.com:5000/app"),
        ("App:1", "no name of an image", "lower-case"),
    ],
)
def test_names_of_images(name, says, remedy):
    found = named_elsewhere(name, "registry.example.com:5000")
    if says is None:
        assert found is None
    else:
        assert says in found.text and remedy in found.remedy


def test_a_swarms_registry_is_not_taken_for_a_container():
    (found,) = diagnose({"swarm": "registry"}, "x")
    assert (found.level, found.host) == ("FAIL", "x")
    assert "The registry registry is a Swarm's: it was NOT looked at" in found.text
    assert "dockyard.registry.swarm" in found.remedy


def test_a_host_that_could_not_be_looked_at():
    (found,) = diagnose({"problem": "no Python there"}, "x")
    assert (found.level, found.host) == (FAIL, "x") and "no Python there" in found.text
    assert of(diagnose({}), FAIL)


def test_the_table():
    findings = [
        Finding(OK, "engine", "It answers.", host="one"),
        Finding(FAIL, "push, pull", "word " * 40, "do `docker logs --tail 20 registry`", host="host-two"),
    ]
    lines = render(findings, 80)
    assert lines[0] == (OK, "ok    one       engine      It answers.")
    assert lines[1][1].startswith("FAIL  host-two  push, pull  word")
    assert max(len(line) for _level, line in lines) <= 80
    assert lines[-1] == (FAIL, " " * 28 + "-> do `docker logs --tail 20 registry`")
    assert {level for level, _line in lines[1:]} == {FAIL}
    assert verdict(findings) == "1 ok, 0 to look at, 1 to mend"
    assert render([], 10) == []
    # What is to be copied stays in one piece.
    path = "/var/lib/docker/volumes/registry-data/_data" * 2
    lines = render([Finding(FAIL, "storage", f"Nothing is mounted at {path}.", f"`mount {path}`")], 80)
    assert sum(path in line for _level, line in lines) == 2


def test_units():
    assert [duration(value) for value in (0.5, 45, 600, 8000, 400000)] == [
        "0.50 seconds", "45 seconds", "10 minutes", "2 hours", "5 days"]
    assert [size(value) for value in (5, 2048, 5 * 1024**2, 300 * 1024**3, 5 * 1024**4)] == [
        "5 bytes", "2.0 KiB", "5.0 MiB", "300 GiB", "5.0 TiB"]
