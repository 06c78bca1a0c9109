# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a registry runs on a Swarm, and each mistake with the variable, the value and the way out."""

# Nothing here changes a default: pylint: disable=dangerous-default-value
from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.plugin_utils import swarm_preflight

SETTINGS = {
    "registry_name": "registry",
    "registry_port": 5000,
    "registry_storage_driver": "filesystem",
    "registry_tls": "own_ca",
    "registry_users": [{"name": "ci"}],
    "registry_host_names": ["registry.example.com"],
    "registry_check_names": True,
    "registry_allow_insecure": False,
    "registry_network": "",
    "registry_data_dir": "/srv/registry",
    "registry_swarm_manager": "one",
    "registry_swarm_node": "",
    "registry_swarm_storage_label": "",
    "registry_swarm_publish_mode": "auto",
    "registry_swarm_address": "",
    "registry_swarm_replicas": 1,
    "registry_swarm_update_order": "stop-first",
}
LABEL = {"dockyard.registry.registry": "true"}
NO_SERVICE = {"exists": False, "ports": [], "labels": {}, "bound": [], "bound_before": []}
SERVICE = {**NO_SERVICE, "exists": True, "labels": {"dockyard.registry.name": "registry"},
           "ports": [{"published_port": 5000, "mode": "ingress"}]}
FREE = {"port": 5000, "free": True, "holder": "", "service": ""}
TAKEN = {"port": 5000, "free": False, "holder": "nginx (process 8)", "service": ""}
S3 = {"registry_storage_driver": "s3"}


def listed(number, name, **changes):
    return {"node_id": f"id-{name}", "hostname": name, "role": "worker", "availability": "active", "state": "ready",
            "address": f"192.0.2.{number}", "labels": {}, **changes}


def cluster(*, ipvs=True, service=NO_SERVICE, ports=FREE, nodes=None, leads="192.0.2.1", manager=True):
    known = nodes or [listed(1, "one"), listed(2, "two")]
    return [
        {
            "host": name,
            "look": {
                "swarm": {"state": "active" if manager else "inactive", "node_id": f"id-{name}",
                          "manager": manager and name == "one", "nodes": known if name == "one" else []},
                "ipvs": {"available": ipvs, "reason": "Module ip_vs not found"},
                "ports": [ports if name == "two" else FREE],
                "service": service if name == "one" else NO_SERVICE,
            },
            "names": [{"name": "registry.example.com", "addresses": [leads] if leads else [], "local": [],
                       "error": "" if leads else "Name or service not known"}],
        }
        for name in ("one", "two")
    ]


def problems(nodes=None, check_mode=False, **settings):
    return swarm_preflight.swarm_problems({**SETTINGS, **settings}, nodes or cluster(), check_mode)


def test_nothing_is_wrong():
    assert problems() == []
    assert problems(cluster(ipvs=False)) == []
    assert problems(cluster(service=SERVICE, nodes=[listed(1, "one", labels=LABEL), listed(2, "two")], ports=TAKEN)) == []
    assert problems(cluster(leads=""), registry_swarm_address="192.0.2.2") == []
    assert problems(cluster(leads=""), registry_check_names=False) == []
    assert problems(cluster(leads=""), registry_tls="off") == []
    assert problems(**S3, registry_swarm_replicas=3, registry_swarm_update_order="start-first") == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"registry_name": "a.b"}, ["registry_name is 'a.b'", "no service can be called"]),
        ({"registry_name": "a" * 64}, ["no service can be called", "63"]),
        ({"registry_name": "a" * 42}, []),
        ({"registry_name": "a" * 43}, ["65 characters", "64", "42 at most"]),
        ({"registry_swarm_replicas": 0}, ["registry_swarm_replicas is 0", "from 1"]),
        ({"registry_swarm_replicas": 2}, ["registry_swarm_replicas is 2", "damage each other", "object storage"]),
        ({"registry_swarm_publish_mode": "mesh"}, ["registry_swarm_publish_mode is 'mesh'", "auto, ingress, host"]),
        ({"registry_swarm_update_order": "start-first"}, ["update_order is 'start-first'", "filesystem", "stop-first"]),
        ({"registry_swarm_update_order": "start-first", "registry_swarm_publish_mode": "host", **S3},
         ["update_order is 'start-first'", "comes to host"]),
        ({"registry_network": "inner"}, ["registry_network is 'inner'", "registry_standalone"]),
        ({"registry_swarm_node": "nine"}, ["registry_swarm_node is 'nine'", "one, two"]),
        ({"registry_swarm_storage_label": "a/b"}, ["registry_swarm_storage_label is 'a/b'", "no constraint can name"]),
        ({"registry_swarm_storage_label": "disk"}, ["registry_swarm_storage_label is 'disk'", "no node has it"]),
        ({"registry_port": 2377}, ["registry_port is 2377", "the Swarm itself"]),
        ({"registry_tls": "off", "registry_users": []}, ["registry_users is empty", "every address"]),
        ({"registry_swarm_address": "host1"}, ["registry_swarm_address is 'host1'", "no IP address"]),
        ({"registry_swarm_manager": "nine"}, ["registry_swarm_manager is 'nine'", "--limit"]),
    ],
)
def test_settings(settings, says):
    found = problems(**settings)
    assert all(any(word in one for one in found) for word in says), found
    assert bool(found) == bool(says)


def test_all_problems_at_once():
    assert len(problems(registry_swarm_replicas=2, registry_swarm_publish_mode="mesh", registry_network="x")) == 3


def test_without_a_swarm():
    nodes = cluster(manager=False)
    assert "one is no manager of a Swarm (its engine says: inactive)" in problems(nodes)[0]
    assert problems(nodes, True) == []


def test_the_label_is_on_one_node():
    both = [listed(1, "one", labels=LABEL), listed(2, "two", labels=LABEL)]
    (found,) = problems(cluster(nodes=both))
    assert "dockyard.registry.registry=true is on one and two" in found
    assert "--label-rm" in found
    other = [listed(1, "one"), listed(2, "two", labels=LABEL)]
    (moved,) = problems(cluster(nodes=other), registry_swarm_node="one")
    assert "registry_swarm_node is 'one'" in moved
    assert "is on two" in moved
    assert problems(cluster(nodes=other)) == []
    (lost,) = problems(cluster(service=SERVICE))
    assert "no node has the label" in lost
    assert problems(cluster(service=SERVICE), registry_swarm_node="one") == []
    (stranger,) = problems(cluster(nodes=[listed(1, "one"), listed(2, "two"), listed(3, "three", labels=LABEL)]))
    assert "on three, which is no host of this run" in stranger


@pytest.mark.parametrize("manager", [True, False])
def test_labels_that_are_yet_to_be_given(manager):
    """In a play that makes the Swarm and its labels as well, before its first change."""

    def found(*labels, **settings):
        nodes = [{**node, "labels": given} for node, given in zip(cluster(manager=manager), labels, strict=True)]
        return problems(nodes, True, **settings)

    own = {"registry_swarm_storage_label": "disk"}
    (none,) = found({}, {"disk": False}, **own)
    assert "registry_swarm_storage_label is 'disk', and no node has it" in none
    (both,) = found({"disk": True}, {"disk": "true"}, **own)
    assert "The label disk=true is on one and two" in both
    assert found({}, {"disk": True}, **own) == []
    (moved,) = found({}, LABEL, registry_swarm_node="one")
    assert "registry_swarm_node is 'one'" in moved
    nodes = [{**node, "labels": given} for node, given in zip(cluster(manager=manager), [{}, {"disk": True}], strict=True)]
    assert swarm_preflight.plan({**SETTINGS, **own}, nodes, True)["storage_host"] == "two"


def test_a_label_that_is_yet_to_be_given_is_a_second_one():
    there = cluster(nodes=[listed(1, "one", labels=LABEL), listed(2, "two")])
    assert problems([there[0], {**there[1], "labels": {"dockyard.registry.registry": False}}], True) == []
    (both,) = problems([there[0], {**there[1], "labels": LABEL}], True)
    assert "is on one and two" in both
    # Without the role swarm_cluster nobody gives it.
    assert problems([there[0], {**there[1], "labels": LABEL}]) == []


def test_a_host_that_is_yet_to_join_may_keep_the_images():
    newcomer = cluster(nodes=[listed(1, "one")])
    newcomer[1]["look"]["swarm"]["node_id"] = ""
    assert problems(newcomer, True, registry_swarm_node="two") == []


def test_the_node_takes_tasks():
    (found,) = problems(cluster(nodes=[listed(1, "one", availability="drain"), listed(2, "two")]))
    assert "its availability is drain" in found
    (missing,) = problems(cluster(nodes=[listed(1, "one")]), registry_swarm_node="two")
    assert "two is to keep the images" in missing
    assert "no node of the Swarm" in missing


def test_ports():
    (found,) = problems(cluster(ports=TAKEN))
    assert "registry_port is 5000, and on two nginx (process 8) has that port" in found
    # Published on the port of one alone, two may do with it what it likes.
    assert problems(cluster(ports=TAKEN, ipvs=False)) == []
    (own,) = problems(cluster(ports={**TAKEN, "holder": "the container registry"}))
    assert "the playbook remove takes it away and keeps its images" in own
    (foreign,) = problems(cluster(service={**SERVICE, "labels": {}, "ports": []}), registry_swarm_node="one")
    assert "a service of that name that this role has not made" in foreign


def test_the_mesh_needs_ipvs():
    (found,) = problems(cluster(ipvs=False), registry_swarm_publish_mode="ingress")
    assert "registry_swarm_publish_mode is 'ingress'" in found
    assert "one: Module ip_vs not found; two: Module ip_vs not found" in found
    (alone,) = problems(cluster(ipvs=False), registry_tls="off")
    assert "on the port of one alone: two could not pull" in alone


def test_names_lead_to_the_registry():
    (found, other) = problems(cluster(leads="192.0.2.9"))
    assert "'registry.example.com', which on one leads to 192.0.2.9 and not to a node of the Swarm" in found
    assert "which on two" in other
    assert "leads nowhere (Name or service not known)" in problems(cluster(leads=""))[0]
    (host, _two) = problems(cluster(leads="192.0.2.2", ipvs=False))
    assert "not to one, on whose port the registry is published" in host
    (loopback,) = problems(cluster(ipvs=False), registry_swarm_address="127.0.0.1")
    assert "registry_swarm_address is '127.0.0.1'" in loopback


def test_plan():
    assert swarm_preflight.plan(SETTINGS, cluster()) == {
        "publish_mode": "ingress", "without_ipvs": [], "manager": "one", "storage_host": "one",
        "label": "dockyard.registry.registry", "pinned": True}
    found = swarm_preflight.plan({**SETTINGS, **S3, "registry_swarm_node": "two"}, cluster(ipvs=False))
    assert (found["publish_mode"], found["storage_host"], found["pinned"]) == ("host", "two", True)
    assert found["without_ipvs"] == ["one (Module ip_vs not found)", "two (Module ip_vs not found)"]
    assert not swarm_preflight.plan({**SETTINGS, **S3}, cluster())["pinned"]
    labelled = cluster(nodes=[listed(1, "one"), listed(2, "two", labels=LABEL)])
    assert swarm_preflight.plan(SETTINGS, labelled)["storage_host"] == "two"


def test_secrets_are_named_by_what_they_hold():
    name = swarm_preflight.secret_name("text", "registry", "config")
    assert name == "registry-config-982d9e3eb996"
    assert swarm_preflight.secret_name("other", "registry", "config") != name
    with pytest.raises(ValueError, match="65 characters"):
        swarm_preflight.secret_name("text", "a" * 43, "htpasswd")


def test_secrets_that_a_rollback_needs_stay():
    found = [{"name": name} for name in ("a-1", "a-2", "a-3", "a-4")]
    service = {"bound": ["a-3"], "bound_before": ["a-2"]}
    assert swarm_preflight.unused_secrets(found, service, ["a-4"]) == ["a-1"]
    assert swarm_preflight.unused_secrets(found, {"bound": [], "bound_before": []}, []) == ["a-1", "a-2", "a-3", "a-4"]
