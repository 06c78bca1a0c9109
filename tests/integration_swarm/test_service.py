# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module service on a real Swarm: made, updated, broken, paused, timed out, rolled back, removed."""

from __future__ import annotations

import bcrypt
import pytest
from swarm_node import LOGIN, NETWORK, NODE, REGISTRY, Load, containers, run, service, succeeds, until

pytestmark = pytest.mark.usefixtures("swarm_of_one")

ONE, TWO = f"{REGISTRY}/nginx:1", f"{REGISTRY}/nginx:2"
# Short, so that no test waits for long.
QUICK = {"update_config": {"monitor": "1s"}, "rollback_config": {"monitor": "1s"}, "restart_policy": {"delay": "1s"}, "stop_grace_period": "5s"}
# With the engine's own five seconds: on a busy machine a container takes longer than one to start and fall.
FALLS = {"command": ["sh", "-c", "exit 3"], "update_config": {}}


def have(name, image=ONE, **options):
    return service(name=name, image=image, **{**LOGIN, **QUICK, **options})


@pytest.fixture
def name(request):
    """The name of a service that is removed in the end."""
    own = request.node.originalname.replace("test_", "").replace("_", "-")[:40].strip("-")
    yield own
    if succeeds("docker", "service", "inspect", own):
        assert service(name=own, state="absent")["changed"]
    assert not containers(own)


def test_from_nothing_to_nothing(name):
    options = {"replicas": 2, "networks": [NETWORK], "env": {"APP_PASSWORD": "s3cr3t-value", "MODE": "a"}}
    told = have(name, check=True, **options)
    assert (told["changed"], told["service"]["id"]) == (True, None)
    assert not succeeds("docker", "service", "inspect", name)

    # Nobody on this node is logged in: what pulls is the login that is handed over.
    assert not succeeds("docker", "pull", ONE)
    made = have(name, diff=True, loud=True, **options)
    assert made["changed"], made
    assert made["service"]["running"] == len(containers(name)) == 2
    assert made["service"]["image"] == f"{ONE}@{made['service']['digest']}"
    for secret in (LOGIN["password"], "s3cr3t-value"):
        assert secret not in made["printed"]

    again = have(name, diff=True, **options)
    assert (again["changed"], again["diff"]) == (False, {"after": {}, "before": {}})

    ids = containers(name)
    more = have(name, diff=True, **{**options, "replicas": 3})
    assert more["diff"] == {"before": {"replicas": 2}, "after": {"replicas": 3}}
    assert set(ids) < set(containers(name)), "scaling must not replace tasks"

    told = have(name, TWO, check=True, **{**options, "replicas": 3})
    assert told["service"]["digest"] != made["service"]["digest"]
    load = Load(name, f"http://{name}/")
    done = have(name, TWO, **{**options, "replicas": 3, "endpoint_mode": "dnsrr", "update_config": {"order": "start-first", "monitor": "1s"}})
    assert (done["service"]["running"], done["update_state"]) == (3, "completed")
    assert done["previous_image"] == made["service"]["image"]
    assert f"{NODE}: {name}: " in done["printed"], "the action plugin shows how far it is"
    load.end()

    back = service(name=name, state="rolled_back")
    assert (back["changed"], back["update_state"], back["service"]["image"]) == (True, "rollback_completed", made["service"]["image"])
    assert not service(name=name, state="rolled_back")["changed"]

    gone = service(name=name, state="absent")
    assert (gone["changed"], containers(name)) == (True, [])
    assert not service(name=name, state="absent")["changed"]


def test_a_login_that_no_longer_holds_is_replaced(name):
    """Without another task; the next one, on a node without the image, pulls with the new login."""
    before = run(NODE, "cat", "/srv/htpasswd")
    eve = {"username": "eve", "password": "hunter3"}
    hashed = bcrypt.hashpw(eve["password"].encode(), bcrypt.gensalt(4)).decode()
    try:
        run(NODE, "sh", "-c", f"echo 'eve:{hashed}' >> /srv/htpasswd")
        have(name, **eve)
    finally:
        run(NODE, "sh", "-c", f"echo '{before.strip()}' > /srv/htpasswd")
    ids = containers(name)
    assert not have(name)["changed"]
    handed = have(name, update_credentials=True)
    assert handed["changed"], handed
    assert containers(name) == ids
    image = run(NODE, "docker", "inspect", "-f", "{{.Image}}", *ids).strip()
    run(NODE, "sh", "-c", f"docker rm -f {ids[0]} && docker rmi -f {image}")
    until(lambda: containers(name) not in ([], ids))


def test_a_version_that_falls_is_rolled_back(name):
    made = have(name, replicas=2)
    failed = have(name, TWO, replicas=2, **FALLS)
    assert "was rolled back" in failed["msg"], failed["msg"]
    assert "task: non-zero exit (3)" in failed["msg"]
    assert f"What runs now: 2 of {made['service']['image']}." in failed["msg"]
    assert {task["image"].partition("@")[0] for task in failed["tasks"]} == {TWO}
    assert failed["changed"]
    # The old version is what there is, and a run that asks for it finds it so.
    assert not have(name, replicas=2)["changed"]


def test_a_version_that_is_not_well_is_rolled_back(name):
    check = {"test": "false", "interval": "500ms", "timeout": "1s", "retries": 1}
    have(name)
    failed = have(name, TWO, healthcheck=check, update_config={}, rollback_config={})
    assert "was rolled back" in failed["msg"], failed["msg"]
    assert "unhealthy" in failed["msg"] or "because its health check failed" in failed["msg"], failed["msg"]


def test_an_update_that_pauses(name):
    made = have(name, replicas=2)
    # Without a delay the engine takes the second task, too, before it sees the first one fall.
    options = {**FALLS, "replicas": 2, "update_config": {"failure_action": "pause", "delay": "10s"}}
    paused = have(name, TWO, **options)
    assert "is paused in the middle of its update" in paused["msg"], paused["msg"]
    assert "task: non-zero exit (3)" in paused["msg"]
    assert f"1 of {made['service']['image']}" in paused["msg"]
    assert paused["update_state"] == "paused"
    # Nothing changes, but that is no success.
    assert "is paused in the middle of an earlier update" in have(name, TWO, **options)["msg"]
    assert have(name, replicas=2)["service"]["running"] == 2


def test_a_first_version_that_falls(name):
    failed = have(name, **FALLS)
    assert "first deployment, there is nothing to roll back to" in failed["msg"], failed["msg"]
    assert "3 times" in failed["msg"]


def test_no_node_fits(name):
    failed = have(name, constraints=["node.labels.disk==ssd"], timeout=3)
    assert "has not converged within 3 seconds: " in failed["msg"], failed["msg"]
    assert "no suitable node (scheduling constraints not satisfied on 1 node)" in failed["msg"]


def test_a_port_of_the_node(name):
    port = {"published_port": 8088, "target_port": 80, "mode": "host"}
    have(name, publish=[port])
    assert "nginx" in run(NODE, "curl", "-s", "-D-", "http://127.0.0.1:8088/")
    # It shows in no task, but has all of them replaced.
    assert have(name, publish=[{**port, "published_port": 8089}])["changed"]
    assert succeeds("curl", "-sf", "http://127.0.0.1:8089/")
    refused = have(name, publish=[port], update_config={"order": "start-first"})
    assert "update_config.order is 'start-first'" in refused["msg"]


def test_everywhere(name):
    done = have(name, mode="global", constraints=["node.role==manager"])
    assert (done["service"]["replicas"], done["service"]["running"]) == (1, 1)
    assert not have(name, mode="global", constraints=["node.role==manager"])["changed"]


def test_all_settings_come_back_as_they_went_in(name):
    run(NODE, "sh", "-c", f"echo x | docker config create {name} - && echo y | docker secret create {name} -")
    options = {
        "args": ["-g", "daemon off;"], "command": ["nginx"], "env": {"A": 1}, "hostname": "web", "labels": {"a": "b"}, "dns": ["127.0.0.11"],
        "container_labels": {"c": "d"}, "networks": [{"name": NETWORK, "aliases": ["www"]}], "max_replicas_per_node": 3,
        "mounts": [{"source": name, "target": "/data"}, {"type": "tmpfs", "target": "/scratch"},
                   {"type": "bind", "source": "/srv", "target": "/srv", "read_only": True}],
        "configs": [{"source": name, "target": "/x", "uid": "33", "mode": "0400"}], "secrets": [{"source": name}], "init": True,
        "limits": {"cpus": "0.5", "memory": "64m"}, "reservations": {"memory": "8m"}, "stop_signal": "SIGQUIT", "hosts": {"db": "192.0.2.7"},
        "healthcheck": {"test": "true", "interval": "500ms", "timeout": "1s", "retries": 1, "start_period": "2s", "start_interval": "100ms"},
        "cap_add": ["net_bind_service"], "cap_drop": ["MKNOD"],
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": 80}, "log_driver": {"name": "json-file", "options": {"max-size": "1m"}},
        "restart_policy": {"condition": "on-failure", "delay": "1s", "max_attempts": 2, "window": "1m"},
        "update_config": {"parallelism": 0, "delay": "1s", "max_failure_ratio": 0.3}, "rollback_config": {},
    }
    made = have(name, **options)
    assert made.get("service", {}).get("running") == 1, made
    again = have(name, diff=True, **options)
    assert not again.get("failed"), again
    assert (again["changed"], again["diff"]) == (False, {"after": {}, "before": {}})
    forced = have(name, force=True, **options)
    assert (forced["changed"], forced["update_state"]) == (True, "completed")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image": f"{REGISTRY}/nginx:11"}, ["has no nginx:11.", "tags of nginx are 1"]),
        ({"image": f"{REGISTRY}/ngnix:1"}, ["has no ngnix:1.", "nothing called ngnix"]),
        ({"password": "wrong"}, ["401", "that the registry knows"]),
        ({"networks": ["workload"]}, ["has no network for services (overlay) workload", "there is workloads"]),
        ({"secrets": [{"source": "nothing"}]}, ["has no secret nothing"]),
        ({"name": "x" * 64}, ["64 characters"]),
    ],
)
def test_refused_before_anything_is_made(options, says):
    refused = service(**{"name": "refused", "image": ONE, **LOGIN, **options})
    assert refused["failed"]
    for text in says:
        assert text in refused["msg"], refused["msg"]
    assert "refused" not in run(NODE, "docker", "service", "ls", "--format", "{{.Name}}").split()
