# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle made here, and a registry made of it on a host without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nodes import ROOT, docker, node, play, run  # noqa: E402  # found only after the line above

HOST = "bundle-node"
IMAGES = ROOT / ".cache" / "images"
OWN = [
    {"name": "library/registry:3", "source": f"oci-archive:{IMAGES}/registry-3.tar:3"},
    {"name": "library/nginx:latest", "source": f"oci-archive:{IMAGES}/nginx.tar:latest"},
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle of what the collection runs and one image more, of which the list is a file."""
    folder = tmp_path_factory.mktemp("bundle")
    listed = folder / "images.yml"
    listed.write_text(f"- name: team/hello:1\n  source: oci-archive:{IMAGES}/hello-world.tar:latest\n")
    inventory = folder / "hosts"
    inventory.write_text(f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    path = folder / "site.tar"
    settings = {"bundle_dest": str(path), "bundle_own": OWN, "bundle_file": str(listed)}
    checked = play("bundle", inventory, "--check", "--diff", timeout=1200, **settings)
    assert checked.code == 0, checked.printed
    assert not path.exists()
    made = play("bundle", inventory, timeout=1200, **settings)
    assert (made.code, made.changed("localhost")) == (0, 1), made.printed
    before = path.read_bytes()
    assert play("bundle", inventory, timeout=1200, **settings).changed("localhost") == 0
    path.unlink()
    assert play("bundle", inventory, timeout=1200, **settings).changed("localhost") == 1
    assert path.read_bytes() == before
    return path


@pytest.fixture(scope="module")
def host():
    """A host that has an engine, and no network but loopback."""
    with node(HOST, "--network", "none"):
        deadline = time.monotonic() + 60
        while subprocess.run(["docker", "exec", HOST, "docker", "info"], capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, run(HOST, "journalctl", "--no-pager", "-u", "docker", "-n", "30")
            time.sleep(0.5)
        assert run(HOST, "ls", "/sys/class/net").split() == ["docker0", "lo"]
        yield HOST


@pytest.fixture
def inventory(tmp_path, host):
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"all": {"children": {"registry": {"hosts": {host: {
        "ansible_connection": "community.docker.docker", "ansible_become": False,
        "ansible_python_interpreter": "/usr/bin/python3"}}}}}}))
    return path


def standalone(inventory, *arguments, **variables):
    """The playbook, with the patience that a busy machine takes."""
    return play("standalone", inventory, *arguments, timeout=1200, **variables)


def nothing_there(host):
    """No container, no image, no file of the registry."""
    there = "docker ps -aq; docker images -q; ls /etc/dockyard /var/lib/dockyard 2>/dev/null; true"
    return run(host, "sh", "-c", there).strip() == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: raw[: len(raw) // 2], "ends in the middle of blobs/sha256/"),
        (lambda raw: raw[:-700], "has no end mark"),
        (lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :], "has the digest"),
        (lambda raw: raw.replace(b"library/nginx:latest", b"library/nginx:newest"), "index.json has another digest"),
        (lambda raw: b"", "empty file"),
    ],
)
def test_a_damaged_bundle_changes_nothing(inventory, host, bundle, tmp_path, change, told):
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(change(bundle.read_bytes()))
    refused = standalone(inventory, registry_bundle=str(damaged))
    assert refused.code == 2 and f"registry_bundle is '{damaged}'" in refused.printed, refused.printed
    assert told in refused.printed, refused.printed
    assert nothing_there(host)


def test_a_bundle_without_the_registry_changes_nothing(inventory, host, bundle):
    refused = standalone(inventory, registry_bundle=str(bundle), registry_image="registry:2")
    assert refused.code == 2 and "holds docker.io/library/nginx:latest, docker.io/library/registry:3" in refused.printed
    missing = standalone(inventory, registry_bundle="/nowhere/x.tar")
    assert missing.code == 2 and "looked for on the host and then on the controller" in missing.printed
    assert nothing_there(host)


def test_a_registry_out_of_the_bundle(inventory, host, bundle):
    checked = standalone(inventory, "--check", "--diff", registry_bundle=str(bundle))
    assert checked.code == 0, checked.printed
    assert nothing_there(host)

    done = standalone(inventory, registry_bundle=str(bundle))
    assert done.code == 0, done.printed
    script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:5000/v2/_catalog').read().decode())"
    repositories = set(json.loads(run(host, "python3", "-c", script))["repositories"])
    # The repository of the proving push stays known.
    assert repositories - {"dockyard/probe"} == {"library/nginx", "library/registry", "team/hello"}
    run(host, "docker", "pull", "-q", "127.0.0.1:5000/team/hello:1")
    assert "Hello from Docker" in run(host, "docker", "run", "--rm", "--network", "none", "127.0.0.1:5000/team/hello:1")

    again = standalone(inventory, registry_bundle=str(bundle))
    assert (again.code, again.changed(host)) == (0, 0), again.printed
    # One that lies on the host is taken there.
    here = standalone(inventory, registry_bundle=f"/var/lib/dockyard/bundles/{bundle.name}")
    assert (here.code, here.changed(host)) == (0, 0), here.printed


def test_docker_load_takes_it(host, bundle):
    """Of this engine, which is newer than 25 and has a graph driver."""
    docker("cp", str(bundle), f"{host}:/root/bundle.tar")
    loaded = run(host, "docker", "load", "-i", "/root/bundle.tar")
    for name in ("nginx:latest", "registry:3", "team/hello:1"):
        assert f"Loaded image: {name}" in loaded
