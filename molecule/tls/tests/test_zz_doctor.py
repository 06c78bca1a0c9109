# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doctor says of a registry with TLS and of a host that uses it: when all is well, and when something is not.

The last of the scenario's tests, for they break things, one after the other, and put each right again.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import testinfra.utils.ansible_runner

ROOT = Path(__file__).resolve().parents[3]
SERVERS = {"dockyard-tls-3": "dockyard-tls-3:5000", "dockyard-tls-2": "dockyard-tls-2:443"}
PASSWORD = "looking glass for tests"
CI = "pulls all day"
ETC = "/etc/dockyard/registry/etc"
CA = "/etc/dockyard/registry/secrets/ca"

testinfra_hosts = ["ansible://registry_clients"]


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


@pytest.fixture
def on_server(server, request):
    return testinfra.utils.ansible_runner.AnsibleRunner(request.config.option.ansible_inventory).get_host(server)


@pytest.fixture
def doctor(server, request):
    """Returns what runs the playbook: its exit code, and its table with white space folded."""

    def run(password=PASSWORD):
        given = {
            "target": server,
            "clients": "dockyard-tls-client",
            "registry_users": [{"name": "alice", "password": password}],
            "registry_client_logins": [{"os_user": "root"}],
        }
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "playbooks/doctor.yml", "-e", json.dumps(given),
             "-i", request.config.option.ansible_inventory],
            cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "COLUMNS": "200", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")},
        )
        print(done.stdout[-4000:])
        assert PASSWORD not in done.stdout + done.stderr
        return done.returncode, " ".join(done.stdout.split())

    return run


@pytest.fixture(autouse=True)
def logged_in(host, server):
    assert host.run(f"echo '{CI}' | docker login --username ci --password-stdin {SERVERS[server]}").rc == 0


@contextlib.contextmanager
def served(on_server, *, subject="/CN=registry", names, begins="20260101000000Z", ends="20360101000000Z"):
    """Has the registry serve another certificate of the same CA until the block ends."""
    for command in (
        f"cp -p {ETC}/tls.pem /root/tls.pem",
        f"openssl req -new -key {ETC}/tls.pem -subj {subject} -addext subjectAltName={names} -out /root/x.csr",
        f"openssl x509 -req -in /root/x.csr -CA {CA}/ca.crt -CAkey {CA}/ca.key -copy_extensions copyall "
        f"-not_before {begins} -not_after {ends} -out /root/x.crt",
        f"sh -c 'openssl pkey -in /root/tls.pem >> /root/x.crt && cat /root/x.crt > {ETC}/tls.pem'",
        "docker restart registry",
    ):
        on_server.check_output(command)
    try:
        yield
    finally:
        on_server.check_output(f"sh -c 'cat /root/tls.pem > {ETC}/tls.pem && docker restart registry'")


def test_all_is_well(doctor):
    code, table = doctor()
    assert code == 0, table
    assert "FAIL" not in table
    assert "The certificate is for" in table
    assert "A small image came back as it went" in table


def test_a_wrong_password(doctor):
    code, table = doctor(password="wonderland for tests")
    assert code == 2
    assert "refuses the user" in table


def test_a_client_whose_password_has_changed(doctor, host, server):
    login = host.check_output("cat /root/.docker/config.json")
    wrong = json.loads(login)
    wrong["auths"][SERVERS[server]]["auth"] = "Y2k6d3Jvbmc="
    host.check_output(f"echo '{json.dumps(wrong)}' > /root/.docker/config.json")
    code, table = doctor()
    assert code == 2
    assert "the registry refuses the password" in table


def test_a_client_without_the_ca(doctor, host, server):
    folder = next(
        name for name in host.check_output("ls /etc/docker/certs.d").split() if name.startswith(server)
    )
    host.check_output(f"mv /etc/docker/certs.d/{folder}/ca.crt /root/ca.crt")
    try:
        code, table = doctor()
    finally:
        host.check_output(f"mv /root/ca.crt /etc/docker/certs.d/{folder}/ca.crt")
    assert code == 2
    assert "docker has no CA for a certificate" in table


def test_an_expired_certificate(doctor, on_server, server):
    with served(on_server, names=f"DNS:{server}", begins="20250101000000Z", ends="20250201000000Z"):
        code, table = doctor()
    assert code == 2
    assert "ended on 2025-02-01" in table


def test_a_certificate_for_another_name(doctor, on_server):
    with served(on_server, names="DNS:elsewhere.example.com"):
        code, table = doctor()
    assert code == 2
    assert "elsewhere.example.com" in table and "is not valid for" in table


def test_a_stopped_registry(doctor, on_server):
    on_server.check_output("docker stop registry")
    try:
        code, table = doctor()
    finally:
        on_server.check_output("docker start registry")
    assert code == 2
    assert "does not run" in table
