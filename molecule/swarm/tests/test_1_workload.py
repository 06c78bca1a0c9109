# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images go in by one host and out by another, with a login; nginx runs from the registry, ten times, then fifteen."""

from __future__ import annotations

import re

from swarm_hosts import ALICE, REGISTRY, address, note, output, page, play, run, spread, until


def test_push_by_host_2_and_pull_by_host_3_by_digest() -> None:
    output(2, f"docker login --username alice --password-stdin {REGISTRY}", ALICE[0])
    output(2, "docker load --input /srv/hello-world.tar")
    pushed = output(2, f"docker tag hello-world:latest {REGISTRY}/team/hello:1 && docker push {REGISTRY}/team/hello:1")
    digest = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
    assert digest, pushed
    image = f"{REGISTRY}/team/hello@{digest.group(1)}"
    output(3, f"docker pull {image}")
    assert "Hello" in output(3, f"docker run --rm {image}")
    assert digest.group(1) in output(3, f"docker image inspect --format '{{{{.RepoDigests}}}}' {image}")


def test_nobody_pulls_or_pushes_without_a_login() -> None:
    refused = run(3, f"DOCKER_CONFIG=/tmp/nobody docker pull {REGISTRY}/team/hello:1")
    assert refused.returncode != 0
    assert re.search("no basic auth credentials|unauthorized|authentication required", refused.stderr)
    code = "curl -s -o /dev/null -w '%{http_code}' --cacert /etc/docker/certs.d/" + REGISTRY + f"/ca.crt https://{REGISTRY}/v2/"
    assert output(3, code) == "401"


def test_registry_is_reached_by_every_node() -> None:
    """The routing mesh: whatever node a name leads to, the registry is there."""
    for number in (1, 2, 3):
        assert "UNAUTHORIZED" in page(number, f"https://{address(number)}:5000/v2/")


def test_ten_replicas_on_three_hosts_and_port_80_answers_on_each() -> None:
    assert sum(spread().values()) == 10
    assert len(spread()) == 3
    for number in (1, 2, 3):
        assert "Welcome to nginx" in page(number)
    image = output(1, "docker service inspect nginx --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}'")
    assert re.fullmatch(re.escape(REGISTRY) + r"/nginx:latest@sha256:[0-9a-f]{64}", image)
    note("ten replicas", spread())


def test_fifteen(inventory: str) -> None:
    played = play(inventory, "rollout", replicas=15)
    assert played.code == 0
    until("fifteen replicas", lambda: sum(spread().values()) == 15, 10)
    for number in (1, 2, 3):
        assert "Welcome to nginx" in page(number)
    note("fifteen replicas", spread())
