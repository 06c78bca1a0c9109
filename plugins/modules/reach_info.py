#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reach_info
short_description: How a registry is reached from a host
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Looks from a host that pulls or pushes at a registry. Does its name lead somewhere, does something answer, with which
    certificate, do the container engines of the host trust it, and does the registry accept the users' logins.
  - Each question is answered whatever came of the others. Nothing here fails because the registry does.
  - The role P(dockyard.registry.registry_doctor#role) turns the answers into words.
extends_documentation_fragment:
  - dockyard.registry.attributes
  - dockyard.registry.attributes.info_module
options:
  registry:
    description:
      - The registry's host and port as they stand in front of an image's name, such as V(registry.example.com:5000).
        Without a port it is 443.
    type: str
    required: true
  address:
    description:
      - Where to connect to, if not where the name leads.
    type: str
    default: ""
  ca:
    description:
      - The certificates of a CA, as PEM text, to see whether it has signed what the registry shows.
    type: str
    default: ""
  engines:
    description:
      - The container engines to look at. Those that are installed, if none are named.
    type: list
    elements: str
    choices: [docker, podman, containerd]
    default: []
  os_users:
    description:
      - Users of the host whose logins to try. To look at those of other users, the module must run as root.
    type: list
    elements: str
    default: []
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
  - module: dockyard.registry.health_info
"""

EXAMPLES = r"""
- name: Look at the registry from here
  dockyard.registry.reach_info:
    registry: 127.0.0.1:5000
  register: reach

- name: Show whose certificate it has
  ansible.builtin.debug:
    msg: "{{ reach.server.certificate.issuer | default('none') }}"
"""

RETURN = r"""
registry:
  description: What was asked for.
  returned: success
  type: str
  sample: registry.example.com:5000
name:
  description: The addresses of the host's name, or why there are none.
  returned: success
  type: dict
  sample: {"addresses": ["192.0.2.10"], "problem": ""}
server:
  description:
    - What answered at C(/v2/). C(scheme) is V(http) if the port does not speak TLS. C(status) is V(null) if nothing
      answered, and C(reason) and C(problem) say why.
    - C(certificate) is what the server shows, trusted or not.
  returned: success
  type: dict
  sample:
    scheme: https
    status: 401
    is_registry: true
    asks_login: true
    date: 1795500000.0
    seconds: 0.012
    body: ""
    reason: ""
    problem: ""
    certificate:
      subject: CN=registry.example.com
      issuer: CN=Example CA
      names: [registry.example.com]
      not_before: "2026-11-01T00:00:00Z"
      not_after: "2027-12-03T00:00:00Z"
      days_left: 374.75
      is_ca: false
      self_signed: false
      fingerprint: 8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4
trust:
  description:
    - Who trusts the certificate. C(by) is V(ca) for O(ca), V(system), or an engine. C(problem) is empty if it is trusted.
    - Empty if the registry does not speak TLS.
  returned: success
  type: list
  elements: dict
  sample:
    - by: docker
      problem: unknown_ca
      detail: unable to get local issuer certificate
      files: []
logins:
  description: The logins of O(os_users), and whether the registry accepts them. Never a password.
  returned: success
  type: list
  elements: dict
  sample:
    - {os_user: ci, tool: docker, username: ci, problem: "", detail: ""}
engines:
  description: The engines that were looked at.
  returned: success
  type: list
  elements: str
  sample: [docker]
engine:
  description:
    - The names of the images that the Docker Engine has, and whether it takes the registry without valid TLS.
    - V(null) if it was not looked at.
  returned: success
  type: dict
  sample: {"problem": "", "images": ["registry.example.com/app:1"], "insecure": false}
clock:
  description:
    - By how many seconds this host's clock is ahead of the registry's and of the controller's. V(null) if unknown.
  returned: success
  type: dict
  sample: {"registry": 0.4, "controller": 1.2}
containerd:
  description: The folder that containerd is told to look for registries in. Empty if it is told none.
  returned: success
  type: str
  sample: /etc/containerd/certs.d
"""

import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engine_reader import SOCKET, EngineReader
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engines import (
    ENGINES,
    as_engines,
    configured_folder,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.reach import (
    TrustFound,
    clock_offset,
    find_engine,
    find_logins,
    find_name,
    find_server,
    find_trust,
    split_authority,
)


def look(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return all answers as plain values."""
    asked = params["controller_time"]
    ahead = None if asked is None else time.time() - asked
    registry, address = params["registry"], params["address"]
    host, _port = split_authority(registry)
    engines = as_engines(params["engines"])
    server = find_server(registry, address=address)
    # Now: slow logins would count as a clock that is ahead.
    clock = {"registry": clock_offset(server), "controller": ahead}
    secure = server.scheme == "https" and server.certificate is not None
    trusts = find_trust(registry, engines, pem=params["ca"], address=address) if secure else []
    tools = [tool for tool in ("docker", "podman") if tool in engines] or ["docker"]
    logins = find_logins(registry, params["os_users"], tools, server, trusts)
    engine = find_engine(registry, EngineReader(params["engine_socket"])) if "docker" in engines else None
    return {
        "registry": registry,
        "name": dataclasses.asdict(find_name(host)),
        "server": server.as_dict(),
        "trust": [_trust(found) for found in trusts],
        "logins": [dataclasses.asdict(login) for login in logins],
        "engines": engines,
        "engine": dataclasses.asdict(engine) if engine else None,
        "clock": clock,
        "containerd": configured_folder(),
    }


def _trust(found: TrustFound) -> dict[str, t.Any]:
    return {"by": found.by, **dataclasses.asdict(found.trust), "files": list(found.files)}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "registry": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "ca": {"type": "str", "default": ""},
            "engines": {"type": "list", "elements": "str", "choices": list(ENGINES), "default": []},
            "os_users": {"type": "list", "elements": "str", "default": []},
            "controller_time": {"type": "float"},
            "engine_socket": {"type": "path", "default": SOCKET},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **look(module.params))
    except RegistryError as error:
        module.fail_json(msg=str(error), error=error.as_dict())


if __name__ == "__main__":
    main()
