#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_export
short_description: Export an image of a registry into a directory or archive
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Writes an image of a registry to the managed host, in a form that C(docker load), skopeo, podman, containerd and
    M(dockyard.registry.image) read. No Docker engine is needed.
  - Every manifest and blob keeps its digest, and is verified by it while it is written.
  - An archive appears as a whole or not at all. An export that fails or is interrupted leaves the old one.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
  - ansible.builtin.files
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
      - The image on the registry, as V(repository[:tag][@digest]). The tag is V(latest) if neither is given. With a tag
        and a digest, the digest decides which image it is and the tag names it.
      - The registry itself is named by O(url).
    type: str
    required: true
  dest:
    description:
      - Where the image goes to. Paths are on the managed host and hold no colon. The directory above must be there.
      - V(oci:/path[:tag]) is an OCI image layout in a directory, which is made if it is not there. Other images in it
        stay. Blobs that are there are not fetched again. A tag that is written here is moved if need be. One that is
        left out, and stands in the layout for an image of another repository, is an error.
      - V(oci-archive:/path[:tag]) is an OCI image layout in a tar archive, with one image.
      - V(docker-archive:/path[:name:tag]) is an archive for C(docker load) of Docker 20.10 and newer, of one platform.
        It is an OCI image layout as well, as archives of C(docker save) are since Docker 25, so that V(oci-archive)
        reads the same file with the registry's digest.
      - The tag of V(oci) or V(oci-archive) is that of O(name) if it is left out. The name in a V(docker-archive) is
        then the registry of O(url) with O(name).
      - An archive that holds the same image under the same name, with all its parts in their size, stays as it is. One
        with another image under that name, or a damaged one, is replaced. A file that holds anything else is not
        touched, and the task fails.
    type: str
    required: true
  platforms:
    description:
      - The platforms to export, each as C(os/architecture[/variant]). All if not given. They are chosen as
        M(dockyard.registry.image) chooses them.
      - With one platform, its own manifest is exported, with its own digest. With some of several, an index of these is
        made of the original, which has a digest of its own.
      - A V(docker-archive) takes exactly one. It may be left out if there is only one.
    type: list
    elements: str
notes:
  - The options for files, such as O(mode) and O(owner), are for archives only, not for V(oci).
  - The room on the disk is checked first. An archive needs all of it while the old one is still there.
  - Layers that may not be distributed, which Windows images have, are not exported. V(docker-archive) refuses such an
    image, for C(docker load) would.
  - V(docker-archive) refuses artifacts, such as charts, and content with digests other than sha256, which Docker does
    not know. Use V(oci) or V(oci-archive) for these. Layers compressed with zstd are kept as they are, which Docker
    20.10 and newer load.
  - In a layout that names the image already, a blob counts as there if it has the right size. It is read and verified
    only when something else of the image is missing.
  - The same image under the same name gives the same archive, byte for byte.
seealso:
  - module: dockyard.registry.image
"""

EXAMPLES = r"""
- name: Take an image along for docker load on a host without a network
  dockyard.registry.image_export:
    url: https://registry.example.com
    username: ci
    password: "{{ registry_password }}"
    name: team/shop:2.4
    dest: docker-archive:/srv/images/shop.tar:shop:2.4
    platforms: [linux/amd64]
    mode: "0640"

- name: Keep all platforms of an image in one file, with its digest
  dockyard.registry.image_export:
    url: http://127.0.0.1:5000
    name: team/base:1.0
    dest: oci-archive:/srv/images/base-1.0.tar

- name: Collect several images in one directory that shares their blobs
  dockyard.registry.image_export:
    url: http://127.0.0.1:5000
    name: "team/{{ item }}:1.0"
    dest: "oci:/srv/images/layout:{{ item }}-1.0"
  loop: [base, tool]
"""

RETURN = r"""
reference:
  description: The image on the registry.
  returned: success
  type: str
  sample: registry.example.com/team/shop:2.4
location:
  description: Where the image is now, with its tag or name. M(dockyard.registry.image) takes it as a source.
  returned: success
  type: str
  sample: docker-archive:/srv/images/shop.tar:shop:2.4
digest:
  description:
    - The digest of what was exported. It is the one O(name) points at, unless O(platforms) or a V(docker-archive) takes
      a part of it.
  returned: success
  type: str
  sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
media_type:
  description: The type of the manifest or index.
  returned: success
  type: str
  sample: application/vnd.oci.image.manifest.v1+json
size:
  description: The bytes of all manifests, configurations and layers that were exported, each counted once.
  returned: success
  type: int
  sample: 68292110
platforms:
  description: The platforms that were exported, as C(os/architecture[/variant]), in the order of the index.
  returned: success
  type: list
  elements: str
  sample: [linux/amd64]
blobs:
  description: What became of the manifests, configurations and layers. All together they are RV(size).
  returned: success
  type: dict
  contains:
    written:
      description: How many were fetched and written. In check mode, how many will be.
      returned: success
      type: int
      sample: 8
    written_bytes:
      description: Their bytes.
      returned: success
      type: int
      sample: 68292110
    kept:
      description: How many were there before and stay.
      returned: success
      type: int
      sample: 0
    kept_bytes:
      description: Their bytes.
      returned: success
      type: int
      sample: 0
error:
  description: What went wrong, as values.
  returned: when the registry failed, or the place cannot take the image
  type: dict
  sample:
    kind: ArchiveError
    message: "/srv/base.tar holds 127.0.0.1:5000/team/tool:1, not only 127.0.0.1:5000/team/base:1: it stays as it is."
    hint: Remove the file, or choose another path.
"""

import dataclasses
import os
import typing as t

from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS, AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._module import (
    choose_platforms,
    connect,
    fail,
    make_module,
    wanted_platforms,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Meter
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.export import (
    execute_export,
    open_target,
    plan_export,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.image_name import (
    locate,
    name_image,
    parse_destination,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import ArchiveLocation
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_local_reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import RegistrySource
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress, since, watching


def export_image(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Make the place hold the image, or in check mode find out what that would do."""
    location = parse_destination(module.params["dest"])
    _check_file_options(module, location)
    platforms = wanted_platforms(module)
    origin = parse_registry_url(module.params["url"])
    reference = parse_local_reference(module.params["name"], origin.authority)
    name = name_image(location, reference, origin)

    def place(written: str, path: str) -> None:
        module.atomic_move(written, path, unsafe_writes=module.params["unsafe_writes"])

    target = open_target(location, name, place=place)
    was_there = os.path.exists(location.path)
    for_docker = location.kind == "docker-archive"
    with connect(module, reference.repository) as client:
        source = choose_platforms(RegistrySource(client, reference), platforms, where=str(reference))
        with watching(progress.report, since("looking at the image")):
            plan = plan_export(source, target, where=str(reference), for_docker=for_docker)
        if not module.check_mode:
            meter = Meter(1, plan.blobs.written_bytes)
            with watching(progress.report, meter.line):
                execute_export(plan, source, count=meter.move)
    where = str(locate(location, name))
    diff = {
        "before": {"location": where, "digest": plan.before or None},
        "after": {"location": where, "digest": plan.details.digest},
    }
    changed = plan.changed
    if location.kind != "oci":
        # Of a file that is new the permissions are no difference, and check mode could not know them.
        arguments = module.load_file_common_arguments(module.params, path=os.path.realpath(location.path))
        changed = module.set_fs_attributes_if_different(arguments, changed, diff=diff if was_there else None)
    return {
        "changed": changed,
        "reference": str(reference),
        # Not dest: AnsibleModule would take that for a path and add what it finds there, or that it finds nothing.
        "location": where,
        **dataclasses.asdict(plan.details),
        "platforms": list(plan.details.platforms),
        "blobs": dataclasses.asdict(plan.blobs),
        "diff": diff,
    }


def _check_file_options(module: AnsibleModule, location: ArchiveLocation) -> None:
    given = [name for name in FILE_COMMON_ARGUMENTS if module.params[name] not in (None, False)]
    if location.kind == "oci" and given:
        raise InvalidSettings(
            f"{', '.join(sorted(given))} cannot be set on a layout, which is a directory with many files.",
            hint="Use an archive, or set them with ansible.builtin.file.",
        )


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "name": {"type": "str", "required": True},
            "dest": {"type": "str", "required": True},
            "platforms": {"type": "list", "elements": "str"},
            "progress_file": {"type": "path"},
        },
        add_file_common_args=True,
    )
    try:
        with Progress(module.params["progress_file"]) as progress:
            result = export_image(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
