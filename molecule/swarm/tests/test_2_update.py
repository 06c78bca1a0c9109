# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another version of nginx comes without a failed request; one that cannot start does not come at all."""

from __future__ import annotations

from pathlib import Path

from swarm_hosts import ALICE, REGISTRY, note, output, play, spread, steady_requests

IMAGE = "docker service inspect nginx --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}'"


def push(image: str, tag: str) -> None:
    """Push one of host 2's images as another version of nginx."""
    output(2, f"docker login --username alice --password-stdin {REGISTRY}", ALICE[0])
    output(2, f"docker tag {image} {REGISTRY}/nginx:{tag} && docker push {REGISTRY}/nginx:{tag}")


def test_a_new_version_under_steady_requests(inventory: str, tmp_path: Path) -> None:
    output(2, "docker load --input /srv/nginx-next.tar")
    push("nginx:next", "next")
    with steady_requests(tmp_path, 1, 2, 3) as found:
        played = play(inventory, "rollout", image="nginx", tag="next", replicas=15)
    requests = found[0]
    note("rolling update of 15: requests sent, failed", f"{requests.sent}, {requests.failed} {requests.pages}")
    assert played.code == 0
    assert requests.failed == 0, requests.problems
    assert requests.pages["Welcome to nginx"] and requests.pages["Welcome to nginx, next"]
    assert sum(spread().values()) == 15
    assert f"{REGISTRY}/nginx:next@sha256:" in output(1, IMAGE)


def test_a_version_that_cannot_start_is_rolled_back(inventory: str, tmp_path: Path) -> None:
    output(2, "docker rm -f broken; docker create --name broken nginx:next && echo 'server { listen nowhere; }' > /tmp/broken.conf"
           " && docker cp /tmp/broken.conf broken:/etc/nginx/conf.d/default.conf && docker commit broken nginx:broken && docker rm broken")  # fmt: skip
    push("nginx:broken", "broken")
    before = output(1, IMAGE)
    with steady_requests(tmp_path, 1, 2, 3) as found:
        played = play(inventory, "rollout", image="nginx", tag="broken", replicas=15)
    requests = found[0]
    note("update that cannot start: requests sent, failed", f"{requests.sent}, {requests.failed} {requests.pages}")
    assert played.code == 2
    assert "non-zero exit (1)" in played.printed
    assert "rolled back" in played.printed
    assert requests.failed == 0, requests.problems
    assert set(requests.pages) == {"Welcome to nginx, next"}
    assert output(1, IMAGE) == before
    assert sum(spread().values()) == 15
