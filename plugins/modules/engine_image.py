#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_image
short_description: Have an image of an archive in a Docker engine
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Loads one image of an archive, a bundle or a layout into the Docker engine, without the C(docker) command and without
    unpacking the archive. C(docker load) would load all images of it, and of each time.
  - An image that the engine has under the name already is not sent.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - What the engine is to call the image, as C(docker pull) would name it. The tag is V(latest) if none is given.
    type: str
    required: true
  source:
    description:
      - The image, as V(oci-archive:/path[:tag]), V(oci:/path[:tag]) or V(docker-archive:/path[:name:tag]) on the managed
        host. A bundle is an V(oci-archive).
      - An image of several platforms gives the one that the engine runs on, unless O(platform) names another.
    type: str
    required: true
  platform:
    description:
      - The platform to load, as C(os/architecture[/variant]).
    type: str
  docker_host:
    description:
      - Where the Docker engine listens, V(unix:///path) or V(tcp://host:port), as seen from the managed host. TLS is not
        spoken.
      - If it is not given, the environment variable E(DOCKER_HOST) on the managed host is used. Whoever runs the task
        must be let to the socket, which takes root (C(become)) or the group C(docker).
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description:
      - The longest time in seconds to wait for an answer of the engine. Loading may take longer.
    type: int
    default: 60
requirements:
  - Python 3.9 or newer on the managed host, and nothing else.
seealso:
  - module: dockyard.registry.bundle_info
  - module: community.docker.docker_image_load
"""

EXAMPLES = r"""
- name: Have the registry's image out of the bundle, before there is a registry
  dockyard.registry.engine_image:
    name: registry:3
    source: oci-archive:/media/usb/bundle.tar:registry:3
"""

RETURN = r"""
reference:
  description: The whole name of the image.
  returned: success
  type: str
  sample: docker.io/library/registry:3
id:
  description: Its ID in the engine. In check mode it is not known of an image that is yet to be loaded.
  returned: success
  type: str
  sample: sha256:924d4ae592a0b3ab9e1fe0a5f0a4f6ad9c7f0a2b3f8d6a42ab8e1f7d1e9a0c11
digest:
  description: The digest of its manifest in the archive.
  returned: success
  type: str
  sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
platforms:
  description: Its platform, as C(os/architecture[/variant]).
  returned: success
  type: list
  elements: str
  sample: [linux/amd64]
error:
  description: What went wrong, as values.
  returned: when the archive has no such image, or the engine failed
  type: dict
  sample:
    kind: EngineError
    message: "the engine at unix:///var/run/docker.sock does not answer: Permission denied."
    hint: "Use become: true, or let the user into the group docker, which makes him as good as root."
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.dockyard.registry.plugins.module_utils._module import make_engine, fail
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Meter
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import Engine
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine_load import LoadPlan, execute_load, plan_load
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import (
    DEFAULT_DOCKER_HOST,
    ArchiveLocation,
    parse_location,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.open_source import open_files
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import BlobSource
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress, since, watching


def load_image(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Have the image in the engine, or in check mode find out what that would do."""
    reference = parse_reference(module.params["name"])
    if reference.digest:
        raise InvalidReference(f"{module.params['name']!r} holds a digest.", hint="An image is given a name:tag.")
    location = parse_location(module.params["source"])
    if not isinstance(location, ArchiveLocation):
        raise InvalidReference(
            f"{module.params['source']!r} is no archive.",
            hint="An image of a registry is pulled, for example by community.docker.docker_image_pull.",
        )
    platform = parse_platform(module.params["platform"]) if module.params["platform"] else None
    engine = make_engine(module)
    source = open_files(location, module.tmpdir)
    try:
        with watching(progress.report, since(f"looking at {location}")):
            plan = plan_load(source, engine, reference, platform)
        image_id = plan.before
        if plan.changed:
            image_id = "" if module.check_mode else send(plan, source, engine, progress)
    finally:
        source.close()
    details = dataclasses.asdict(plan.image.details)
    return {
        "changed": plan.changed,
        "reference": plan.name,
        "id": image_id or None,
        "digest": details["digest"],
        "platforms": list(details["platforms"]),
        "diff": {
            "before": {"reference": plan.name, "id": plan.before or None},
            "after": {"reference": plan.name, "digest" if plan.changed else "id": details["digest"] if plan.changed else image_id},
        },
    }


def send(plan: LoadPlan, source: BlobSource, engine: Engine, progress: Progress) -> str:
    """Load the image, and return the engine's ID of it."""
    meter = Meter(1, sum(blob.size for blob in plan.image.blobs))
    with watching(progress.report, lambda: f"{plan.name}: {meter.line()}"):
        return execute_load(plan, source, engine, count=meter.move)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "source": {"type": "str", "required": True},
            "platform": {"type": "str"},
            "docker_host": {"type": "str", "default": DEFAULT_DOCKER_HOST, "fallback": (env_fallback, ["DOCKER_HOST"])},
            "timeout": {"type": "int", "default": 60},
            "progress_file": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        with Progress(module.params["progress_file"]) as progress:
            result = load_image(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
