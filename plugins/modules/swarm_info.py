#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: What a host is to a Swarm
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Says whether this host is in a Swarm and as what, which nodes a manager knows, whether the kernel can do IPVS, which TCP
    ports are taken and by whom, and whether the Docker SDK for Python is there.
  - On a manager it looks at one service and at the secrets that bear a label, too.
  - It asks the engine's socket and F(/proc), needs no library, and does not fail where there is no engine or no Swarm.
extends_documentation_fragment:
  - dockyard.registry.attributes
  - dockyard.registry.attributes.info_module
options:
  ports:
    description:
      - TCP ports that something is to be published at.
    type: list
    elements: int
    default: []
  addresses:
    description:
      - IP addresses of which it is to be told whether they are this host's own.
    type: list
    elements: str
    default: []
  service:
    description:
      - The name of a service to look at. Only a manager knows services.
    type: str
  label:
    description:
      - A label, C(key) or C(key=value), whose secrets and configs are to be listed. Only a manager knows them.
    type: str
  engine_socket:
    description:
      - The socket of the host's Docker Engine.
    type: path
    default: /var/run/docker.sock
seealso:
  - module: community.docker.docker_swarm_info
"""

EXAMPLES = r"""
- name: Look at the node
  dockyard.registry.swarm_info:
    ports: [80, 5000]
  register: node

- name: Say how services can be published
  ansible.builtin.debug:
    msg: "{{ 'The routing mesh works here' if node.ipvs.available else node.ipvs.reason }}"
"""

RETURN = r"""
swarm:
  description:
    - The Swarm as this node sees it. C(state) is V(none) if no engine answers, V(inactive) outside of any Swarm, otherwise
      V(pending), V(active), V(locked) or V(error).
    - C(nodes) are all nodes if this one is a manager. C(tasks) are the Swarm's containers that run on this node.
    - C(live_restore) says that the engine's setting of that name is on, with which it enters no Swarm.
  returned: success
  type: dict
  sample:
    state: active
    error: ""
    node_id: wcncq4sxpo3ap1u7eqd1iwtw1
    address: 192.0.2.11
    manager: true
    cluster_id: mf6rpxm0n5dpjlfc40yuxd0f2
    managers: ["192.0.2.11:2377"]
    nodes:
      - node_id: wcncq4sxpo3ap1u7eqd1iwtw1
        hostname: host1
        role: manager
        availability: active
        state: ready
        address: 192.0.2.11
        reachability: reachable
        leader: true
        labels: {"disk": "ssd"}
    tasks: [web.1.kr2rm1p1xz4v4z9oa1j4dvq0n]
    live_restore: false
ipvs:
  description: Whether the kernel can do IPVS, which virtual addresses and the routing mesh need, and how that was found out.
  returned: success
  type: dict
  sample: {"available": true, "reason": "the kernel can load the module ip_vs"}
ports:
  description:
    - Each of O(ports), whether it is free on every address of this node, and who has it.
    - C(service) is the Swarm's service that publishes it, as far as this node knows.
  returned: success
  type: list
  elements: dict
  sample:
    - {"port": 80, "free": false, "holder": "nginx (process 812)", "service": ""}
sdk:
  description: The version of the Docker SDK for Python, empty if it is not there.
  returned: success
  type: str
  sample: 7.1.0
default_address:
  description: The address that this host uses on its way out, empty without one.
  returned: success
  type: str
  sample: 192.0.2.11
own_addresses:
  description: Those of O(addresses) that are this host's own.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.11]
service:
  description:
    - The service O(service). C(bound) are the names of its secrets and configs, C(bound_before) those of the spec that a
      rollback goes back to.
  returned: when O(service) is given
  type: dict
  sample:
    exists: true
    image: registry:3
    replicas: 1
    labels: {"dockyard.registry.name": "registry"}
    ports: [{"published_port": 5000, "mode": "ingress"}]
    bound: [registry-config-0a1b2c3d4e5f]
    bound_before: []
    update_state: completed
objects:
  description: The secrets and configs that bear O(label).
  returned: when O(label) is given
  type: dict
  sample:
    secrets:
      - {"name": "registry-config-0a1b2c3d4e5f", "object_id": "jv3p9r", "labels": {"dockyard.registry.name": "registry"}}
    configs: []
"""

import dataclasses
import importlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engine_reader import SOCKET, EngineReader
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.ipvs import find_ipvs
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.swarm_node import (
    default_address,
    find_ports,
    find_swarm,
    own_addresses,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.swarm_service import (
    ServiceFound,
    find_objects,
    find_service,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError


def look(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return all answers as plain values.

    :raises RegistryError: if the engine of a manager does not tell what it must know.
    """
    reader = EngineReader(params["engine_socket"])
    swarm = find_swarm(reader)
    answers: dict[str, t.Any] = {
        "swarm": dataclasses.asdict(swarm),
        "ipvs": dataclasses.asdict(find_ipvs()),
        "ports": [dataclasses.asdict(port) for port in find_ports(reader, params["ports"], manager=swarm.manager)],
        "sdk": sdk_version(),
        "default_address": default_address(),
        "own_addresses": own_addresses(params["addresses"]),
    }
    if params["service"]:
        found = find_service(reader, params["service"]) if swarm.manager else ServiceFound()
        answers["service"] = dataclasses.asdict(found)
    if params["label"]:
        answers["objects"] = {
            kind: [dataclasses.asdict(one) for one in find_objects(reader, kind, params["label"])] if swarm.manager else []
            for kind in ("secrets", "configs")
        }
    return answers


def sdk_version() -> str:
    """Return the version of the Docker SDK for this Python, empty if it cannot be used."""
    try:
        return str(importlib.import_module("docker").__version__)
    except (ImportError, AttributeError):
        return ""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "ports": {"type": "list", "elements": "int", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "service": {"type": "str"},
            "label": {"type": "str"},
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
