#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_login
short_description: Have a user of a host logged in to a registry
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Keeps the login of one registry in the file that C(docker), or C(podman) and C(skopeo), read it from. The logins of
    other registries and all other settings in that file stay as they are.
  - Where the file names a credential helper (C(credsStore), C(credHelpers)), the login is given to that helper and does
    not stand in the file.
  - The login is tried first. One that the registry refuses is not kept.
  - Files are read and written with the rights of the user they belong to, and readable by that user only.
extends_documentation_fragment:
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - The diff shows who is logged in. Of passwords it shows only whether they differ.
  idempotent:
    support: full
options:
  registry:
    description:
      - The name that the login is kept under, as it stands in front of an image's name, such as
        V(registry.example.com:5000).
      - If it is not given, it is the host and port of O(url).
    type: str
  os_user:
    description:
      - The user of the host who is to be logged in, who must exist. To act for another user, the module must run as root.
      - If it is not given, it is the user that the module runs as.
    type: str
  tools:
    description:
      - Whose file to keep the login in.
      - V(docker) is C(~/.docker/config.json).
      - V(podman) is C(~/.config/containers/auth.json), which podman, skopeo and buildah read and which, other than
        their own choice below C(/run), outlives a restart.
    type: list
    elements: str
    choices: [docker, podman]
    default: [docker]
  verify:
    description:
      - Whether to try the login at the registry before it is kept.
    type: bool
    default: true
  state:
    description:
      - V(present) needs O(username) and O(password).
      - V(absent) takes out the entry of this one registry. The registry is not asked, and need not exist any more.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: community.docker.docker_login
"""

EXAMPLES = r"""
- name: Have the user ci logged in
  dockyard.registry.client_login:
    url: https://registry.example.com
    ca_path: /etc/docker/certs.d/registry.example.com/ca.crt
    username: ci
    password: "{{ registry_password }}"
    os_user: ci
  become: true

- name: Have myself logged in, for docker and for podman
  dockyard.registry.client_login:
    url: http://127.0.0.1:5000
    username: admin
    password: "{{ registry_password }}"
    tools: [docker, podman]

- name: Log out again
  dockyard.registry.client_login:
    url: http://127.0.0.1:5000
    tools: [docker, podman]
    state: absent
"""

RETURN = r"""
registry:
  description: The name that the login is kept under.
  returned: success
  type: str
  sample: registry.example.com:5000
os_user:
  description: The user of the host.
  returned: success
  type: str
  sample: ci
verified:
  description: Whether the registry has just accepted the login.
  returned: success
  type: bool
  sample: true
files:
  description: The files, in the order of O(tools).
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      returned: success
      type: str
      sample: /home/ci/.docker/config.json
    helper:
      description: The program that keeps the login in its stead. V(null) if the file does.
      returned: success
      type: str
      sample: docker-credential-pass
    changed:
      description: Whether anything had to be done.
      returned: success
      type: bool
      sample: true
error:
  description: What went wrong, as values.
  returned: failure
  type: dict
  sample:
    kind: LoginRefused
    message: "the registry https://registry.example.com refuses the user 'ci'."
    hint: Check the name and the password; nothing was changed.
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._module import connect, fail, make_module
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    InvalidSettings,
    RegistryError,
    Unauthorized,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.login_change import plan_login
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.os_user import acting_as, find_user
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.probe import probe
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_registry


class LoginRefused(RegistryError):
    """The registry does not know this user, or not with this password."""


def log_in_or_out(module: AnsibleModule) -> dict[str, t.Any]:
    """Make the files have the login or not, or in check mode find out what that would do."""
    params = module.params
    origin = parse_registry_url(params["url"])
    key = parse_registry(params["registry"] or origin.authority)
    user = find_user(params["os_user"] or "")
    wanted = _credentials(module)
    with acting_as(user):
        changes = [plan_login(tool, user, key, wanted) for tool in dict.fromkeys(params["tools"])]
    verified = wanted is not None and params["verify"] and _is_accepted(module)
    if not module.check_mode:
        with acting_as(user):
            for change in changes:
                if change.changed:
                    change.apply()
    return {
        "changed": any(change.changed for change in changes),
        "registry": key,
        "os_user": user.name,
        "verified": verified,
        "files": [change.summary() for change in changes],
        "diff": [change.diff() for change in changes if change.changed],
    }


def _credentials(module: AnsibleModule) -> Credentials | None:
    if module.params["state"] == "absent":
        return None
    name, password = module.params["username"], module.params["password"]
    if ":" in name:
        raise InvalidSettings(f"username is {name!r}, which no client can send: it has a colon.")
    if not name or not password:
        raise InvalidSettings("username or password is empty.", hint="Give both.")
    return Credentials(name, password)


def _is_accepted(module: AnsibleModule) -> bool:
    """Tell whether the registry has accepted the login; False if it asks for none.

    :raises LoginRefused: if it has refused it.
    """
    try:
        connect(module).close()
    except Unauthorized as error:
        raise LoginRefused(
            f"the registry {module.params['url']} refuses the user {module.params['username']!r}.",
            hint="Check the name and the password; nothing was changed.",
        ) from error
    if probe(parse_registry_url(module.params["url"])).asks_login:
        return True
    module.warn(
        f"{module.params['url']} asks nobody for a password, so this login proves nothing. Give the registry users."
    )
    return False


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "registry": {"type": "str"},
            "os_user": {"type": "str"},
            "tools": {"type": "list", "elements": "str", "choices": ["docker", "podman"], "default": ["docker"]},
            "verify": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ("username", "password"))],
    )
    try:
        module.exit_json(**log_in_or_out(module))
    except RegistryError as error:
        fail(module, error)


if __name__ == "__main__":
    main()
