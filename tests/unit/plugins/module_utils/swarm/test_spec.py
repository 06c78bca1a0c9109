# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From parameters to a specification, back into parameters, and what differs."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.swarm.describe import (
    describe_service,
    describe_task,
    differences,
)
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import InvalidService
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.spec import Known, build_spec, network_names
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.cluster import IMAGE, make_params, make_spec

EVERYTHING = {
    "replicas": 3,
    "command": ["nginx"],
    "args": ["-g", "daemon off;"],
    "env": {"B": "2", "A": 1},
    "user": "33:33",
    "hostname": "web",
    "labels": {"team": "shop"},
    "container_labels": {"tier": "front"},
    "constraints": ["node.role==worker", "node.labels.disk==ssd"],
    "max_replicas_per_node": 2,
    "networks": ["net", {"name": "other", "aliases": ["www"]}],
    "publish": [{"published_port": 8080, "target_port": 80}, {"target_port": 53, "protocol": "udp", "mode": "host"}],
    "mounts": [{"source": "data", "target": "/data"}, {"type": "bind", "source": "/srv", "target": "/srv", "read_only": True},
               {"type": "tmpfs", "target": "/tmp"}],
    "configs": [{"source": "conf"}, {"source": "more", "target": "/etc/more", "uid": "33", "gid": "33", "mode": "0400"}],
    "secrets": [{"source": "key"}],
    "limits": {"cpus": "0.5", "memory": "512m"},
    "reservations": {"memory": "64m"},
    "healthcheck": {"test": "true", "interval": "2s", "timeout": "1s", "retries": 2, "start_period": "1s", "start_interval": "500ms"},
    "stop_signal": "SIGQUIT",
    "stop_grace_period": "30s",
    "restart_policy": {"condition": "on-failure", "delay": "1s", "max_attempts": 3, "window": "1m"},
    "update_config": {"parallelism": 2, "delay": "1s", "order": "stop-first", "monitor": "10s", "max_failure_ratio": 0.1},
    "rollback_config": {"parallelism": 0, "failure_action": "continue"},
    "read_only": True,
    "init": True,
    "cap_add": ["net_bind_service"],
    "cap_drop": ["ALL"],
    "sysctls": {"net.core.somaxconn": 1024},
    "log_driver": {"name": "json-file", "options": {"max-size": "10m"}},
    "hosts": {"db": "192.0.2.7"},
    "dns": ["192.0.2.53"],
}
KNOWN = Known({"net": "n1", "other": "n2"}, {"conf": "c1", "more": "c2"}, {"key": "k1"})
NAMES = {"n1": "net", "n2": "other"}


def test_everything_in_the_api_s_terms():
    spec = build_spec(make_params(**EVERYTHING), IMAGE, KNOWN, force_update=4)
    task = spec["TaskTemplate"]
    container = task["ContainerSpec"]
    assert spec["Name"] == "web"
    assert spec["Mode"] == {"Replicated": {"Replicas": 3}}
    assert container["Image"] == IMAGE
    assert container["Env"] == ["A=1", "B=2"]
    assert container["Hosts"] == ["192.0.2.7 db"]
    assert container["StopGracePeriod"] == 30 * 10**9
    assert container["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"], "Interval": 2 * 10**9, "Timeout": 10**9, "Retries": 2, "StartPeriod": 10**9,
        "StartInterval": 5 * 10**8,
    }
    assert container["Configs"][0] == {
        "File": {"Name": "/conf", "UID": "0", "GID": "0", "Mode": 0o444}, "ConfigID": "c1", "ConfigName": "conf"
    }
    assert container["Configs"][1]["File"] == {"Name": "/etc/more", "UID": "33", "GID": "33", "Mode": 0o400}
    assert container["Secrets"][0]["File"]["Name"] == "key"
    assert container["Mounts"][2] == {"Type": "tmpfs", "Source": "", "Target": "/tmp", "ReadOnly": False}
    assert task["Networks"] == [{"Target": "n1"}, {"Target": "n2", "Aliases": ["www"]}]
    assert task["Resources"]["Limits"] == {"NanoCPUs": 5 * 10**8, "MemoryBytes": 512 * 1024**2}
    assert task["Placement"]["MaxReplicas"] == 2
    assert task["RestartPolicy"] == {"Condition": "on-failure", "Delay": 10**9, "MaxAttempts": 3, "Window": 60 * 10**9}
    assert task["ForceUpdate"] == 4
    assert spec["UpdateConfig"]["FailureAction"] == "rollback"
    assert spec["RollbackConfig"] == {
        "Parallelism": 0, "Delay": 0, "FailureAction": "continue", "Monitor": 7 * 10**9, "MaxFailureRatio": 0.0, "Order": "stop-first"
    }
    assert spec["EndpointSpec"]["Ports"][1] == {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 0, "PublishMode": "host"}


def test_everything_comes_back_in_the_parameters_terms():
    told = describe_service(build_spec(make_params(**EVERYTHING), IMAGE, KNOWN), NAMES)
    assert told["image"] == IMAGE
    assert told["env"] == {"A": "1", "B": "2"}
    assert told["networks"] == [{"name": "net", "aliases": []}, {"name": "other", "aliases": ["www"]}]
    assert told["limits"] == {"cpus": "0.5", "memory": "512m"}
    assert told["stop_grace_period"] == "30s"
    assert told["cap_add"] == ["CAP_NET_BIND_SERVICE"]
    assert told["cap_drop"] == ["ALL"]
    assert [config["mode"] for config in told["configs"]] == ["0444", "0400"]
    assert told["rollback_config"]["parallelism"] == 0
    assert told["update_config"]["max_failure_ratio"] == 0.1
    assert told["healthcheck"]["test"] == ["CMD-SHELL", "true"]
    assert told["healthcheck"]["start_interval"] == "500ms"
    assert told["log_driver"] == {"name": "json-file", "options": {"max-size": "10m"}}
    assert told["publish"][0]["published_port"] is None


def test_what_the_engine_leaves_out_fills_in_and_sorts_makes_no_difference():
    """As Docker 26 answers to inspect, without its defaults."""
    engine = {
        "Name": "web",
        "Labels": {},
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE, "StopGracePeriod": 10 * 10**9, "DNSConfig": {}, "Isolation": "default"},
            "Resources": {"Limits": {}, "Reservations": {}},
            "RestartPolicy": {"Condition": "any", "Delay": 5 * 10**9, "MaxAttempts": 0},
            "Placement": {},
            "ForceUpdate": 7,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": {"Parallelism": 1, "FailureAction": "rollback", "Monitor": 5 * 10**9, "MaxFailureRatio": 0, "Order": "stop-first"},
        "EndpointSpec": {"Mode": "vip"},
    }
    assert describe_service(engine, {}) == describe_service(make_spec(), {})


def test_a_task_is_told_as_its_service_is():
    spec = make_spec(env={"A": "1"}, networks=["net"])
    task = dict(spec["TaskTemplate"])
    del task["Runtime"]
    told = describe_service(spec, {})
    assert {key: told[key] for key in describe_task(task, {})} == describe_task(task, {})


def test_networks_in_their_old_place():
    spec = make_spec(networks=["net"])
    spec["Networks"] = spec["TaskTemplate"].pop("Networks")
    assert describe_service(spec, NAMES)["networks"] == [{"name": "net", "aliases": []}]


def test_a_global_service_has_no_replicas():
    told = describe_service(make_spec(mode="global"), {})
    assert (told["mode"], told["replicas"]) == ("global", None)


def test_differences_are_only_what_differs():
    before = describe_service(make_spec(), {})
    after = describe_service(make_spec(replicas=2, labels={"a": "b"}), {})
    assert differences(before, after) == ({"replicas": 1, "labels": {}}, {"replicas": 2, "labels": {"a": "b"}})
    assert differences(before, before) == ({}, {})
    assert differences({}, after)[0] == {}


def test_differences_show_no_secret():
    before = describe_service(make_spec(env={"DB_PASSWORD": "old", "API_TOKEN": "same", "MODE": "a"}), {})
    after = describe_service(make_spec(env={"DB_PASSWORD": "new", "API_TOKEN": "same", "MODE": "b"}), {})
    shown = differences(before, after)
    assert shown[0]["env"] == {"DB_PASSWORD": "(hidden, changed)", "API_TOKEN": "(hidden)", "MODE": "a"}
    assert shown[1]["env"] == {"DB_PASSWORD": "(hidden, changed)", "API_TOKEN": "(hidden)", "MODE": "b"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"env": {"A": True}}, "env.A is a bool"),
        ({"env": {"A": None}}, "env.A is null"),
        ({"labels": {"a": 1.5}}, "labels.a is a float"),
        ({"mounts": [{"type": "tmpfs", "source": "x", "target": "/tmp"}]}, "A tmpfs has no source"),
        ({"mounts": [{"type": "bind", "source": "srv", "target": "/srv"}]}, "absolute path"),
        ({"mounts": [{"type": "bind", "target": "/srv"}]}, "absolute path"),
        ({"configs": [{"source": "conf", "mode": 292}]}, "configs[0].mode is '292'"),
        ({"healthcheck": {"test": []}}, "healthcheck.test is []"),
        ({"healthcheck": {"test": ["curl", "x"]}}, 'begins with "CMD"'),
        ({"healthcheck": {"test": ["NONE", "x"]}}, 'begins with "CMD"'),
        ({"healthcheck": {"test": ["CMD"]}}, 'begins with "CMD"'),
        ({"healthcheck": {"test": {"a": 1}}}, "command line"),
        ({"stop_grace_period": "10"}, "write 10s"),
        ({"restart_policy": {"delay": "soon"}}, "restart_policy.delay"),
        ({"limits": {"memory": "1m"}}, "limits.memory"),
        ({"limits": {"cpus": "many"}}, "limits.cpus"),
    ],
)
def test_values_that_are_none(given, says):
    with pytest.raises(InvalidService) as caught:
        build_spec(make_params(**given), IMAGE, KNOWN)
    assert says in str(caught.value)


@pytest.mark.parametrize("networks", [[1], [{"aliases": ["a"]}], [{"name": "net", "alias": "a"}], [{"name": "net", "aliases": "a"}]])
def test_networks_that_are_none(networks):
    with pytest.raises(InvalidService, match=r"networks\[0\]"):
        network_names(make_params(networks=networks))


@pytest.mark.parametrize("test", ["NONE", ["NONE"]])
def test_no_health_check_at_all(test):
    spec = make_spec(healthcheck={"test": test})
    assert spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"]["Test"] == ["NONE"]
    assert describe_service(spec, {})["healthcheck"] == {"test": ["NONE"]}
