#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_info
short_description: How a registry on this host is
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Looks at a registry that runs as a container on this host, at its engine, container, port, certificate, login, storage,
    log and clock, and pushes, pulls and removes a small image.
  - Each question is answered whatever came of the others. Nothing here fails because the registry does.
  - The role P(dockyard.registry.registry_doctor#role) turns the answers into words.
extends_documentation_fragment:
  - dockyard.registry.attributes
  - dockyard.registry.attributes.info_module
attributes:
  check_mode:
    details:
      - In check mode, no image is pushed.
  idempotent:
    details:
      - The image that is pushed to C(dockyard/doctor) is removed again, unless the registry does not let anybody delete.
options:
  name:
    description:
      - The registry's container.
    type: str
    default: registry
  address:
    description:
      - The IP address that it listens on.
    type: str
    default: 127.0.0.1
  port:
    description:
      - The TCP port that it listens on.
    type: int
    default: 5000
  tls:
    description:
      - Whether it speaks TLS.
    type: bool
    default: false
  host_names:
    description:
      - The names and addresses that it is reached by. Its certificate must be valid for all of them.
    type: list
    elements: str
    default: []
  ca_path:
    description:
      - A PEM file with the CA that signed its certificate. The system's CAs are used if it is not there.
    type: path
  username:
    description:
      - A user of the registry to try a login with.
    type: str
  password:
    description:
      - The password of O(username).
    type: str
  password_path:
    description:
      - A file on the host that holds the password of O(username), instead of O(password).
    type: path
  data_dir:
    description:
      - The folder on the host that keeps the images.
    type: path
  volume:
    description:
      - The named volume that keeps the images, instead of O(data_dir).
    type: str
  round_trip:
    description:
      - Whether to push, pull and remove a small image.
    type: bool
    default: true
  controller_time:
    description:
      - What time it is on the controller, in seconds since 1970, to compare clocks by.
    type: float
  engine_socket:
    description:
      - The socket of the Docker Engine.
    type: path
    default: /var/run/docker.sock
seealso:
  - module: dockyard.registry.reach_info
"""

EXAMPLES = r"""
- name: Look at the registry
  dockyard.registry.health_info:
    data_dir: /var/lib/dockyard/registry
  become: true
  register: health

- name: Show how much room there is
  ansible.builtin.debug:
    msg: "{{ health.storage.free_bytes | default(0) | human_readable }}"
"""

RETURN = r"""
engine:
  description: Whether the engine answers. C(problem) is empty if it does.
  returned: success
  type: dict
  sample: {"problem": "", "version": "26.1.5"}
container:
  description: The container. V(null) if the engine does not answer.
  returned: success
  type: dict
  sample:
    exists: true
    status: running
    pid: 4242
    restarts: 0
    up_seconds: 86400.0
    exit_code: 0
    error: ""
    oom_killed: false
    oom_kills: 0
    health: healthy
    image: registry:3
    version: 3.1.2
    memory_limit: 0
    memory_used: 21000000
    published: ["127.0.0.1:5000"]
    mounts:
      - {destination: /var/lib/registry, source: /var/lib/dockyard/registry, volume: "", writable: true}
    errors: []
port:
  description: Who listens on O(port). V(null) if nobody does.
  returned: success
  type: dict
  sample: {"program": docker-proxy, "pid": 4200, "container": registry}
server:
  description: What answered at C(/v2/), as M(dockyard.registry.reach_info) returns it.
  returned: success
  type: dict
  sample: {"scheme": http, "status": 401, "is_registry": true, "asks_login": true, "seconds": 0.004, "certificate": null}
trust:
  description: Whether the certificate is valid for each of O(host_names). Empty without TLS.
  returned: success
  type: list
  elements: dict
  sample: [{"name": registry.example.com, "problem": "", "detail": ""}]
login:
  description: What came of the login, and the seconds it took. V(null) without O(username).
  returned: success
  type: dict
  sample: {"username": admin, "problem": "", "detail": "", "seconds": 0.02}
storage:
  description:
    - The folder of the images. V(null) if neither O(data_dir) nor O(volume) is given, or if the engine, which alone knows
      where a volume is, does not answer.
  returned: success
  type: dict
  sample:
    path: /var/lib/dockyard/registry
    exists: true
    is_registry: true
    read_only: false
    same: true
    missing_mount: ""
    total_bytes: 107374182400
    free_bytes: 85899345920
    free_files_percent: 98.1
    used_bytes: 1570000000
    counted: true
    problem: ""
round_trip:
  description: How far a small image came. C(failed_at) is empty if it came back as it went.
  returned: success
  type: dict
  sample: {"failed_at": "", "detail": "", "status": null, "seconds": 0.03, "kept": ""}
clock:
  description:
    - By how many seconds this host's clock is ahead of the registry's and of the controller's. V(null) if unknown.
  returned: success
  type: dict
  sample: {"registry": 0.4, "controller": 1.2}
"""

import dataclasses
import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import TlsSettings
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.container_health import (
    ContainerFound,
    find_container,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engine_reader import SOCKET, EngineReader
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.port_holder import find_holder
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.probe import (
    Probe,
    Trust,
    check_trust,
    probe,
    trust_context,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.reach import clock_offset
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.round_trip import (
    LoginTried,
    RoundTrip,
    make_round_trip,
    try_login,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.storage_health import StorageFound, find_storage

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Examination:
    """The questions, each answered by itself."""

    def __init__(self, params: t.Mapping[str, t.Any], *, writes: bool) -> None:
        self._params = params
        self._writes = writes
        self._reader = EngineReader(params["engine_socket"])
        bound = params["address"].strip("[]")
        self._address = _ANY_ADDRESS.get(bound, bound)
        self._origin = Origin("https" if params["tls"] else "http", self._address, params["port"])
        ca_path = params["ca_path"]
        self._ca_path = ca_path if ca_path and os.path.exists(ca_path) else None

    def answers(self) -> dict[str, t.Any]:
        """Return everything as plain values."""
        asked = self._params["controller_time"]
        ahead = None if asked is None else time.time() - asked
        engine, container = self.engine()
        server = self.server()
        # Now: a slow login would count as a clock that is ahead.
        clock = {"registry": clock_offset(server), "controller": ahead}
        login, round_trip = self.login_and_round_trip(server, container)
        storage = self.storage(container)
        return {
            "engine": engine,
            "container": dataclasses.asdict(container) if container else None,
            "port": self.port(),
            "server": server.as_dict(),
            "trust": self.trust(server),
            "login": dataclasses.asdict(login) if login else None,
            "storage": dataclasses.asdict(storage) if storage else None,
            "round_trip": dataclasses.asdict(round_trip),
            "clock": clock,
        }

    def engine(self) -> tuple[dict[str, str], ContainerFound | None]:
        """Ask the engine for itself and for the container."""
        try:
            version = str(self._reader.json("/version")["Version"])
            return {"problem": "", "version": version}, find_container(self._reader, self._params["name"])
        except RegistryError as error:
            return {"problem": str(error), "version": ""}, None

    def port(self) -> dict[str, t.Any] | None:
        """Find out who has the port; of the engine's proxy, for which container it listens."""
        holder = find_holder(self._params["address"], self._params["port"])
        if holder is None:
            return None
        try:
            running = self._reader.json("/containers/json")
        except RegistryError:
            running = []  # that the engine does not answer is told already
        names = [
            one["Names"][0].lstrip("/")
            for one in running
            for published in one.get("Ports") or []
            if published.get("PublicPort") == self._params["port"]
        ]
        container = names[0] if names and holder.program in ("", "docker-proxy") else ""
        return dataclasses.asdict(dataclasses.replace(holder, container=container))

    def server(self) -> Probe:
        """Ask in the protocol that it should speak; if it does not, in plain HTTP, to tell what is there."""
        found = probe(self._origin)
        if found.reason == "not_tls":
            return probe(self._origin._replace(scheme="http"))
        return found

    def trust(self, server: Probe) -> list[dict[str, t.Any]]:
        """Check the certificate for each name."""
        if not server.certificate:
            return []
        return [
            {"name": name, **dataclasses.asdict(self._trust_for(name))}
            for name in self._params["host_names"] or [self._address]
        ]

    def _trust_for(self, name: str) -> Trust:
        try:
            context = trust_context(files=[self._ca_path] if self._ca_path else [], system=not self._ca_path)
        except InvalidSettings as error:
            return Trust("files", str(error))
        return check_trust(self._origin._replace(host=name.strip("[]")), context, address=self._address)

    def login_and_round_trip(
        self, server: Probe, container: ContainerFound | None
    ) -> tuple[LoginTried | None, RoundTrip]:
        """Log in, and push and pull, where this registry answers: a password is not for whoever else has the port."""
        username = self._params["username"]
        ours = bool(container and container.running) and self._is_published(container)
        if server.status is None or not server.is_registry or not ours:
            untried = "this registry does not answer"
            return (LoginTried(username, detail=untried) if username else None), RoundTrip(detail=untried)
        # From this host to itself, the certificate proves nothing that `trust` has not said.
        tls = TlsSettings(validate_certs=False)
        origin = self._origin._replace(scheme=server.scheme)
        credentials, problem = self._credentials()
        login = try_login(origin, credentials, tls) if credentials else None
        if username and not credentials:
            login = LoginTried(username, detail=problem)
        if not self._writes:
            return login, RoundTrip(detail="it was not asked for")
        if server.asks_login and (login is None or login.problem):
            return login, RoundTrip(detail="there is no login that works")
        return login, make_round_trip(origin, credentials, tls)

    def _is_published(self, container: ContainerFound | None) -> bool:
        port = f":{self._params['port']}"
        return any(one.endswith(port) for one in (container.published if container else ()))

    def _credentials(self) -> tuple[Credentials | None, str]:
        username, password, path = (self._params[key] for key in ("username", "password", "password_path"))
        if not username:
            return None, ""
        if password is None and path:
            try:
                with open(path, encoding="utf-8") as file:
                    password = file.read()
            except OSError as error:
                return None, f"its password cannot be read from {path}: {error.strerror}"
        return (Credentials(username, password), "") if password else (None, "its password is not known")

    def storage(self, container: ContainerFound | None) -> StorageFound | None:
        """Look at the folder, or at the one of the volume."""
        path = self._params["data_dir"]
        if self._params["volume"]:
            if container is None:
                return None  # the engine does not answer, which is told already
            try:
                path = self._reader.json(f"/volumes/{self._params['volume']}")["Mountpoint"]
            except RegistryError as error:
                return StorageFound(self._params["volume"], problem=str(error))
        return find_storage(path, pid=container.pid if container and container.running else 0) if path else None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "registry"},
            "address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 5000},
            "tls": {"type": "bool", "default": False},
            "host_names": {"type": "list", "elements": "str", "default": []},
            "ca_path": {"type": "path"},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "password_path": {"type": "path", "no_log": False},
            "data_dir": {"type": "path"},
            "volume": {"type": "str"},
            "round_trip": {"type": "bool", "default": True},
            "controller_time": {"type": "float"},
            "engine_socket": {"type": "path", "default": SOCKET},
        },
        supports_check_mode=True,
    )
    writes = module.params["round_trip"] and not module.check_mode
    module.exit_json(changed=False, **Examination(module.params, writes=writes).answers())


if __name__ == "__main__":
    main()
