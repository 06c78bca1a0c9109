# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks swarm and remove on a host with an engine and nothing else, whose kernel has no routing mesh."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from nodes import ROOT, docker, node, play, run  # noqa: E402  # found only after the line above

HOST = "dockyard-swarm-node"
NAME = "registry.dockyard.test"
REGISTRY = f"{NAME}:5000"
IMAGES = ROOT / ".cache" / "images"
PLAY_SECONDS = 1200
WEB = {"name": "web", "image": "nginx", "tag": "latest", "replicas": 2, "publish": [{"published_port": 80, "target_port": 80}]}
OLD = {"registry_image": "registry:2", "registry_image_archive": str(IMAGES / "registry-2.tar")}
SETTINGS = {
    "registry_image_archive": str(IMAGES / "registry-3.tar"),
    "registry_tls": "own_ca",
    "registry_host_names": [NAME],
    "registry_swarm_address": "127.0.0.1",
    "registry_users": [{"name": "ada"}],
    "registry_seed_images": [{"name": "nginx:latest", "source": "oci-archive:/srv/nginx.tar:nginx:latest"}],
    "swarm_rollout_workloads": [WEB],
    "swarm_cluster_labels": {"disk": "ssd", "fast": True},
}


@pytest.fixture(scope="module", autouse=True)
def _swarm():
    """Instead of the Swarm that the other tests of this folder share: a host without one."""
    with node(HOST, "--add-host", "registry-1.docker.io:127.0.0.1", "--hostname", HOST):
        end = time.monotonic() + 90
        while subprocess.run(["docker", "exec", HOST, "docker", "info"], capture_output=True, timeout=60, check=False).returncode:
            assert time.monotonic() < end, "the engine of the node does not start"
            time.sleep(0.5)
        docker("cp", str(IMAGES / "nginx.tar"), f"{HOST}:/srv/nginx.tar")
        docker("cp", str(IMAGES / "hello-world.tar"), f"{HOST}:/srv/hello-world.tar")
        yield


@pytest.fixture
def inventory(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "community.docker.docker", "ansible_become": False,
                 "ansible_python_interpreter": "/usr/bin/python3"},
        "children": {"swarm_managers": {"hosts": {HOST: {}}}}}}))
    return path


def state():
    """All that the playbook may touch, as text."""
    script = ("docker info -f '{{.Swarm.LocalNodeState}}'; docker images -q; docker ps -aq; ls /etc/dockyard /var/lib/dockyard"
              " /etc/docker/certs.d; cat /etc/hosts /root/.docker/config.json; true")
    return docker("exec", HOST, "sh", "-c", script)


def secrets():
    """The names of the Swarm's secrets."""
    return set(run(HOST, "docker", "secret", "ls", "--format", "{{.Name}}").split())


def all_bound():
    """The secrets that the service has."""
    return set(run(HOST, "docker", "service", "inspect", "registry", "-f",
                   "{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.SecretName}} {{end}}").split())


def bound(part):
    """The secret that the service has for a part of its configuration."""
    return next(name for name in all_bound() if f"-{part}-" in name)


def log_in(user, password):
    """Whether the engine's client can log in with a password."""
    done = subprocess.run(["docker", "exec", "-i", HOST, "docker", "login", REGISTRY, "-u", user, "--password-stdin"],
                          input=password, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0


def runs(inventory, *arguments, **changes):
    return play("swarm", inventory, *arguments, timeout=PLAY_SECONDS, **{**SETTINGS, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"registry_swarm_replicas": 2, "registry_swarm_update_order": "start-first", "registry_name": "a" * 43,
          "registry_swarm_publish_mode": "ingress", "registry_swarm_node": "elsewhere"},
         ["registry_swarm_replicas is 2", "registry_swarm_update_order is 'start-first'", "65 characters",
          "registry_swarm_publish_mode is 'ingress'", "needs IPVS", "registry_swarm_node is 'elsewhere'"]),
        ({"registry_users": [], "registry_swarm_storage_label": "images"},
         ["registry_users is empty", "registry_swarm_storage_label is 'images', and no node has it"]),
        ({"swarm_cluster_labels": {"a/b": 1}}, ["swarm_cluster_labels", "'a/b'"]),
        ({"swarm_rollout_workloads": [{"name": "w" * 64, "image": "nginx"}]}, ["the service's name is 'www", "64 characters"]),
        ({"swarm_rollout_workloads": [{**WEB, "replicas": 1, "update": {"order": "start-first"}}]},
         ["web: update.order is 'start-first', and without IPVS in all kernels port 80"]),
    ],
)
def test_refused_before_any_change(inventory, changes, says):
    before = state()
    done = runs(inventory, **changes)
    assert done.code == 2, done.printed
    assert all(text in done.printed for text in says), done.printed
    assert done.changed(HOST) == 0
    assert state() == before


def test_a_port_that_is_taken(inventory):
    taken = subprocess.Popen(["docker", "exec", HOST, "timeout", "200", "python3", "-m", "http.server", "5000"])
    try:
        end = time.monotonic() + 30
        while subprocess.run(["docker", "exec", HOST, "curl", "-s", "127.0.0.1:5000"], capture_output=True, check=False).returncode:
            assert time.monotonic() < end
        done = runs(inventory)
        assert done.code == 2
        assert "registry_port is 5000" in done.printed
        assert "python3 (process" in done.printed, done.printed
    finally:
        docker("exec", HOST, "pkill", "-f", "http.server")
        taken.wait(60)


def test_from_a_bare_host_and_on(inventory):
    before = state()
    checked = runs(inventory, "--check", "--diff", **OLD)
    assert checked.code == 0, checked.printed
    assert checked.changed(HOST) > 0
    assert state() == before

    done = runs(inventory, "--diff", **OLD)
    assert done.code == 0, done.printed
    assert "SWMTKN" not in done.printed
    assert "published on the port of" in done.printed
    assert f"registry {REGISTRY}" in done.printed
    password = run(HOST, "cat", "/etc/dockyard/registry/secrets/users/ada").strip()
    assert password not in done.printed
    assert run(HOST, "docker", "service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()[0] == "registry 1/1"
    assert "disk:ssd" in run(HOST, "docker", "node", "inspect", "self", "-f", "{{.Spec.Labels}}")
    assert all("dockyard" not in run(HOST, "docker", "secret", "inspect", name, "-f", "{{.Spec.Data}}") for name in secrets())

    again = runs(inventory, **OLD)
    assert (again.code, again.changed(HOST)) == (0, 0), again.printed

    pushed()
    run(HOST, "docker", "logout", REGISTRY)
    assert not log_in("ada", "wrong")
    assert log_in("ada", password)
    pulled()


def test_another_release_with_other_users(inventory):
    """On the images of the test before. Users are rotated as a secret; what a rollback needs stays, and no more than that."""
    password = run(HOST, "cat", "/etc/dockyard/registry/secrets/users/ada").strip()
    first, before = bound("htpasswd"), secrets()
    label = '{{index .Spec.Labels "dockyard.registry.version"}}'
    assert shown(label).startswith("2.8")
    users = [{"name": "ada"}, {"name": "bob", "password": "hunter2-hunter2"}]
    foreseen = runs(inventory, "--check", registry_users=users)
    assert foreseen.code == 0, foreseen.printed
    assert foreseen.changed(HOST) > 0
    assert bound("htpasswd") == first

    done = runs(inventory, registry_users=users)
    assert done.code == 0, done.printed
    assert "hunter2" not in done.printed
    assert shown(label).startswith("3.")
    second = all_bound()
    assert bound("htpasswd") != first
    assert secrets() == before | second
    assert log_in("bob", "hunter2-hunter2")
    assert log_in("ada", password)
    pulled()

    run(HOST, "docker", "secret", "create", "registry-htpasswd-mine", "/etc/hostname")
    assert runs(inventory, registry_users=users[:1]).code == 0
    # The same users as at first, and so the same file and secret. The release before the last is not one to go back to any more.
    assert bound("htpasswd") == first
    assert secrets() == {first, *second, "registry-htpasswd-mine"}
    assert not log_in("bob", "hunter2-hunter2")


def test_states_and_the_end(inventory):
    others_say_what_to_type(inventory)
    stopped_and_started(inventory)
    done = play("remove", inventory, timeout=PLAY_SECONDS, **SETTINGS)
    assert done.code == 0, done.printed
    assert "The images are kept in /var/lib/dockyard/registry" in done.printed
    assert "registry" not in run(HOST, "docker", "service", "ls", "--format", "{{.Name}}").split()
    assert secrets() == {"registry-htpasswd-mine"}
    run(HOST, "test", "-d", "/var/lib/dockyard/registry/docker/registry/v2/repositories/hello")
    # What was kept goes, also by an inventory that does not say that it is a Swarm's.
    inventory.write_text(inventory.read_text().replace("swarm_managers", "registry"))
    gone = play("remove", inventory, timeout=PLAY_SECONDS, **SETTINGS, registry_remove_data=True)
    assert gone.code == 0, gone.printed
    assert "dockyard.registry" not in run(HOST, "docker", "node", "inspect", "self", "-f", "{{.Spec.Labels}}")
    assert run(HOST, "sh", "-c", "ls /var/lib/dockyard /etc/dockyard").split() == ["/etc/dockyard:", "/var/lib/dockyard:"]


def pushed():
    """As root, whom the play has logged in."""
    run(HOST, "docker", "load", "-i", "/srv/hello-world.tar")
    run(HOST, "docker", "tag", "hello-world:latest", f"{REGISTRY}/hello:1")
    run(HOST, "docker", "push", f"{REGISTRY}/hello:1")


def pulled():
    """What was pushed in the beginning comes from the registry."""
    run(HOST, "docker", "rmi", "-f", f"{REGISTRY}/hello:1")
    run(HOST, "docker", "pull", f"{REGISTRY}/hello:1")


def shown(form):
    """A part of the registry's service."""
    return run(HOST, "docker", "service", "inspect", "registry", "-f", form).strip()


def others_say_what_to_type(inventory):
    """Playbooks for a registry that is a container do nothing to a Swarm's, and say so: by the inventory, and by the service."""
    for name, variables in (("users", {}), ("certificates", {"target": HOST}), ("stop", {"target": HOST}), ("start", {})):
        done = play(name, inventory, **SETTINGS, **variables)
        assert (done.code, done.changed(HOST)) == (2, 0), done.printed
        assert "The registry registry (registry_name) is a Swarm's" in done.printed
        assert "ansible-playbook dockyard.registry.swarm" in done.printed
    done = play("doctor", inventory, **SETTINGS)
    assert (done.code, done.changed(HOST)) == (2, 0), done.printed
    assert "The registry registry is a Swarm's: it was NOT looked at" in done.printed
    done = play("doctor", inventory, **SETTINGS, target="none", clients="swarm_managers", registry_client_registry=REGISTRY)
    assert done.code == 0, done.printed
    assert shown("{{.Spec.Mode.Replicated.Replicas}}") == "1"


def stopped_and_started(inventory):
    """Stopped, it is a service without a task; all else stays."""
    done = runs(inventory, registry_state="stopped")
    assert done.code == 0, done.printed
    assert done.changed(HOST) > 0, done.printed
    assert "registry stopped" in done.printed
    assert shown("{{.Spec.Mode.Replicated.Replicas}}") == "0"
    assert not run(HOST, "docker", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=registry")
    before = secrets()
    done = runs(inventory, registry_state="started")
    assert done.code == 0, done.printed
    pulled()
    assert secrets() == before
