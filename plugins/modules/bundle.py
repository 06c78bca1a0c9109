#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle
short_description: Put many images into one archive
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Collects a list of images, from registries, a Docker engine, archives and layouts, in one archive for machines
    without a network. It is an OCI image layout in a tar archive, in which each blob stands once.
  - Every manifest and blob keeps its digest, and is verified by it while it is written. The same images give the same
    archive, byte for byte.
  - The archive appears as a whole or not at all. One that fails or is interrupted leaves the old one, and what the old
    one has is not fetched again.
  - All images are looked for before anything is written. If some cannot be had, the task fails and names them all.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.attributes
  - ansible.builtin.files
  - dockyard.registry.registries
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  dest:
    description:
      - The archive, on the managed host. The directory above must be there. The path holds no colon.
      - A bundle that is there becomes what the list says, so an image that is no longer in the list is left out. A
        damaged one is replaced. A file that is anything else is not touched, and the task fails.
    type: path
    required: true
  images:
    description:
      - The images. Those of O(file) come behind them. One of the two is needed.
      - All options of an entry are those of O(dockyard.registry.images#module:images).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The repository, and after a colon the tag, that the image is to have in a registry. The tag is V(latest) if
            none is given. If tags are chosen, the repository only.
          - If it is not given, it is the repository and tag of a V(docker://) source without its host.
          - As long as it is that of the source, engines call the image as the source does, host and all. Else they call
            it as if it were of Docker Hub.
        type: str
      source:
        description:
          - The image, as for O(dockyard.registry.image#module:source).
          - Required, but checked together with all else.
        type: str
      platforms:
        description: The platforms to take. Those of O(platforms) if not given.
        type: list
        elements: str
      tags:
        description: Take these tags of the source's repository. Each is a tag or a pattern.
        type: list
        elements: str
      versions:
        description: Take the tags that are versions within these bounds, such as V(>=1.2, <2).
        type: str
      newest:
        description: Take the newest so many versions of those that the other options leave.
        type: int
      flavor:
        description: Take versions of this flavor only.
        type: str
      prereleases:
        description: Whether pre-releases are among the versions. V(false) if not given.
        type: bool
      partial:
        description: Whether versions of less than three numbers are among the versions. V(true) if not given.
        type: bool
      referrers:
        description: Whether what is about the image goes in with it. If not given, O(referrers) says so.
        type: bool
      where:
        description: What messages call the entry. If not given, its place in the list.
        type: str
  file:
    description:
      - A file with a list of images, as for O(dockyard.registry.images#module:file). Messages name its lines.
      - It is a file of the controller, looked for as M(ansible.builtin.copy) does, unless O(remote_src=true).
    type: path
  remote_src:
    description:
      - Whether O(file) is on the managed host. YAML needs PyYAML there, JSON needs nothing.
    type: bool
    default: false
  entries:
    description:
      - What the controller has read from O(file). It is set by the module's action plugin and not meant for playbooks.
    type: list
    elements: dict
    default: []
  platforms:
    description:
      - The platforms to take of images that do not say so, as for O(dockyard.registry.image#module:platforms). All if not
        given.
    type: list
    elements: str
  referrers:
    description:
      - Whether signatures, SBOMs, attestations and all else that is about an image go in with it, found as
        O(dockyard.registry.images#module:referrers) finds them. The same option of that module brings them into a registry.
    type: bool
    default: false
  docker_host:
    description:
      - Where the Docker engine of V(docker-daemon:) sources listens, V(unix:///path) or V(tcp://host:port), as seen
        from the managed host. TLS is not spoken.
      - If it is not given, the environment variable E(DOCKER_HOST) on the managed host is used.
    type: str
    default: unix:///var/run/docker.sock
  auth_file:
    description:
      - A file of logins on the managed host, as C(docker login) or C(podman login) writes it. It must exist.
    type: path
  use_auth_files:
    description:
      - Whether to look for a login where Docker, podman and skopeo keep them, if O(registries) names none.
    type: bool
    default: true
  certs_dir:
    description:
      - A folder on the managed host with certificates for registries, read as Docker reads its own.
    type: path
    default: /etc/docker/certs.d
  timeout:
    description:
      - The longest time in seconds to wait for the next byte.
    type: int
    default: 60
notes:
  - skopeo reads an image of it as V(oci-archive:/path:library/nginx:1.27), podman and containerd know the images by their
    whole names.
  - C(docker load) of an engine with containerd's image store takes all of it. Other engines take the images of one
    platform. M(dockyard.registry.engine_image) loads a single image into any engine.
  - The room on the disk is checked first. An archive needs all of it while the old one is still there.
  - An image that the old archive has counts as there if its manifests are right and its blobs have their size. All blobs
    of the old archive are verified when they are taken over. M(dockyard.registry.bundle_info) verifies them at any time.
  - Layers that may not be distributed, which Windows images have, are not in it.
  - What O(referrers) adds is found in the archive by its subject or the tag of cosign, as M(dockyard.registry.images) does.
    Tools that take each entry for an image to be unpacked, as C(ctr images import) and C(docker load) of an engine with
    containerd's image store do, are not meant to have such an archive.
requirements:
  - Python 3.9 or newer on the managed host, and nothing else.
seealso:
  - module: dockyard.registry.bundle_info
  - module: dockyard.registry.engine_image
  - module: dockyard.registry.image_export
    description: Puts one image into an archive or a layout.
"""

EXAMPLES = r"""
- name: Put what a site needs into one file
  dockyard.registry.bundle:
    dest: /srv/bundle.tar
    platforms: [linux/amd64]
    images:
      - source: docker://registry:3
      - source: docker://nginx:1.27
      - name: team/shop:2.4
        source: docker-daemon:shop:2.4
      - name: team/base:1.0
        source: docker-archive:/srv/images/base.tar
    mode: "0644"

- name: Put all that stands in a list into one file
  dockyard.registry.bundle:
    dest: /srv/bundle.tar
    file: images.yml
    referrers: true
    registries:
      - registry: registry.example.com
        username: ci
        password: "{{ registry_password }}"
"""

RETURN = r"""
images:
  description: The images, sorted by their names, as M(dockyard.registry.bundle_info) returns them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: library/nginx:1.27
      source: oci-archive:/srv/bundle.tar:library/nginx:1.27
      reference: docker.io/library/nginx:1.27
      digest: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
      media_type: application/vnd.oci.image.index.v1+json
      size: 68292110
      platforms: [linux/amd64]
      loadable: true
referrers:
  description: How many manifests about images are in it, each counted once.
  returned: success
  type: int
  sample: 2
size:
  description: The bytes of the archive.
  returned: success
  type: int
  sample: 91304960
blobs:
  description: What became of the configurations and layers, each counted once.
  returned: success
  type: dict
  contains:
    fetched:
      description: How many were fetched. In check mode, how many will be.
      returned: success
      type: int
      sample: 8
    fetched_bytes:
      description: Their bytes.
      returned: success
      type: int
      sample: 68292110
    kept:
      description: How many the old archive had.
      returned: success
      type: int
      sample: 0
    kept_bytes:
      description: Their bytes.
      returned: success
      type: int
      sample: 0
error:
  description: What went wrong, as values. C(problems) or C(images) have all that is wrong with the list.
  returned: when the list was refused, an image cannot be had, or the place cannot take the archive
  type: dict
  sample:
    kind: ArchiveError
    message: "/srv/bundle.tar holds something else and stays as it is: /srv/bundle.tar is not a whole tar archive."
    hint: Remove the file, or choose another path.
"""

import contextlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._bundle import described
from ansible_collections.dockyard.registry.plugins.module_utils._module import (
    engine_spec,
    every_registry_spec,
    fail,
    open_sources,
    registries_spec,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.list_file import read_list_file
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Meter
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.documents import Attached, Bundled
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.planning import Plan, plan_bundle
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.wanted import read_wanted
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.writing import write_bundle
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress, since, watching


def make_bundle(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Make the archive hold the images, or in check mode find out what that would do."""
    path = module.params["dest"]
    if ":" in path:
        raise InvalidSettings(f"dest is {path!r}, and holds a colon.", hint="Sources end at a colon: choose another path.")

    def place(written: str, target: str) -> None:
        module.atomic_move(written, target, unsafe_writes=module.params["unsafe_writes"])

    there = os.path.exists(path)
    with open_sources(module) as sources:
        with watching(progress.report, since(f"{path}: looking for its images")):
            wanted = read_wanted(
                _entries(module), module.params["platforms"] or (), sources, referrers=module.params["referrers"]
            )
            planned = plan_bundle(wanted, path)
        with contextlib.closing(planned) as plan:
            blobs = _blobs(plan)
            if plan.changed and not module.check_mode:
                meter = Meter(1, blobs["fetched_bytes"] + blobs["kept_bytes"])
                with watching(progress.report, lambda: f"{path}: {meter.line()}"):
                    write_bundle(plan, place=place, count=meter.move)
            changed, after, attached = plan.changed, plan.images, plan.attached
            before = _digests(path, plan.before, plan.attached_before)
            size = plan.layout.size
    diff = {"before": before, "after": _digests(path, after, attached)}
    arguments = module.load_file_common_arguments(module.params, path=os.path.realpath(path))
    changed = module.set_fs_attributes_if_different(arguments, changed, diff=diff if there else None)
    return {
        "changed": changed,
        "images": [described(image, path) for image in after],
        "referrers": len({one.digest for one in attached}),
        "size": size,
        "blobs": blobs,
        "diff": diff,
    }


def _entries(module: AnsibleModule) -> list[dict[str, t.Any]]:
    entries: list[dict[str, t.Any]] = [*module.params["images"], *module.params["entries"]]
    if module.params["file"]:
        entries += read_list_file(module.params["file"])
    if not entries:
        raise InvalidSettings("there are no images to put into the bundle.", hint="Name them by images or in file.")
    return entries


def _blobs(plan: Plan) -> dict[str, int]:
    counts = dict.fromkeys(("fetched", "fetched_bytes", "kept", "kept_bytes"), 0)
    for slot in plan.layout.slots:
        kind = "kept" if plan.is_kept(slot.content) else "fetched"
        counts[kind] += 1
        counts[f"{kind}_bytes"] += slot.content.size
    return counts


def _digests(path: str, images: t.Sequence[Bundled], attached: t.Sequence[Attached]) -> dict[str, t.Any]:
    return {
        "path": path,
        "images": {str(image.target): image.image.root.digest for image in images},
        "referrers": sorted({one.digest for one in attached}),
    }


def main() -> None:
    """Run the module."""
    entry = {
        **dict.fromkeys(("name", "source", "versions", "flavor", "where"), {"type": "str"}),
        **dict.fromkeys(("platforms", "tags"), {"type": "list", "elements": "str"}),
        **dict.fromkeys(("prereleases", "partial", "referrers"), {"type": "bool"}),
        "newest": {"type": "int"},
    }
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "images": {"type": "list", "elements": "dict", "default": [], "options": entry},
            "file": {"type": "path"},
            "remote_src": {"type": "bool", "default": False},
            "entries": {"type": "list", "elements": "dict", "default": []},
            "platforms": {"type": "list", "elements": "str"},
            "referrers": {"type": "bool", "default": False},
            "progress_file": {"type": "path"},
            **registries_spec(),
            **engine_spec(),
            **every_registry_spec(),
        },
        supports_check_mode=True,
        add_file_common_args=True,
    )
    try:
        with Progress(module.params["progress_file"]) as progress:
            result = make_bundle(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
