#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_info
short_description: What a bundle of images holds, and whether it is whole
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Reads a bundle that M(dockyard.registry.bundle) has made, and fails if it was cut short or altered.
  - Every byte of it counts. Blobs are compared with their digests, all else with what would be written for these images.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.attributes
  - dockyard.registry.attributes.info_module
options:
  path:
    description:
      - The bundle, on the managed host.
    type: path
    required: true
  verify:
    description:
      - Whether to read all blobs. Without it, only the list of images and the manifests are compared, and the sizes.
    type: bool
    default: true
requirements:
  - Python 3.9 or newer on the managed host, and nothing else.
seealso:
  - module: dockyard.registry.bundle
  - module: dockyard.registry.engine_image
"""

EXAMPLES = r"""
- name: See what came on the disk
  dockyard.registry.bundle_info:
    path: /media/usb/bundle.tar
  register: bundle

- name: Copy all of it into the registry
  dockyard.registry.image:
    url: http://127.0.0.1:5000
    name: "{{ item.name }}"
    source: "{{ item.source }}"
  loop: "{{ bundle.images }}"
"""

RETURN = r"""
images:
  description: The images, sorted by their names.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The repository and the tag that it is to have in a registry.
      returned: success
      type: str
      sample: library/nginx:1.27
    source:
      description: Where it is, as M(dockyard.registry.image) takes it as a source.
      returned: success
      type: str
      sample: oci-archive:/media/usb/bundle.tar:library/nginx:1.27
    reference:
      description: The whole name that engines give it.
      returned: success
      type: str
      sample: docker.io/library/nginx:1.27
    digest:
      description: The digest of its manifest or index.
      returned: success
      type: str
      sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
    media_type:
      description: The type of the manifest or index.
      returned: success
      type: str
      sample: application/vnd.oci.image.index.v1+json
    size:
      description: The bytes of all its manifests, configurations and layers, those that it shares with others, too.
      returned: success
      type: int
      sample: 68292110
    platforms:
      description: Its platforms, as C(os/architecture[/variant]).
      returned: success
      type: list
      elements: str
      sample: [linux/amd64, linux/arm64]
    loadable:
      description: Whether C(docker load) of engines without containerd's image store takes it, which is so for one platform.
      returned: success
      type: bool
      sample: true
referrers:
  description: How many manifests about images it holds, such as signatures and SBOMs.
  returned: success
  type: int
  sample: 2
size:
  description: The bytes of the file.
  returned: success
  type: int
  sample: 91304960
blobs:
  description: How many configurations and layers there are, each counted once.
  returned: success
  type: int
  sample: 14
verified:
  description: Whether all blobs have been read.
  returned: success
  type: bool
  sample: true
error:
  description: What is wrong, as values.
  returned: when it is no bundle, or not whole
  type: dict
  sample:
    kind: ArchiveError
    message: "/media/usb/bundle.tar ends in the middle of blobs/sha256/67682bda."
    hint: "The archive is damaged or was changed: export or fetch it again."
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._bundle import described
from ansible_collections.dockyard.registry.plugins.module_utils._module import fail
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Meter
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.reading import Bundle
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress, watching


def look(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Read the bundle, all of it if that is asked for."""
    path = module.params["path"]
    with Bundle(path) as bundle:
        if module.params["verify"]:
            meter = Meter(1, sum(blob.size for blob in bundle.blobs))
            with watching(progress.report, lambda: f"{path} verified: {meter.line()}"):
                bundle.verify(meter.move)
        return {
            "changed": False,
            "images": [described(image, path) for image in bundle.images],
            "referrers": len({one.digest for one in bundle.attached}),
            "size": bundle.size,
            "blobs": len(bundle.blobs),
            "verified": module.params["verify"],
        }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "verify": {"type": "bool", "default": True},
            "progress_file": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        with Progress(module.params["progress_file"]) as progress:
            result = look(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
