# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container with systemd and an engine that is a Swarm of one node, a registry with a password in it, and its images."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import bcrypt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from nodes import ROOT, docker, node, run  # noqa: E402  # found only after the line above

NODE = "dockyard-service-node"
REGISTRY = "127.0.0.1:5000"
LOGIN = {"username": "ada", "password": "hunter2"}
NETWORK = "workloads"
BIN = Path(sys.executable).parent


def until(check: t.Callable[[], t.Any], seconds: float = 60) -> t.Any:
    """Ask until the answer is one."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.3)


def succeeds(*command: str) -> bool:
    """Whether a command in the node ends well."""
    done = subprocess.run(["docker", "exec", NODE, *command], capture_output=True, timeout=60, check=False)
    return done.returncode == 0


@contextlib.contextmanager
def swarm() -> t.Iterator[None]:
    """The node, with nginx:1 and nginx:2 in its registry and nowhere else."""
    # Nodes ask Docker Hub for images without a registry, and would wait for its name.
    with node(NODE, "--add-host", "registry-1.docker.io:127.0.0.1"):
        images = ROOT / ".cache" / "images"
        until(lambda: succeeds("docker", "info"))
        for name in ("registry-3", "hello-world"):
            docker("cp", str(images / f"{name}.tar"), f"{NODE}:/srv/{name}.tar")
            run(NODE, "docker", "load", "-i", f"/srv/{name}.tar")
        run(NODE, "docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        hashed = bcrypt.hashpw(LOGIN["password"].encode(), bcrypt.gensalt(4)).decode()
        run(NODE, "sh", "-c", f"echo '{LOGIN['username']}:{hashed}' > /srv/htpasswd")
        run(
            NODE, "docker", "run", "-d", "--name", "registry", "-p", f"{REGISTRY}:5000", "-v", "/srv/htpasswd:/htpasswd",
            "-e", "REGISTRY_AUTH=htpasswd", "-e", "REGISTRY_AUTH_HTPASSWD_REALM=test", "-e", "REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd",
            "registry:3",
        )
        until(lambda: succeeds("curl", "-s", f"http://{REGISTRY}/"))
        for name, tag in (("nginx", "1"), ("nginx-next", "2")):
            docker("cp", str(images / f"{name}.tar"), f"{NODE}:/srv/{name}.tar")
            # The archive has several names for its one image.
            index = json.loads(run(NODE, "tar", "-xOf", f"/srv/{name}.tar", "index.json"))
            first = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
            run(
                NODE, "skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", ":".join(LOGIN.values()),
                f"oci-archive:/srv/{name}.tar:{first}", f"docker://{REGISTRY}/nginx:{tag}",
            )
        run(NODE, "docker", "network", "create", "-d", "overlay", "--attachable", NETWORK)
        yield


def service(check: bool = False, diff: bool = False, loud: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module in the node; returns its result, with all that was printed as ``printed``.

    Less than ``-vvv`` leaves the diff out of the result.
    """
    done = subprocess.run(
        [
            BIN / "ansible", NODE, "-i", f"{NODE},", "-c", "community.docker.docker", "-e", "ansible_python_interpreter=/usr/bin/python3",
            "-m", "dockyard.registry.service", "-a", json.dumps(options), *(["-vvv"] if loud or diff else []),
            *(["--check"] if check else []), *(["--diff"] if diff else []),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"},
    )
    begin = done.stdout.find(f"{NODE} | ")
    assert begin >= 0, done.stdout + done.stderr
    brace = done.stdout.index("{", begin)
    answer = json.JSONDecoder().raw_decode(done.stdout[brace:])[0]
    # What the command leaves out of the result stands before it: "node | FAILED! => {".
    return {**answer, "failed": "FAILED" in done.stdout[begin:brace], "printed": done.stdout + done.stderr}


def containers(name: str) -> list[str]:
    """The IDs of the containers of a service that run."""
    return run(NODE, "docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={name}").split()


class Load:
    """Steady requests to a service by its name on its network, from a container of their own."""

    def __init__(self, name: str, url: str, mode: str = "short", threads: int = 2, network: str = NETWORK) -> None:
        self.name = name
        docker("cp", str(Path(__file__).parent / "load.py"), f"{NODE}:/srv/load.py")
        run(
            NODE, "docker", "run", "-d", "--name", f"load-{name}", "--network", network, "-v", "/srv:/srv", "-v", "/usr:/usr:ro",
            "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro", "hello-world", "/usr/bin/python3", "/srv/load.py", url,
            f"/srv/{name}.stop", f"/srv/{name}.json", mode, "0.05", str(threads),
        )

    def end(self) -> dict[str, t.Any]:
        """Stop, and return what was counted."""
        run(NODE, "touch", f"/srv/{self.name}.stop")
        until(lambda: succeeds("test", "-e", f"/srv/{self.name}.json"))
        run(NODE, "docker", "rm", "-f", f"load-{self.name}")
        return json.loads(run(NODE, "cat", f"/srv/{self.name}.json"))
