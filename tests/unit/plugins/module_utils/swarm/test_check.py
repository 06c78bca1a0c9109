# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before anybody is asked: names, ports, policies that cannot work; and constraints."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.swarm.check import check_params
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.constraints import may_run, parse_constraint
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import InvalidService
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.policy import health_seconds, policy_of
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.values import SECOND
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.cluster import make_node, make_params

HOST_PORT = [{"published_port": 80, "target_port": 80, "mode": "host"}]
SLOW = {"test": "true", "interval": "10s", "timeout": "5s", "retries": 3, "start_period": "5s"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "a" * 64}, ["name is", "64 characters", "63 at most"]),
        ({"name": "a.b"}, ["name is 'a.b'", "letters and digits"]),
        ({"networks": ["a b"]}, ["networks[0] is 'a b'"]),
        ({"networks": [{"name": "net", "aliases": ["-"]}]}, ["networks[0].aliases is '-'"]),
        ({"configs": [{"source": "c" * 65}]}, ["configs[0].source", "65 characters"]),
        ({"secrets": [{"source": "a/b"}]}, ["secrets[0].source is 'a/b'"]),
        ({"constraints": ["disk is ssd"]}, ["constraints has 'disk is ssd'", "node.labels.disk==ssd"]),
        ({"constraints": ["node.name==a"]}, ["there is no node.name", "node.hostname"]),
        ({"replicas": -1}, ["replicas is -1"]),
        ({"mode": "global", "max_replicas_per_node": 1}, ["mode is 'global'", "max_replicas_per_node"]),
        ({"max_replicas_per_node": -1}, ["max_replicas_per_node is -1"]),
        ({"timeout": 0}, ["timeout is 0"]),
        ({"timeout": 5}, ["timeout is 5 seconds", "update_config.monitor 5s"]),
        ({"publish": [{"published_port": 70000, "target_port": 80}]}, ["publish[0].published_port is 70000"]),
        ({"publish": [{"target_port": 0}]}, ["publish[0].target_port is 0"]),
        ({"publish": [{"published_port": 80, "target_port": 80}, {"published_port": 80, "target_port": 81}]},
         ["publish[0] and publish[1]", "80/tcp"]),
        ({"endpoint_mode": "dnsrr", "publish": [{"published_port": 80, "target_port": 80}]}, ["publish[0].mode is 'ingress'", "dnsrr"]),
        ({"publish": HOST_PORT, "update_config": {"order": "start-first"}},
         ["update_config.order is 'start-first'", "port 80 with mode: host", "stop-first"]),
        ({"publish": HOST_PORT, "rollback_config": {"order": "start-first"}}, ["rollback_config.order is 'start-first'", "mode: host"]),
        ({"healthcheck": SLOW, "update_config": {"monitor": "39s"}}, ["update_config.monitor is '39s'", "needs 40s", "Leave"]),
        ({"update_config": {"monitor": "0s"}}, ["update_config.monitor is '0s'"]),
        ({"update_config": {"max_failure_ratio": 1.5}}, ["max_failure_ratio is 1.5"]),
        ({"update_config": {"parallelism": -1}}, ["parallelism is -1"]),
        ({"update_config": {"delay": "1"}}, ["update_config.delay is '1'"]),
        ({"hosts": {"db": "db.example.com"}}, ["hosts.db is 'db.example.com'", "IP address"]),
        ({"dns": ["example"]}, ["dns is 'example'"]),
        ({"stop_signal": "stop it"}, ["stop_signal is 'stop it'", "SIGQUIT"]),
    ],
)
def test_refused(given, says):
    with pytest.raises(InvalidService) as caught:
        check_params(make_params(**given))
    for text in says:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"state": "absent", "timeout": 1},
        {"state": "rolled_back"},
        {"publish": HOST_PORT, "stop_signal": "SIGRTMIN+3"},
        {"publish": [{"published_port": 53, "target_port": 53}, {"published_port": 53, "target_port": 53, "protocol": "udp"}]},
        # The engine chooses the port, so a node has room for two.
        {"publish": [{"target_port": 80, "mode": "host"}], "update_config": {"order": "start-first"}},
        {"healthcheck": SLOW, "update_config": {"monitor": "40s"}},
        {"wait": False, "timeout": 1},
        {"constraints": ["node.labels.disk == ssd", "node.ip!=192.0.2.0/24", "engine.labels.a==b"], "dns": ["::1"]},
    ],
)
def test_accepted(given):
    check_params(make_params(**given))


@pytest.mark.parametrize(
    ("healthcheck", "seconds"),
    [(None, 0), ({"test": ["NONE"]}, 0), ({"test": "NONE"}, 0), (SLOW, 40), ({"test": "true"}, 120), ({"test": "true", "interval": "100ms"}, 31),
     ({**SLOW, "start_interval": "2s"}, 42)],
)
def test_how_long_a_health_check_takes(healthcheck, seconds):
    params = make_params(healthcheck=healthcheck)
    assert health_seconds(params) == seconds
    assert policy_of(params, "update_config").monitor == max(seconds, 5) * SECOND


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("node.role==manager", [1]), ("node.role != manager", [2, 3]), ("node.hostname==HOST2", [2]), ("node.id==node3", [3]),
        ("node.labels.disk==ssd", [2]), ("node.labels.disk!=ssd", [1, 3]), ("node.labels.Disk==ssd", []), ("node.ip==192.0.2.3", [3]),
        ("node.ip!=192.0.2.2/31", [1]), ("node.ip==nonsense", []), ("node.platform.arch==amd64", [1, 2, 3]), ("node.platform.os==windows", []),
        ("engine.labels.a==b", []), ("Node.Role==worker", [2, 3]),
    ],
)
def test_constraints(text, fits):
    nodes = [make_node(1), make_node(2, Labels={"disk": "SSD"}), make_node(3)]
    assert [number for number, node in enumerate(nodes, 1) if may_run(node, [parse_constraint(text)])] == fits


@pytest.mark.parametrize("given", [{"State": "down"}, {"Availability": "drain"}, {"Availability": "pause"}])
def test_nodes_that_take_no_tasks(given):
    assert not may_run(make_node(1, **given), [])


@pytest.mark.parametrize("text", ["", "==", "node.role==", "a=b", "node.role==a==b", "node.labels.x==a;b", "=="])
def test_what_is_no_constraint(text):
    with pytest.raises(InvalidService, match="constraints has"):
        parse_constraint(text)
