# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Push and pull with the real client, and what a registry has to survive."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

REGISTRY = "127.0.0.1:5000"
HELLO = f"{REGISTRY}/library/hello-world"
PASSWORD = "looking glass for tests"


def wait_healthy(host):
    """Wait for the container's own health check; the engine asks it every ten seconds."""
    for _attempt in range(60):
        state = host.run("docker inspect -f '{{.State.Health.Status}}' registry")
        if state.stdout.strip() == "healthy":
            return
        time.sleep(1)
    raise AssertionError(host.run("docker logs --tail 20 registry").stderr)


def digest_of(host, reference):
    answer = host.run(f"docker inspect -f '{{{{index .RepoDigests 0}}}}' {reference}")
    return answer.stdout.strip().partition("@")[2]


@pytest.fixture
def login(host):
    assert host.run(f"echo '{PASSWORD}' | docker login -u alice --password-stdin {REGISTRY}").rc == 0
    yield
    assert host.run(f"docker logout {REGISTRY}").rc == 0


def test_container_is_locked_down(host):
    found = json.loads(host.check_output("docker inspect registry"))[0]
    assert found["HostConfig"]["ReadonlyRootfs"] is True
    assert [name.lower() for name in found["HostConfig"]["CapDrop"]] == ["all"]
    assert found["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"]
    assert found["HostConfig"]["Memory"] == 512 * 1024**2
    assert found["HostConfig"]["NanoCpus"] == 10**9
    assert found["HostConfig"]["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}
    assert host.socket("tcp://127.0.0.1:5000").is_listening
    assert not host.socket("tcp://0.0.0.0:5000").is_listening


def test_not_root_where_the_storage_allows(host):
    user = host.check_output("docker inspect -f '{{.Config.User}}' registry")
    with_folder = host.file("/var/lib/dockyard/registry/docker").exists
    assert user == ("65532:65532" if with_folder else "0:0")


def test_secrets_are_their_owners(host):
    for path in ("http_secret", "users/bob"):
        secret = host.file(f"/etc/dockyard/registry/secrets/{path}")
        assert secret.mode == 0o400
        assert secret.user == "root"
    assert host.file("/etc/dockyard/registry/secrets").mode == 0o700
    htpasswd = host.file("/etc/dockyard/registry/etc/htpasswd")
    assert htpasswd.mode == 0o640
    assert "alice:$2y$05$" in htpasswd.content_string


def test_generated_password_logs_in(host):
    secret = "/etc/dockyard/registry/secrets/users/bob"
    assert host.run(f"docker login -u bob --password-stdin {REGISTRY} < {secret}").rc == 0
    assert host.run(f"docker logout {REGISTRY}").rc == 0


def test_refused_without_login(host):
    pull = host.run(f"docker pull {HELLO}")
    assert pull.rc != 0
    assert "no basic auth credentials" in pull.stderr
    wrong = host.run(f"echo wrong | docker login -u alice --password-stdin {REGISTRY}")
    assert wrong.rc != 0


def test_seeded_image_runs(host, login):
    assert host.run(f"docker pull {HELLO}").rc == 0
    assert "Hello" in host.check_output(f"docker run --rm {HELLO}")
    assert host.run(f"docker rmi {HELLO}").rc == 0


def test_push_then_pull_by_tag_and_by_digest(host, login):
    mine = f"{REGISTRY}/team/mine"
    assert host.run(f"docker pull {HELLO}").rc == 0
    assert host.run(f"docker tag {HELLO} {mine}:1 && docker push {mine}:1").rc == 0
    image = host.check_output(f"docker inspect -f '{{{{.Id}}}}' {mine}:1")
    digest = json.loads(host.check_output(f"docker inspect {mine}:1"))[0]["RepoDigests"]
    digest = next(entry for entry in digest if entry.startswith(mine)).partition("@")[2]
    assert host.run(f"docker rmi {mine}:1 {HELLO}").rc == 0
    assert host.run(f"docker inspect {image}").rc != 0
    assert host.run(f"docker pull {mine}:1").rc == 0
    assert host.check_output(f"docker inspect -f '{{{{.Id}}}}' {mine}:1") == image
    assert host.run(f"docker rmi {mine}:1").rc == 0
    assert host.run(f"docker pull {mine}@{digest}").rc == 0
    assert host.check_output(f"docker inspect -f '{{{{.Id}}}}' {mine}@{digest}") == image
    assert host.run(f"docker rmi {mine}@{digest}").rc == 0


def pull_again(host):
    wait_healthy(host)
    assert host.run(f"docker pull {HELLO}").rc == 0
    assert host.run(f"docker rmi {HELLO}").rc == 0


SLOW_UPLOAD = r"""
set -eu
head -c 6000000 /dev/urandom >/tmp/blob
digest=sha256:$(sha256sum /tmp/blob | cut -d' ' -f1)
url=http://127.0.0.1:5000/v2/team/slow/blobs/uploads/
place=$(curl -sf -u "$1" -X POST -D - -o /dev/null "$url" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
curl -s -u "$1" --limit-rate 1M -X PUT -H 'Content-Type: application/octet-stream' --data-binary @/tmp/blob \
    -o /dev/null -w '%{http_code}' "$place&digest=$digest" >/tmp/answer &
sleep 2
docker stop registry >/dev/null
wait $!
docker start registry >/dev/null
cat /tmp/answer
"""


def test_a_stop_lets_an_upload_end(host):
    done = host.run("bash -c %s upload %s", SLOW_UPLOAD, f"alice:{PASSWORD}")
    assert done.rc == 0, done.stderr
    assert done.stdout == "201"
    wait_healthy(host)


def test_data_survives_stop(host, login):
    assert host.run("docker stop registry && docker start registry").rc == 0
    pull_again(host)


def test_data_survives_kill(host, login):
    assert host.run("docker kill registry && docker start registry").rc == 0
    pull_again(host)


def test_data_survives_restart(host, login):
    assert host.run("docker restart registry").rc == 0
    pull_again(host)


def test_data_survives_the_nodes_restart(host, login):
    node = host.check_output("hostname")
    subprocess.run(["docker", "restart", node], check=True, capture_output=True, timeout=120)
    pull_again(host)
