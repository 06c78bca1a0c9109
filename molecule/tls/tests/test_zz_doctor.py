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
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import testinfra.utils.ansible_runner

ROOT = Path(__file__).resolve().parents[3]
SERVERS = {"dockyard-tls-3": "dockyard-tls-3:5000", "dockyard-tls-2": "dockyard-tls-2:443"}
PASSWORD = "looking glass for tests"
CI = "pulls all day"
CLIENT = "dockyard-tls-client"
IMAGES = {"dockyard-tls-3": "/var/lib/dockyard/registry", "dockyard-tls-2": "/var/lib/docker/volumes/registry-data/_data"}
ETC = "/etc/dockyard/registry/etc"
CA = "/etc/dockyard/registry/secrets/ca"

testinfra_hosts = ["ansible://registry_clients"]

# What a machine lacks, or a client, is the same whichever release runs there.
ONE = pytest.mark.parametrize("server", ["dockyard-tls-3"], indirect=True)


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


@pytest.fixture
def on_server(server, request):
    return testinfra.utils.ansible_runner.AnsibleRunner(request.config.option.ansible_inventory).get_host(server)


class Seen(t.NamedTuple):
    """What the playbook said: its exit code, all of it with white space folded, and host and subject of its red lines, sorted."""

    code: int
    text: str
    red: list[tuple[str, str]]


@pytest.fixture
def doctor(server, request):
    """Returns what runs the playbook."""

    def run(*arguments, password=PASSWORD, **variables):
        given = {
            "target": server,
            "clients": CLIENT,
            "registry_users": [{"name": "alice", "password": password}],
            "registry_client_logins": [{"os_user": "root"}],
            **variables,
        }
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "playbooks/doctor.yml", "-e", json.dumps(given),
             "-i", request.config.option.ansible_inventory, *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "COLUMNS": "200", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1",
                 "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")},
        )
        print(done.stdout[-4000:])
        assert password not in done.stdout + done.stderr
        assert "changed=1" not in done.stdout
        red = re.findall(r"^FAIL  (\S+) +(\S.*?)  ", done.stdout, re.MULTILINE)
        return Seen(done.returncode, " ".join(done.stdout.split()), sorted(red))

    return run


@pytest.fixture(autouse=True)
def logged_in(host, server):
    # What the test before broke was put right, which does not mean that it answers at once.
    host.check_output(f"timeout 30 sh -c 'until curl -sk -o /dev/null https://{SERVERS[server]}/v2/; do sleep 0.2; done'")
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


@contextlib.contextmanager
def undone(host, *commands):
    """Runs commands when the block ends, however it ends."""
    try:
        yield
    finally:
        for command in commands:
            host.check_output(command)


def mount_options(on_server, folder):
    """Options of a file system that belongs to whom the folder does."""
    return "mode=750,uid={},gid={}".format(*on_server.check_output(f"stat -c '%u %g' {folder}").split())


@contextlib.contextmanager
def another_disk(on_server, folder, size):
    """Has the registry keep its images on a small disk until the block ends."""
    on_server.check_output(f"mount -t tmpfs -o size={size},{mount_options(on_server, folder)} tmpfs {folder}")
    with undone(on_server, f"umount -l {folder}", "docker restart registry"):
        on_server.check_output("docker restart registry")
        yield


def test_all_is_well(doctor):
    seen = doctor()
    assert (seen.code, seen.red) == (0, []), seen.text
    assert "The certificate is for" in seen.text
    assert "A small image came back as it went" in seen.text


def test_a_wrong_password(doctor, server):
    seen = doctor(password="wonderland for tests")
    assert (seen.code, seen.red) == (2, [(server, "login")])
    assert "The registry refuses the user 'alice'" in seen.text
    assert "write the users again" in seen.text


@ONE
def test_a_client_whose_password_has_changed(doctor, host, server):
    login = host.check_output("cat /root/.docker/config.json")
    wrong = json.loads(login)
    wrong["auths"][SERVERS[server]]["auth"] = "Y2k6d3Jvbmc="
    host.check_output(f"echo '{json.dumps(wrong)}' > /root/.docker/config.json")
    seen = doctor()
    assert (seen.code, seen.red) == (2, [(CLIENT, "login")])
    assert "the registry refuses the password" in seen.text


@ONE
def test_a_client_without_the_ca(doctor, host, server):
    folder = next(name for name in host.check_output("ls /etc/docker/certs.d").split() if name.startswith(server))
    with undone(host, f"mv /root/ca.crt /etc/docker/certs.d/{folder}/ca.crt"):
        host.check_output(f"mv /etc/docker/certs.d/{folder}/ca.crt /root/ca.crt")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(CLIENT, "trust")])
    assert "docker has no CA for a certificate" in seen.text


def test_an_expired_certificate(doctor, on_server, server):
    with served(on_server, names=f"DNS:{server}", begins="20250101000000Z", ends="20250201000000Z"):
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "certificate"), (CLIENT, "certificate")])
    assert "ended on 2025-02-01" in seen.text


@ONE
def test_a_certificate_for_another_name(doctor, on_server, server):
    with served(on_server, names="DNS:elsewhere.example.com"):
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "certificate"), (CLIENT, "trust")])
    assert f"The certificate is valid for elsewhere.example.com, and not for {server}" in seen.text


def test_a_stopped_registry(doctor, on_server, server):
    with undone(on_server, "docker start registry"):
        on_server.check_output("docker stop registry")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "container"), (CLIENT, "answer")])
    assert "does not run" in seen.text
    assert "`docker start registry`" in seen.text


@ONE
def test_a_stopped_engine(doctor, on_server, server):
    ready = "sh -c 'until docker exec registry true; do sleep 0.2; done'"
    with undone(on_server, "systemctl start docker", ready):
        on_server.check_output("systemctl stop docker.socket docker")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "engine"), (CLIENT, "answer")])
    assert "Start the engine; the registry comes with it" in seen.text


@ONE
def test_a_port_taken_by_another(doctor, on_server, server):
    port = SERVERS[server].partition(":")[2]
    with undone(on_server, "systemctl stop taker", "docker start registry"):
        on_server.check_output("docker stop registry")
        on_server.check_output(f"systemd-run --unit taker --collect python3 -m http.server {port}")
        on_server.check_output(f"sh -c 'until ss -Hltn sport = :{port} | grep -q .; do sleep 0.1; done'")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "container"), (server, "port"), (CLIENT, "answer")])
    assert f"0.0.0.0:{port} is taken by python3 (pid " in seen.text


@ONE
def test_a_disk_that_is_nearly_full(doctor, on_server, server):
    with another_disk(on_server, IMAGES[server], "50m"):
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "disk")])
    assert "of 50.0 MiB are free where the images are" in seen.text


@ONE
def test_a_disk_that_is_read_only(doctor, on_server, server):
    with another_disk(on_server, IMAGES[server], "200m"), undone(on_server, f"mount -o remount,rw {IMAGES[server]}"):
        on_server.check_output(f"mount -o remount,ro {IMAGES[server]}")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "push, pull"), (server, "storage")])
    assert "is read-only: nobody can push" in seen.text


def test_a_disk_that_is_not_mounted(doctor, on_server, server):
    """The remedy in the table mends it."""
    folder = IMAGES[server]
    line = f"tmpfs {folder} tmpfs size=200m,{mount_options(on_server, folder)} 0 0"
    with undone(on_server, "cp -p /root/fstab /etc/fstab", "docker restart registry"):
        on_server.check_output(f"sh -c 'touch /etc/fstab && cp -p /etc/fstab /root/fstab && echo {line} >> /etc/fstab'")
        seen = doctor()
        assert (seen.code, seen.red) == (2, [(server, "storage")])
        assert f"Nothing is mounted at {folder}, though /etc/fstab has it" in seen.text
        assert f"`mount {folder}`, then `docker restart registry`" in seen.text
        with undone(on_server, f"umount -l {folder}"):
            on_server.check_output(f"sh -c 'mount {folder} && docker restart registry'")
            assert doctor().red == []


@ONE
def test_a_name_that_does_not_resolve(doctor, host):
    with undone(host, "sh -c 'cat /root/resolv.conf > /etc/resolv.conf'"):
        host.check_output("sh -c 'cp /etc/resolv.conf /root && echo nameserver 127.0.0.9 > /etc/resolv.conf'")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(CLIENT, "name")])
    assert "leads nowhere from here" in seen.text


@ONE
def test_an_image_tagged_for_another_registry(doctor, host, server):
    """One that somebody means to push is a fault; one that is there and nearly right is to be looked at."""
    image, near = f"{SERVERS[server]}/library/hello-world:latest", f"{server}:5999/team/hello:1"
    with undone(host, f"docker rmi {near}", f"docker rmi {image}"):
        host.check_output(f"docker pull {image}")
        host.check_output(f"docker tag {image} {near}")
        seen = doctor(registry_doctor_images=[image, "team/hello:1"])
    assert (seen.code, seen.red) == (2, [(CLIENT, "image")])
    assert f"The image team/hello:1 is named for Docker Hub, and goes there, not to {SERVERS[server]}" in seen.text
    assert f"warn {CLIENT} image The image {near} is named for {server}:5999, not for {SERVERS[server]}" in seen.text


def test_an_http_answer_to_an_https_client(doctor, on_server, server):
    with undone(on_server, f"sh -c 'cat /root/config.yml > {ETC}/config.yml'", "docker restart registry"):
        on_server.check_output(f"cp -p {ETC}/config.yml /root/config.yml")
        on_server.check_output(f"sed -i '/^  tls:/,/^    minimumtls:/d' {ETC}/config.yml")
        on_server.check_output("docker restart registry")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "answer"), (CLIENT, "answer")])
    assert "The registry speaks plain HTTP, and TLS is asked for (registry_tls)" in seen.text
    assert f"{SERVERS[server]} gives an HTTP answer to an HTTPS client" in seen.text


@ONE
def test_a_clock_that_is_off(doctor, host, tmp_path):
    """All containers of a machine have its one clock, so the client's Python is told of another."""
    host.check_output("mkdir -p /srv/late")
    host.check_output(
        "echo 'import time; now = time.time; time.time = lambda: now() + 7200' > /srv/late/sitecustomize.py"
    )
    host.check_output("printf '#!/bin/sh\\nPYTHONPATH=/srv/late exec /usr/bin/python3 \"$@\"\\n' > /srv/late/python3")
    host.check_output("chmod 755 /srv/late/python3")
    late = tmp_path / "late.yml"
    late.write_text(json.dumps({"all": {"hosts": {CLIENT: {"ansible_python_interpreter": "/srv/late/python3"}}}}))
    seen = doctor("-i", str(late))
    assert (seen.code, seen.red) == (2, [(CLIENT, "clock")])
    assert "The clock is 2 hours ahead of that of the registry's host and that of the controller" in seen.text


@ONE
def test_a_registry_without_memory(doctor, on_server, server):
    """The last one, for the engine remembers for a day that the kernel ended it."""
    with undone(on_server, "docker update --restart unless-stopped --memory 1g --memory-swap 1g registry", "docker start registry"):
        on_server.check_output("docker update --restart no --memory 64m --memory-swap 64m registry")
        # The shell takes the memory; the kernel is told to take the registry for it.
        on_server.check_output("sh -c 'echo 1000 > /proc/$(docker inspect -f {{.State.Pid}} registry)/oom_score_adj'")
        on_server.run("docker exec registry sh -c 'a=0123456789; while :; do a=$a$a; done'")
        seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "container"), (CLIENT, "answer")])
    assert "was ended for lack of memory" in seen.text
    assert "Raise registry_memory (it is 64.0 MiB)" in seen.text
    # It runs again, and the table still tells of it.
    seen = doctor()
    assert (seen.code, seen.red) == (2, [(server, "memory")])
    # The engine may tell of one such end more than once.
    assert re.search("The registry was ended for lack of memory (once|[0-9]+ times) in a day", seen.text)
