# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role registry_client on a real host with a real engine, against a real registry with TLS and users."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.dockyard.registry.plugins.modules.client_login import EXAMPLES

sys.path.insert(0, str(Path(__file__).parent))

from nodes import docker, node, play, run  # noqa: E402  # found only after the line above

ROOT = Path(__file__).resolve().parents[2]
CLIENT, SERVER = "dockyard-client-node", "dockyard-client-registry"
NAME = "registry.dockyard.test"
REGISTRY = f"{NAME}:5000"
LOGIN = {"os_user": "ci", "username": "ada", "password": "hunter2"}
AUTH = base64.b64encode(b"ada:hunter2").decode()


def certificate(folder, name, *, issuer=None, names=(), days=30):
    """Write NAME.crt and NAME.key; returns what signs the next one."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_name, issuer_key = issuer or (name, key)
    now = datetime.datetime.now(datetime.timezone.utc)
    start = now - datetime.timedelta(days=1 if days > 0 else 9)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names:
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    else:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        built = built.add_extension(usage, critical=True)
    (folder / f"{name}.crt").write_bytes(built.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return name, key


CONFIG = """\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}, delete: {enabled: true}}
http: {addr: ":5000", tls: {certificate: /etc/distribution/server.crt, key: /etc/distribution/server.key}}
auth: {htpasswd: {realm: test, path: /etc/distribution/htpasswd}}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    certificate(folder, "stranger")
    certificate(folder, "server", issuer=certificate(folder, "ca"), names=[NAME])
    hashed = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"ada:{hashed}\n")
    (folder / "config.yml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def address(files):
    """A registry with TLS and a user; yields its address."""
    if not docker("images", "-q", "registry:3").strip():
        docker("load", "-i", str(ROOT / ".cache/images/registry-3.tar"))
    subprocess.run(["docker", "rm", "-fv", SERVER], capture_output=True, timeout=60, check=False)
    docker("run", "-d", "--name", SERVER, "-e", "OTEL_TRACES_EXPORTER=none", "-v", f"{files}:/etc/distribution:ro",
           "registry:3", "serve", "/etc/distribution/config.yml")
    yield docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", SERVER).strip()
    docker("rm", "-fv", SERVER)


@pytest.fixture(scope="module")
def client():
    with node(CLIENT):
        run(CLIENT, "useradd", "-m", "ci")
        yield CLIENT


@pytest.fixture
def inventory(tmp_path, client):
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"all": {"children": {"registry_clients": {"hosts": {client: {
        "ansible_connection": "community.docker.docker", "ansible_become": False,
        "ansible_python_interpreter": "/usr/bin/python3"}}}}}}))
    return path


@pytest.fixture
def settings(files, address):
    return {
        "registry_client_registry": REGISTRY,
        "registry_client_address": address,
        "registry_client_ca_path": str(files / "ca.crt"),
        "registry_client_logins": [LOGIN],
        "registry_client_system_trust": True,
    }


def state(client):
    """All that the role may touch, as text."""
    script = (
        "grep -rs '' /etc/hosts /etc/docker/certs.d /etc/containers /etc/containerd /usr/local/share/ca-certificates"
        " /home/ci/.docker /root/.docker; ls -d /etc/ssl/certs/dockyard*"
    )
    return docker("exec", client, "sh", "-c", f"{script}; true")


def test_there_and_back(inventory, settings, client):
    before = state(client)
    checked = play("client", inventory, "--check", "--diff", **settings)
    assert checked.code == 0, checked.printed
    assert state(client) == before

    done = play("client", inventory, "--diff", **settings)
    assert done.code == 0, done.printed
    assert done.changed(client) > 0
    for secret in ("hunter2", AUTH):
        assert secret not in done.printed.replace(json.dumps(settings), "")

    again = play("client", inventory, **settings)
    assert (again.code, again.changed(client)) == (0, 0), again.printed
    assert play("client", inventory, "--check", **settings).changed(client) == 0
    # What is trusted already needs no CA to be given.
    trusted = {**settings, "registry_client_ca_path": "", "registry_client_system_trust": False}
    assert play("client", inventory, **trusted).changed(client) == 0

    # The proof of it all: the engine pushes and pulls as the user who was logged in, and others may not.
    docker("exec", client, "sh", "-c", "until docker info >/dev/null 2>&1; do sleep 0.2; done")
    archive = subprocess.Popen(["docker", "exec", "-i", client, "docker", "load"], stdin=subprocess.PIPE)
    archive.communicate((ROOT / ".cache/images/hello-world.tar").read_bytes(), timeout=60)
    run(client, "docker", "tag", "hello-world:latest", f"{REGISTRY}/hello:1")
    run(client, "usermod", "-aG", "docker", "ci")
    run(client, "runuser", "-u", "ci", "--", "docker", "push", f"{REGISTRY}/hello:1")
    refused = subprocess.run(
        ["docker", "exec", client, "docker", "push", f"{REGISTRY}/hello:2"], capture_output=True, timeout=60, check=False
    )
    assert refused.returncode
    assert run(client, "stat", "-c", "%U %a", "/home/ci/.docker/config.json").split() == ["ci", "600"]
    # The system trusts it, too.
    run(client, "curl", "-fsS", "-u", "ada:hunter2", f"https://{REGISTRY}/v2/")

    gone = play("client", inventory, **settings, registry_client_state="absent")
    assert gone.code == 0, gone.printed
    assert gone.changed(client) > 0
    left = state(client)
    assert left.replace('/home/ci/.docker/config.json:{\n/home/ci/.docker/config.json:\t"auths": {}\n'
                        "/home/ci/.docker/config.json:}\n", "") == before
    again = play("client", inventory, **settings, registry_client_state="absent")
    assert (again.code, again.changed(client)) == (0, 0), again.printed


def refused(inventory, client, *says, **variables):
    """The play fails with these words and nothing has changed."""
    before = state(client)
    done = play("client", inventory, **variables)
    assert done.code == 2, done.printed
    for text in says:
        assert text in done.printed, done.printed
    assert done.changed(client) == 0
    assert state(client) == before
    assert "hunter" not in done.printed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"registry_client_registry": "https://x"}, ["registry_client_registry is 'https://x'", "without https://"]),
        ({"registry_client_registry": "registry.dockyard.test:5001"}, ["nothing answers there", "refused"]),
        ({"registry_client_registry": "other.dockyard.test:5000"}, ["not valid for other.dockyard.test", NAME]),
        ({"registry_client_logins": [{**LOGIN, "os_user": "eve"}]}, ["there is no user 'eve'"]),
        ({"registry_client_address": "", "registry_client_logins": []}, ["nothing answers there", "not found"]),
        ({"registry_client_engines": ["rkt"]}, ["registry_client_engines is", "containerd"]),
    ],
)
def test_refusals(inventory, client, settings, change, says):
    refused(inventory, client, *says, **{**settings, **change})


def test_a_ca_that_did_not_sign_it(inventory, client, settings, files):
    stranger = {"registry_client_ca_path": str(files / "stranger.crt")}
    refused(inventory, client, "registry_client_ca did not sign it", "issued by CN=ca", NAME, **{**settings, **stranger})


def test_no_ca_at_all(inventory, client, settings):
    none = {"registry_client_ca_path": "", "registry_client_system_trust": False}
    refused(inventory, client, "docker did not sign it", "registry_client_ca", **{**settings, **none})


def test_a_private_key_for_a_ca(inventory, client, settings, files):
    refused(inventory, client, "holds a private key", **{**settings, "registry_client_ca_path": str(files / "ca.key")})


def test_a_file_that_is_no_json(inventory, client, settings):
    docker("exec", client, "runuser", "-u", "ci", "--", "sh", "-c",
           "mkdir -p ~/.docker && cp -p ~/.docker/config.json ~/.docker/kept; echo '{ no' > ~/.docker/config.json")
    try:
        refused(inventory, client, "/home/ci/.docker/config.json is not JSON", **settings)
    finally:
        docker("exec", client, "rm", "-r", "/home/ci/.docker")


def test_a_wrong_password(inventory, client, settings):
    done = play("client", inventory, **{**settings, "registry_client_logins": [{**LOGIN, "password": "hunter3"}]})
    assert done.code == 2
    assert f"the registry https://{REGISTRY} refuses the user 'ada'" in done.printed
    assert "hunter3" not in done.printed
    docker("exec", client, "sh", "-c", "! grep -rs auth /home/ci/.docker")
    assert play("client", inventory, **settings, registry_client_state="absent").code == 0


def test_a_line_of_somebody_else_in_etc_hosts(inventory, client, settings):
    docker("exec", client, "sh", "-c", f"echo 192.0.2.1 {NAME} >> /etc/hosts")
    try:
        refused(inventory, client, f"/etc/hosts of the host has {NAME} at 192.0.2.1", **settings)
    finally:
        docker("exec", client, "sh", "-c", "sed '/192.0.2.1/d' /etc/hosts > /tmp/h; cat /tmp/h > /etc/hosts")


def test_containerd(inventory, client, settings):
    """Asked for by name, in the folder that its configuration names, and never over a file of somebody else."""
    only = {**settings, "registry_client_engines": ["containerd"], "registry_client_logins": []}
    folder = "/etc/containerd/own.d"
    docker("exec", client, "sh", "-c", f"mkdir -p /etc/containerd; echo 'config_path = \"{folder}\"' > /etc/containerd/config.toml")
    try:
        assert play("client", inventory, **only).code == 0
        toml = run(client, "cat", f"{folder}/{REGISTRY}/hosts.toml")
        assert f'ca = "{folder}/{REGISTRY}/ca.crt"' in toml
        assert play("client", inventory, **only).changed(client) == 0
        run(client, "sh", "-c", f"echo mine > {folder}/{REGISTRY}/hosts.toml")
        refused(inventory, client, "was not written by this role", **only)
        assert play("client", inventory, **only, registry_client_state="absent").code == 0
        assert run(client, "cat", f"{folder}/{REGISTRY}/hosts.toml") == "mine\n"
    finally:
        docker("exec", client, "rm", "-r", "/etc/containerd")


@contextlib.contextmanager
def registry_of(client, name, folder, config):
    """Run a registry in the client's network until the block ends, so that it has the client's own addresses."""
    (folder / f"{name}.yml").write_text(config)
    subprocess.run(["docker", "rm", "-fv", name], capture_output=True, timeout=60, check=False)
    docker("run", "-d", "--name", name, "--network", f"container:{client}", "-e", "OTEL_TRACES_EXPORTER=none",
           "-v", f"{folder}:/etc/distribution:ro", "registry:3", "serve", f"/etc/distribution/{name}.yml")
    try:
        yield
    finally:
        docker("rm", "-fv", name)


def test_examples_of_client_login(inventory, client, address, tmp_path):
    """The module's EXAMPLES as they stand, where the users, the names and the folders are those that they speak of."""
    folder = tmp_path / "registries"
    folder.mkdir()
    certificate(folder, "server", issuer=certificate(folder, "ca"), names=["registry.example.com"])
    hashed = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"ci:{hashed}\nadmin:{hashed}\n")
    plain = CONFIG.replace('addr: ":5000", tls: {certificate: /etc/distribution/server.crt, key: /etc/distribution/server.key}',
                           'addr: "127.0.0.1:5000"')
    assert "tls" not in plain
    docker("exec", client, "sh", "-c", "echo 127.0.0.1 registry.example.com >> /etc/hosts; mkdir -p /etc/docker/certs.d/registry.example.com")
    docker("cp", str(folder / "ca.crt"), f"{client}:/etc/docker/certs.d/registry.example.com/ca.crt")
    book = tmp_path / "play.yml"
    book.write_text(yaml.safe_dump([{
        "hosts": client, "gather_facts": False, "vars": {"registry_password": "hunter2"}, "tasks": yaml.safe_load(EXAMPLES),
    }]))
    try:
        with (
            registry_of(client, "dockyard-client-tls", folder, CONFIG.replace(":5000", ":443")),
            registry_of(client, "dockyard-client-plain", folder, plain),
        ):
            done = play(str(book.with_suffix("")), inventory, "-vv")
        assert done.code == 0, done.printed
        assert done.changed(client) == 3, done.printed
        assert "hunter2" not in done.printed
        ci = json.loads(run(client, "cat", "/home/ci/.docker/config.json"))
        assert ci["auths"] == {"registry.example.com": {"auth": base64.b64encode(b"ci:hunter2").decode()}}
        for name in ("/root/.docker/config.json", "/root/.config/containers/auth.json"):
            assert json.loads(run(client, "cat", name))["auths"] == {}
    finally:
        docker("exec", client, "sh", "-c", "rm -r /etc/docker/certs.d/registry.example.com /home/ci/.docker /root/.docker"
               " /root/.config; sed '/registry.example.com/d' /etc/hosts > /tmp/h; cat /tmp/h > /etc/hosts")
