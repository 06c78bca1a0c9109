#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Have a Swarm service, and wait until it runs as it was told to
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Creates, updates, rolls back or removes a service of a Docker Swarm, by its manager, and waits until that has happened on
    the nodes, not only in the manager's books.
  - The image's tag is resolved to its digest at its registry, so that all nodes run the same, and keep doing so. An image that
    the registry does not have is refused before anything is changed.
  - The nodes are handed the login for the registry.
  - If an update is paused or rolled back, if tasks do not live, or if O(timeout) passes, the module fails. It quotes the tasks'
    own errors, and says what runs now.
  - A service belongs to who describes it. What is not among these options is not in the service after the next change, and an
    option that is left out goes back to the engine's default.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.attributes
attributes:
  check_mode:
    support: full
    details:
      - The registry and the manager are asked, nothing is written, and nothing is waited for.
  diff_mode:
    support: full
    details:
      - Shows what differs, in terms of the options. Values of O(env) whose name speaks of a secret are hidden.
  idempotent:
    support: partial
    details:
      - Not with O(force=true) or O(update_credentials=true).
      - A password that has changed is not seen, as the engine never tells it. It is handed over with the next change, or by
        O(update_credentials=true).
      - O(state=rolled_back) changes nothing if the last thing that happened to the service was a rollback, by whomever.
options:
  name:
    description:
      - The service's name, at most 63 letters, digits, C(-) and C(_).
    type: str
    required: true
  image:
    description:
      - The image, as C([registry/]repository[:tag][@digest]). Required if O(state=present).
      - With O(pin_digest=false) also the ID of an image that the nodes have, as V(sha256:...).
    type: str
  state:
    description:
      - V(present) has the service as the other options describe it.
      - V(absent) removes it, and waits until its containers have gone.
      - V(rolled_back) takes back the last change, one and no more. Fails if there is none. A first deployment cannot be rolled
        back. As scaling is a change, too, it would then be the scaling that is taken back.
    type: str
    choices: [present, absent, rolled_back]
    default: present
  mode:
    description:
      - V(replicated) runs O(replicas) tasks, V(global) one on each node that fits O(constraints).
    type: str
    choices: [replicated, global]
    default: replicated
  replicas:
    description:
      - How many tasks to run, with O(mode=replicated).
    type: int
    default: 1
  command:
    description:
      - What to run in place of the image's entrypoint.
    type: list
    elements: str
  args:
    description:
      - What to run in place of the image's command, or what to give to O(command).
    type: list
    elements: str
  env:
    description:
      - Environment variables. Use O(secrets) for secrets, everybody who may ask the engine can read these.
    type: dict
  user:
    description:
      - The user to run as, as C(user[:group]).
    type: str
  hostname:
    description:
      - The containers' host name. Docker's templates, such as V({{.Node.Hostname}}), may be used.
    type: str
  labels:
    description:
      - Labels of the service.
    type: dict
  container_labels:
    description:
      - Labels of its containers.
    type: dict
  constraints:
    description:
      - What a node must be like, such as V(node.labels.disk==ssd) or V(node.role!=manager).
    type: list
    elements: str
  max_replicas_per_node:
    description:
      - How many tasks a node may run at most.
    type: int
  networks:
    description:
      - Networks of scope C(swarm) to be on, each a name, or a mapping of C(name) and C(aliases).
    type: list
    elements: raw
  endpoint_mode:
    description:
      - V(vip) gives the service one address, behind which the kernel (IPVS) spreads connections. V(dnsrr) has its name resolve
        to the addresses of all its tasks.
    type: str
    choices: [vip, dnsrr]
    default: vip
  publish:
    description:
      - Ports to publish.
    type: list
    elements: dict
    suboptions:
      published_port:
        description:
          - The port on the nodes. If it is not given, the engine chooses one.
        type: int
      target_port:
        description:
          - The port in the containers.
        type: int
        required: true
      protocol:
        description:
          - The protocol.
        type: str
        choices: [tcp, udp, sctp]
        default: tcp
      mode:
        description:
          - V(ingress) publishes on every node, and sends connections to tasks on any of them (needs IPVS in the kernel). V(host)
            publishes on the nodes that run a task, one task a node.
        type: str
        choices: [ingress, host]
        default: ingress
  mounts:
    description:
      - What to mount.
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - V(bind) for a path of the node, which must exist, V(volume) for a volume, V(tmpfs) for memory.
        type: str
        choices: [bind, volume, tmpfs]
        default: volume
      source:
        description:
          - The path or the volume's name.
        type: str
      target:
        description:
          - The path in the container.
        type: str
        required: true
      read_only:
        description:
          - Whether it cannot be written to.
        type: bool
        default: false
  configs:
    description:
      - Configs to show as files.
    type: list
    elements: dict
    suboptions: &files
      source:
        description:
          - Its name in the Swarm, where it must exist.
        type: str
        required: true
      target:
        description:
          - The path of the file. If it is not given, that is the name, of a config in C(/), of a secret in C(/run/secrets).
        type: str
      uid:
        description:
          - The file's owner, as a number. It is V(0) if it is not given.
        type: str
      gid:
        description:
          - The file's group, as a number. It is V(0) if it is not given.
        type: str
      mode:
        description:
          - The file's mode, as four octal digits in quotes. It is V("0444") if it is not given.
        type: str
  secrets:
    description:
      - Secrets to show as files.
    type: list
    elements: dict
    suboptions: *files
  limits:
    description:
      - What a container can use at most.
    type: dict
    suboptions: &resources
      cpus:
        description:
          - How many CPUs, such as V(0.5).
        type: str
      memory:
        description:
          - How much memory, such as V(512m).
        type: str
  reservations:
    description:
      - What a node must have to spare for a task.
    type: dict
    suboptions: *resources
  healthcheck:
    description:
      - How a container is found to be well, in place of what the image says. A task runs only when it is.
    type: dict
    suboptions:
      test:
        description:
          - A command line for the container's shell, or a list that begins with V(CMD) or V(CMD-SHELL), or V(NONE).
        type: raw
        required: true
      interval:
        description:
          - The time between two checks, such as V(10s). The engine's default is V(30s).
        type: str
      timeout:
        description:
          - The time that a check may take. The engine's default is V(30s).
        type: str
      retries:
        description:
          - How many checks in a row must fail. The engine's default is 3.
        type: int
      start_period:
        description:
          - The time after the start in which a check that fails does not count.
        type: str
      start_interval:
        description:
          - The time between two checks within O(healthcheck.start_period), such as V(1s), so that a task is found to be well
            soon and looked at seldom. The engine's default is V(5s), also for the first check.
          - Needs Docker 25 (API 1.44) on the manager. Nodes with an older one take no notice of it.
        type: str
  drain:
    description:
      - For how many seconds a task that is to end goes on taking requests, such as V(5s). By then all nodes have to have heard that
        it leaves. Docker gives them two seconds, which nodes that are busy may not find enough, and then requests are refused.
      - A shell (C(/bin/sh) with C(sleep), of the image) stands before the image's program, and holds O(stop_signal) back for so
        long. O(stop_grace_period) begins with it, and has to be longer.
      - What the image runs is asked of its registry. With O(pin_digest=false) set O(command) and O(stop_signal), too.
      - For signals that a shell knows (C(TERM), C(QUIT), C(INT), C(HUP), C(USR1), C(USR2), C(WINCH)).
    type: str
  stop_signal:
    description:
      - The signal that ends a container, such as V(SIGQUIT), in place of the image's.
    type: str
  stop_grace_period:
    description:
      - How long a container may take to end before it is killed, such as V(30s). The engine's default is V(10s).
    type: str
  restart_policy:
    description:
      - When a task that has ended is followed by another one.
    type: dict
    suboptions:
      condition:
        description:
          - V(any), which is the default, V(on-failure) or V(none).
        type: str
        choices: [any, on-failure, none]
      delay:
        description:
          - The time in between. The engine's default is V(5s).
        type: str
      max_attempts:
        description:
          - How often, within O(restart_policy.window). V(0), which is the default, for ever.
        type: int
      window:
        description:
          - The time in which O(restart_policy.max_attempts) are counted. V(0s), which is the default, is always.
        type: str
  update_config:
    description:
      - How an update goes on.
    type: dict
    suboptions:
      parallelism:
        description:
          - How many tasks at a time, V(0) for all. The default is 1.
        type: int
      delay:
        description:
          - The time between two batches. The default is V(0s).
        type: str
      order:
        description:
          - V(stop-first), which is the default, or V(start-first), which has the new task run before the old one is stopped.
        type: str
        choices: [stop-first, start-first]
      failure_action:
        description:
          - What to do when more tasks fail than O(update_config.max_failure_ratio) allows. An update is rolled back by default,
            a rollback is paused.
        type: str
        choices: [pause, continue, rollback]
      monitor:
        description:
          - The time after its start in which a task that ends has failed. By default as long as O(healthcheck) takes to find a
            fault (start period, interval times retries, timeout), and at least V(5s). A shorter time than that is refused.
        type: str
      max_failure_ratio:
        description:
          - The share of tasks that may fail, from 0, which is the default, to 1.
        type: float
  rollback_config:
    description:
      - How the way back from an update goes on.
    type: dict
    suboptions:
      parallelism:
        description:
          - How many tasks at a time, V(0) for all. The default is 1.
        type: int
      delay:
        description:
          - The time between two batches. The default is V(0s).
        type: str
      order:
        description:
          - V(stop-first), which is the default, or V(start-first), which has the new task run before the old one is stopped.
        type: str
        choices: [stop-first, start-first]
      failure_action:
        description:
          - What to do when more tasks fail than O(rollback_config.max_failure_ratio) allows. The default is V(pause).
        type: str
        choices: [pause, continue]
      monitor:
        description:
          - The time after its start in which a task that ends has failed. By default as long as O(healthcheck) takes to find a
            fault (start period, interval times retries, timeout), and at least V(5s). A shorter time than that is refused.
        type: str
      max_failure_ratio:
        description:
          - The share of tasks that may fail, from 0, which is the default, to 1.
        type: float
  read_only:
    description:
      - Whether the containers' root file system cannot be written to.
    type: bool
    default: false
  init:
    description:
      - Whether an init process runs in the containers. If it is not given, the node's engine decides.
    type: bool
  cap_add:
    description:
      - Capabilities to add, such as V(NET_BIND_SERVICE).
    type: list
    elements: str
  cap_drop:
    description:
      - Capabilities to drop, such as V(ALL).
    type: list
    elements: str
  sysctls:
    description:
      - Kernel settings of the containers' own namespaces.
    type: dict
  log_driver:
    description:
      - Where the containers' output goes, in place of the node's default.
    type: dict
    suboptions:
      name:
        description:
          - The driver, such as V(json-file).
        type: str
        required: true
      options:
        description:
          - Its options.
        type: dict
  hosts:
    description:
      - Addresses by host name, for the containers' C(/etc/hosts).
    type: dict
  dns:
    description:
      - Addresses of name servers.
    type: list
    elements: str
  pin_digest:
    description:
      - Whether O(image) is resolved to its digest at its registry. With V(false) the registry is not asked, and each node takes
        what the tag names, or what it was loaded with.
    type: bool
    default: true
  username:
    description:
      - The user to log in as at the image's registry, here and on the nodes. If it is not given, O(auth_file) and
        O(use_auth_files) are looked at.
    type: str
  password:
    description:
      - The password of O(username).
    type: str
  auth_file:
    description:
      - A file of logins on the managed host, as C(docker login) writes it (C(config.json)). It must exist.
    type: path
  use_auth_files:
    description:
      - Whether to look for a login where Docker and podman keep them, if no other option names one.
    type: bool
    default: true
  token_hosts:
    description:
      - Token servers that may be sent the login in addition to those that plainly belong to the registry.
    type: list
    elements: str
    default: []
  ca_path:
    description:
      - A PEM file on the managed host with the CAs to trust, in place of the system's and those in O(certs_dir), when the
        registry is asked for the digest. The nodes have their own.
    type: path
  certs_dir:
    description:
      - A folder on the managed host with certificates for registries, read as Docker reads its own.
    type: path
    default: /etc/docker/certs.d
  wait:
    description:
      - Whether to wait until the service has converged. With V(false) nothing is known of the tasks.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds to wait for that.
    type: int
    default: 300
  force:
    description:
      - Whether all tasks are replaced even if nothing has changed, for example to have an update that is paused go on.
    type: bool
    default: false
  update_credentials:
    description:
      - Whether the nodes are handed the login even if nothing else changes, for example after its password has changed. Until
        then, a node that has not yet got the image cannot pull it.
      - Tasks that run are left alone. It counts as a change of the service all the same, as the engine does not say which login
        it has. So there is no way back any more to what was before the last real change, by O(state=rolled_back).
    type: bool
    default: false
  docker_host:
    description:
      - Where the manager's engine listens, as C(unix:///path) or C(tcp://host:port). If it is not given, the environment variable
        E(DOCKER_HOST) on the managed host is used.
    type: str
    default: unix:///var/run/docker.sock
requirements:
  - A manager of a Docker Swarm, Engine 20.10 or newer.
  - The Docker SDK for Python on the managed host (Debian's python3-docker, or docker from a package index), 5.0 or newer.
seealso:
  - module: dockyard.registry.image
  - name: Roll out workloads
    description: The role that deploys a list of services with it.
    link: https://github.com/dockyard/registry/blob/main/docs/swarm-rollout.md
"""

EXAMPLES = r"""
- name: Run ten nginx behind port 80 of every node
  dockyard.registry.service:
    name: web
    image: registry.example.com/nginx:1.27
    username: ci
    password: "{{ vault_ci }}"
    replicas: 10
    publish:
      - published_port: 80
        target_port: 80
    stop_signal: SIGQUIT
    stop_grace_period: 30s
    drain: 5s
    update_config:
      order: start-first
      parallelism: 2

- name: Take back the last change
  dockyard.registry.service:
    name: web
    state: rolled_back

- name: Run what was loaded from an archive, where the label says
  dockyard.registry.service:
    name: registry
    image: registry:3
    pin_digest: false
    constraints: [node.labels.registry==true]
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:5000/"]
      interval: 5s
      timeout: 3s
    configs:
      - source: registry-config-1f0c
        target: /etc/distribution/config.yml
        mode: "0440"
    mounts:
      - source: registry-data
        target: /var/lib/registry

- name: Remove a service
  dockyard.registry.service:
    name: web
    state: absent

- name: Hand the nodes a login whose password has changed
  dockyard.registry.service:
    name: web
    image: registry.example.com/nginx:1.27
    replicas: 10
    username: ci
    password: "{{ registry_password }}"
    update_credentials: true
"""

RETURN = r"""
service:
  description:
    - The service. In check mode as it would be. V(null) if it was removed, or was not there to be.
  returned: success
  type: dict
  contains:
    id:
      description: Its ID. V(null) if it would only be made.
      type: str
      returned: success
      sample: r96pj0yi55b1btrhdvgi47r1x
    name:
      description: Its name.
      type: str
      returned: success
      sample: web
    image:
      description: What the nodes were told to run.
      type: str
      returned: success
      sample: registry.example.com/nginx:1.27@sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
    digest:
      description: The image's digest. V(null) if it was not pinned.
      type: str
      returned: success
      sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
    replicas:
      description: How many tasks there should be. V(null) for a global service that was not waited for.
      type: int
      returned: success
      sample: 10
    running:
      description: How many of them run. V(null) if that was not waited for.
      type: int
      returned: success
      sample: 10
previous_image:
  description: What the nodes were told to run before. V(null) if there was no service.
  returned: success
  type: str
  sample: registry.example.com/nginx:1.26@sha256:0de4d7f7d1b7d6d4a0e1a2b62b7f2f1c2aab5c9f0c34c6b0c87d9b4a2cf6a4a1
update_state:
  description:
    - The engine's word for how the last update went, such as V(completed) or V(rollback_completed). Empty if no task had to be
      replaced since the last change, or it was not waited for.
  returned: success, and when the service did not converge
  type: str
  sample: completed
tasks:
  description: The tasks that failed while the service was waited for.
  returned: when the service did not converge
  type: list
  elements: dict
  sample:
    - id: 9x1k0f6jv1o6o1u6z4c0u0v5b
      task: web.3
      node: node-2
      state: rejected
      error: "No such image: registry.example.com/nginx:1.28"
      image: registry.example.com/nginx:1.28
error:
  description: What went wrong, as values.
  returned: when something did
  type: dict
  sample:
    kind: InvalidService
    message: the Swarm has no config registry-config-1f0c.
    hint: Make it first.
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials, Login
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth_files import login_of_user
from ansible_collections.dockyard.registry.plugins.module_utils.oci.certs_d import read_certs_directory
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import Timeouts, TlsSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_host_port
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import Reference
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.api import Swarm, connect
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.check import check_params
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.deploy import (
    Plan,
    execute,
    plan_rollback,
    plan_service,
)
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.describe import differences, is_secret
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.drain import Start, drain_seconds, with_drain
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import InvalidService, RolloutFailed
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.images import (
    digest_of,
    login_address,
    open_registry,
    origin_of,
    parse_image,
    pin,
    read_start,
    shown_image,
)
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.options import argument_spec
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.rollout import Rollout, wait, wait_gone
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.tasks import Snapshot, Tally

Result = t.Dict[str, t.Any]

_REGISTRY_TIMEOUTS = Timeouts(connect=10, read=60)


class Image(t.NamedTuple):
    """What to deploy, and with what login."""

    name: str
    login: Login | None
    registry: str
    start: Start | None = None


def find_login(module: AnsibleModule, reference: Reference) -> Login | None:
    """The login for an image's registry, which Ansible then hides."""
    params = module.params
    if params["username"]:
        return Credentials(params["username"], params["password"])
    login = login_of_user(
        origin_of(reference),
        reference.repository,
        auth_file=params["auth_file"] or "",
        standard=params["use_auth_files"],
    )
    if login:
        module.no_log_values.add(login.secret)
    return login


def find_image(module: AnsibleModule, swarm: Swarm) -> Image:
    """The image with its digest, and the login for the nodes."""
    reference = parse_image(module.params["image"])
    if reference is None:
        if module.params["pin_digest"]:
            raise InvalidService(
                f"image is {module.params['image']!r}, an image's ID, and pin_digest is true.",
                hint="No registry knows IDs: set pin_digest: false.",
            )
        return Image(module.params["image"], None, "")
    login = find_login(module, reference)
    if not module.params["pin_digest"]:
        return Image(module.params["image"], login, login_address(reference))
    insecure = swarm.is_insecure(reference.registry)
    hosts = [parse_host_port(text) for text in module.params["token_hosts"]]

    def make_client(origin: Origin) -> RegistryClient:
        tls = TlsSettings(ca_path=module.params["ca_path"], validate_certs=not insecure)
        tls = tls.with_host_certificates(read_certs_directory(module.params["certs_dir"], origin))
        if login and not origin.is_private:
            module.warn(f"The login for {origin} travels in plain text, from here and from every node.")
        return RegistryClient(origin, credentials=login, token_hosts=hosts, tls=tls, timeouts=_REGISTRY_TIMEOUTS)

    with open_registry(reference, make_client, insecure=insecure) as client:
        pinned = pin(client, reference)
        start = read_start(client, pinned) if drain_seconds(module.params) else None
    return Image(shown_image(module.params["image"], pinned), login, login_address(reference), start)


def hide_secrets(module: AnsibleModule) -> None:
    """Have Ansible hide the values of variables that look like secrets, wherever they would be shown."""
    for name, value in (module.params["env"] or {}).items():
        if is_secret(str(name)) and isinstance(value, str) and len(value) > 3:
            module.no_log_values.add(value)


def deploy(module: AnsibleModule, swarm: Swarm, progress: Progress) -> Result:
    """Has the service as it should be, or back as it was."""
    params = module.params
    if params["state"] == "rolled_back":
        image = Image("", None, "")
        plan = plan_rollback(swarm, params["name"])
    else:
        image = find_image(module, swarm)
        if params["update_credentials"] and not image.login:
            raise InvalidService(
                "update_credentials is true, and there is no login for the image's registry.",
                hint="Give username and password, or log in on the managed host.",
            )
        plan = plan_service(swarm, with_drain(params, image.start), image.name)
    before, after = differences(plan.before, plan.after)
    if plan.relogin:
        before, after = {"login": "as it was"}, {"login": "handed over again"}
    result = describe(plan, None, "")
    if not module.check_mode:
        goal = execute(plan, swarm, image.login, image.registry)
        found = swarm.find_service(params["name"])
        service_id = found["ID"] if found else ""
        rollout = Rollout(goal)
        tally = None
        if params["wait"]:

            def read() -> Snapshot:
                return Snapshot(swarm.service(service_id), swarm.tasks(service_id), swarm.nodes())

            try:
                tally = wait(rollout, read, timeout=params["timeout"], report=progress.report)
            except RolloutFailed as error:
                error.changed = plan.changed
                raise
        result = describe(plan, tally, rollout.state)
        result["service"]["id"] = service_id or None
    return {**result, "changed": plan.changed, "diff": {"before": before, "after": after}}


def describe(plan: Plan, tally: Tally | None, state: str) -> Result:
    """The service for the result."""
    image = plan.after["image"]
    return {
        "service": {
            "id": plan.service["ID"] if plan.service else None,
            "name": plan.spec["Name"],
            "image": image,
            "digest": digest_of(image) or None,
            "replicas": tally.wanted if tally else plan.after["replicas"],
            "running": len(tally.fit) if tally else None,
        },
        "previous_image": plan.previous_image or None,
        "update_state": state,
    }


def remove(module: AnsibleModule, swarm: Swarm, progress: Progress) -> Result:
    """Removes the service."""
    name = module.params["name"]
    service = swarm.find_service(name)
    previous = None
    if service:
        service_id = service["ID"]
        previous = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        if not module.check_mode:
            swarm.remove(service_id)
            if module.params["wait"]:
                wait_gone(
                    name,
                    lambda: swarm.tasks(service_id),
                    swarm.nodes,
                    timeout=module.params["timeout"],
                    report=progress.report,
                )
    return {
        "changed": service is not None,
        "service": None,
        "previous_image": previous,
        "update_state": "",
        "diff": {"before": {"name": name, "image": previous} if service else {}, "after": {}},
    }


def main() -> None:
    """Run the module."""
    options = argument_spec()
    options["docker_host"]["fallback"] = (env_fallback, ["DOCKER_HOST"])
    module = AnsibleModule(
        argument_spec=options,
        required_if=[("state", "present", ("image",))],
        required_together=[("username", "password")],
        supports_check_mode=True,
    )
    hide_secrets(module)
    try:
        check_params(module.params)
        swarm = connect(module.params["docker_host"])
        try:
            swarm.check_manager()
            with Progress(module.params["progress_file"]) as progress:
                work = remove if module.params["state"] == "absent" else deploy
                result = work(module, swarm, progress)
        finally:
            swarm.close()
    except RolloutFailed as error:
        module.fail_json(
            msg=str(error), changed=error.changed, error=error.as_dict(), update_state=error.state, tasks=error.tasks
        )
    except RegistryError as error:
        module.fail_json(msg=str(error), error=error.as_dict())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
