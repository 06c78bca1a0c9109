# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password and the certificate change while the workload serves."""

from __future__ import annotations

from pathlib import Path

from swarm_hosts import ALICE, REGISTRY, address, note, output, page, play, run, settled, steady_requests

END = f"echo | openssl s_client -connect {REGISTRY} 2>/dev/null | openssl x509 -noout -enddate -serial"


def logs_in(password: str) -> bool:
    """Whether the registry takes the password."""
    done = run(3, f"DOCKER_CONFIG=/tmp/try docker login --username alice --password-stdin {REGISTRY}", password)
    output(3, "rm -rf /tmp/try")
    return done.returncode == 0


def test_htpasswd_and_certificate_are_rotated(inventory: str, tmp_path: Path) -> None:
    before = output(3, END)
    assert logs_in(ALICE[0])
    # The manager was off the network a moment ago. What is counted here is what the rotation does.
    note("rotation: seconds until the mesh had settled", settled(tmp_path, 1, 2, 3))
    changed = {
        "registry_users": [{"name": "alice", "password": ALICE[1]}, {"name": "ci", "password": "pulls all day"}],
        # The certificate that there is has 397 days.
        "registry_tls_renew_days": 398,
        "registry_tls_days": 500,
        # What runs by now: an update is another test's.
        "swarm_rollout_tag": "next",
    }
    # It takes minutes: to ask without a pause would only slow it down on kernels whose system calls are slow.
    with steady_requests(tmp_path, 1, 2, 3, pause=0.2) as found:
        played = play(inventory, "swarm", **changed)
    requests = found[0]
    note("rotation: requests sent to the workload, failed", f"{requests.sent}, {requests.failed}")
    assert played.code == 0
    assert requests.failed == 0, requests.problems
    assert output(3, END) != before
    assert not logs_in(ALICE[0])
    assert logs_in(ALICE[1])
    assert "UNAUTHORIZED" in page(2, f"https://{address(2)}:5000/v2/")
    output(3, f"docker rmi --force {REGISTRY}/team/hello:1; docker pull {REGISTRY}/team/hello:1")
    secrets = output(1, "docker secret ls --format '{{.Name}}'").splitlines()
    note("secrets after the rotation", ", ".join(sorted(secrets)))
