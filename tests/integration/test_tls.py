# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry with TLS in real plays on this machine: certificates that are brought, users, and the day after."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.dockyard.registry.tests.unit.plugins.plugin_utils.authority import make

ROOT = Path(__file__).resolve().parents[2]
NAME = "dockyard-tls-test"
NOW = datetime.datetime.now(datetime.timezone.utc)
NAMES = ("localhost", "127.0.0.1")
CA = make("Test Root", now=NOW)
SERVER = make("server", CA, names=NAMES, now=NOW)
BIN = Path(sys.executable).parent


class Site:
    """A registry of its own on this machine, and the plays that care for it."""

    def __init__(self, folder, image, archive):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.variables = {
            "registry_name": NAME,
            "registry_port": self.port,
            "registry_data_dir": str(folder / "data"),
            "registry_config_dir": str(folder / "config"),
            "registry_image": image,
            "registry_image_archive": str(ROOT / ".cache" / "images" / archive),
            "registry_host_names": list(NAMES),
            "registry_bcrypt_cost": 4,
        }

    def play(self, playbook, *arguments, **variables):
        """Run a playbook; returns the exit code and all that was printed."""
        done = subprocess.run(
            [BIN / "ansible-playbook", f"playbooks/{playbook}.yml", "-e", json.dumps({**self.variables, **variables}), *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=600, check=False, env={**os.environ, "COLUMNS": "200"},
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def good(self, playbook, *arguments, changed=None, **variables):
        code, printed = self.play(playbook, *arguments, **variables)
        assert code == 0, printed
        if changed is not None:
            assert f"changed={changed} " in printed, printed
        return printed

    def refused(self, playbook, *says, **variables):
        before = sorted(self.folder.rglob("*"))
        code, printed = self.play(playbook, **variables)
        assert code == 2, printed
        for text in says:
            assert text in printed, printed
        assert "changed=0 " in printed, printed
        assert sorted(self.folder.rglob("*")) == before
        return printed

    def status(self, user, password):
        """What the registry answers to a login, by its name and over its own CA."""
        login = b64encode(f"{user}:{password}".encode()).decode()
        request = urllib.request.Request(f"https://localhost:{self.port}/v2/", headers={"Authorization": f"Basic {login}"})
        trust = ssl.create_default_context(cafile=str(self.folder / "config" / "ca.crt"))
        try:
            with urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
            ).open(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def container(self, form="{{.Id}} {{.State.StartedAt}}"):
        done = subprocess.run(["docker", "inspect", "-f", form, NAME], capture_output=True, text=True, timeout=30, check=False)
        return done.stdout.strip()


@pytest.fixture(params=[3])
def site(tmp_path, request):
    """A site whose registry is removed in the end, with this machine's trust in it."""
    made = Site(tmp_path, f"registry:{request.param}", f"registry-{request.param}.tar")
    yield made
    subprocess.run(["docker", "rm", "-f", NAME], capture_output=True, timeout=60, check=True)
    shutil.rmtree(f"/etc/docker/certs.d/localhost:{made.port}", ignore_errors=True)


def brought(folder, certificate=SERVER.pem, key=SERVER.key_pem(), ca=CA.pem, mode=0o600):
    """Write the files, and return the variables that name them."""
    files = {"registry_tls_certificate": certificate, "registry_tls_key": key, "registry_tls_ca": ca}
    out = {"registry_tls": "files"}
    home = folder / "brought"
    home.mkdir(exist_ok=True)
    for variable, content in files.items():
        path = home / variable
        if content is not None:
            path.write_bytes(content)
            path.chmod(mode if "key" in variable else 0o644)
        out[variable] = str(path)
    return out


MIDDLE = make("Issuing", CA, now=NOW)
CHAINED = make("chained", MIDDLE, names=NAMES, now=NOW)
OWN_CA = {"registry_tls": "own_ca", "registry_host_names": ["localhost"]}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"key": CHAINED.key_pem()}, ["registry_tls_key is", "does not belong to the certificate"]),
        ({"mode": 0o644}, ["registry_tls_key is", "every user of the controller may read", "chmod 600"]),
        ({"ca": None}, ["registry_tls_ca is", "no such file on the controller"]),
    ],
    ids=["another key", "readable", "no CA"],
)
def test_refused_files(site, files, says):
    site.refused("standalone", *says, **brought(site.folder, **files))


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"registry_address": "0.0.0.0", **OWN_CA}, ["registry_address is '0.0.0.0'", "registry_users is empty", "[{name: alice}]"]),
        ({**OWN_CA, "registry_host_names": ["https://localhost", "localhost:5000", "localhost/team"]},
         ["registry_host_names[0] is 'https://localhost'", "a scheme", "registry_host_names[1] is 'localhost:5000'", "a port",
          "registry_host_names[2] is 'localhost/team'", "a path"]),
        ({**OWN_CA, "registry_host_names": ["no.such.invalid", "192.0.2.1"]},
         ["cannot resolve", "registry_check_names", "registry_host_names has '192.0.2.1', which leads to 192.0.2.1 and not to 127.0.0.1",
          "registry_check_names: false"]),
        ({"registry_anonymous_pull": True}, ["registry_anonymous_pull is true", "registry_anonymous_pull: false"]),
    ],
)
def test_refused_settings(site, variables, says):
    site.refused("standalone", *says, **variables)


def vault(site, name, content):
    """Encrypt a file; returns the arguments by which a play can read it."""
    password = site.folder / "vault-password"
    password.write_text("for this test")
    (site.folder / name).write_text(content)
    arguments = ["--vault-password-file", str(password)]
    subprocess.run([BIN / "ansible-vault", "encrypt", *arguments, str(site.folder / name)], check=True, timeout=60, cwd=ROOT,
                   capture_output=True)
    return arguments


def test_users_and_key_from_a_vault(site):
    arguments = vault(site, "secrets.yml", 'registry_users: [{name: alice, password: "out of the vault"}]\n')
    files = brought(site.folder)
    vault(site, "brought/registry_tls_key", SERVER.key_pem().decode())
    (site.folder / "brought" / "registry_tls_key").chmod(0o644)
    printed = site.good("standalone", *arguments, "-e", f"@{site.folder}/secrets.yml", "--diff", "-vvv", **files)
    assert "out of the vault" not in printed
    assert SERVER.key_pem().decode().splitlines()[1] not in printed
    assert site.status("alice", "out of the vault") == 200
    assert site.status("alice", "wrong") == 401
    site.good("standalone", *arguments, "-e", f"@{site.folder}/secrets.yml", changed=0, **files)


def served(site):
    pem = ssl.get_server_certificate(("127.0.0.1", site.port))
    return pem.replace("\n", "")


def test_another_certificate_is_brought(site):
    site.good("standalone", **brought(site.folder))
    other = make("other", CA, names=NAMES, now=NOW)
    files = brought(site.folder, certificate=other.pem, key=other.key_pem())
    printed = site.good("certificates", "--check", **files)
    assert "The certificate is new" in printed
    assert served(site) == SERVER.pem.decode().replace("\n", "")
    printed = site.good("certificates", changed=2, **files)
    assert "localhost, 127.0.0.1: valid until" in printed
    assert served(site) == other.pem.decode().replace("\n", "")
    assert other.key_pem().decode() in (site.folder / "config" / "etc" / "tls.pem").read_text()


@contextlib.contextmanager
def holds(site):
    """Collects the rules of the host's packet filter that hold connections to the registry meanwhile."""
    found, ended = set(), threading.Event()

    def look():
        while not ended.wait(0.02):
            rules = subprocess.run(
                ["iptables", "--table", "raw", "--list-rules", "PREROUTING"], capture_output=True, text=True, timeout=30, check=True
            ).stdout
            found.update(rule for rule in rules.splitlines() if "dockyard-hold" in rule and f"--dport {site.port} " in rule)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield found
    finally:
        ended.set()
        watch.join()


def test_the_day_after(site, tmp_path):
    """Users, certificates, stop, start and remove, each as it would be, as it is, and once more, when nothing is left to do."""
    settings = {"registry_tls": "own_ca", "registry_users": [{"name": "alice", "password": "first"}, {"name": "ci"}]}
    site.good("standalone", **settings)
    generated = (tmp_path / "config" / "secrets" / "users" / "ci").read_text()
    assert (site.status("alice", "first"), site.status("ci", generated)) == (200, 200)

    before = site.container()
    settings["registry_users"] = [{"name": "alice", "password": "second"}, {"name": "bob", "password": "third"}]
    site.good("users", "--check", changed=1, **settings)
    assert site.status("alice", "first") == 200
    printed = site.good("users", "--diff", changed=1, **settings)
    assert "added bob" in printed
    assert "removed ci" in printed
    assert "second" not in printed
    assert [site.status(*login) for login in
            (("alice", "first"), ("alice", "second"), ("bob", "third"), ("ci", generated))] == [401, 200, 200, 401]
    site.good("users", changed=0, **settings)
    assert site.container() == before
    site.refused("users", "registry_users is empty", "playbook standalone", **{**settings, "registry_users": []})

    ca, old = (tmp_path / "config" / "ca.crt").read_bytes(), served(site)
    soon = {**settings, "registry_tls_days": 500, "registry_tls_renew_days": 400}
    with holds(site) as held:
        site.good("certificates", "--check", changed=3, **soon)
        assert (served(site), held) == (old, set())
        printed = site.good("certificates", changed=3, **soon)
    assert "valid until" in printed
    assert "499 days" in printed
    new = served(site)
    assert new != old
    assert (tmp_path / "config" / "ca.crt").read_bytes() == ca
    assert site.status("bob", "third") == 200
    assert len(held) == 1
    site.good("certificates", changed=0, **soon)
    # Once more, and nobody touches the packet filter.
    later = {**settings, "registry_tls_days": 600, "registry_tls_renew_days": 550}
    with holds(site) as held:
        site.good("certificates", changed=3, registry_standalone_hold_connections=False, **later)
    assert served(site) not in (old, new)
    assert held == set()

    def running():
        return site.container("{{.State.Running}}")

    site.good("stop", "--check", changed=1, **later)
    assert running() == "true"
    site.good("stop", changed=1, **later)
    assert running() == "false"
    site.good("stop", changed=0, **later)
    site.good("start", "--check", changed=1, **later)
    assert running() == "false"
    site.good("start", changed=1, **later)
    assert site.status("bob", "third") == 200
    site.good("remove", "--check", **later)
    assert running() == "true"
    printed = site.good("remove", **later)
    assert site.container() == ""
    assert "images are kept" in printed
    assert (tmp_path / "data" / "docker").is_dir()
    assert not Path(f"/etc/docker/certs.d/localhost:{site.port}").exists()
    site.good("remove", changed=0, **later)
    site.good("remove", "--check", registry_remove_data=True, **later)
    assert (tmp_path / "data" / "docker").is_dir()
    site.good("remove", registry_remove_data=True, **later)
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "config").exists()


def test_a_full_pair_in_one_file(site):
    """Go reads the certificate and the key out of the same file (crypto/tls, LoadX509KeyPair), which is replaced in one step."""
    site.good("standalone", **brought(site.folder, certificate=CHAINED.pem + MIDDLE.pem, key=CHAINED.key_pem()))
    pair = (site.folder / "config" / "etc" / "tls.pem").read_bytes()
    assert serialization.load_pem_private_key(pair[pair.index(b"-----BEGIN PRIVATE"):], None)
    trust = ssl.create_default_context(cadata=CA.pem.decode())
    with socket.create_connection(("127.0.0.1", site.port), 10) as plain, trust.wrap_socket(plain, server_hostname="localhost"):
        pass
