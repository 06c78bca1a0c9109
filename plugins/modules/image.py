#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Copy an image into a registry, or remove one
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Copies an image, with all its platforms or those in O(platforms), from another registry, a directory, an archive or
    a Docker engine into a registry.
  - Copies digests as they are, and needs no Docker engine unless the image is of one. Blobs that the registry has are
    not sent again. Blobs of an image on the same registry are linked, not sent.
  - Every manifest and blob is verified by its digest. The tag is written last, so that a copy that fails leaves it
    where it was.
  - Or removes an image, unless something else uses it.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
attributes:
  check_mode:
    support: full
    details:
      - To know what the registry can delete, O(state=absent) asks it to delete a tag, or a manifest, that it does not
        have. This is done in check mode, too, and needs the right to delete. It changes nothing.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - The repository, and after a colon the tag, that the image gets on the registry. The tag is V(latest) if none is
        given.
      - With O(state=absent) the tag has to be given, or after an V(@) a digest.
      - The registry itself is named by O(url).
    type: str
    required: true
  source:
    description:
      - The image to copy.
      - V(docker://[host[:port]/]repository[:tag][@digest]) is an image on a registry, with Docker's short names, so
        V(docker://nginx) is on Docker Hub. It is reached over https. On loopback plain http is used if the port does
        not speak TLS, as Docker does, and the registry of O(url) is reached as O(url) says. Everywhere else plain http
        needs O(source_plain_http=true).
      - V(oci:/path[:tag]) is an OCI image layout in a directory, V(oci-archive:/path[:tag]) one in a tar archive. A
        digest may stand for the tag. Neither is needed if there is one image; signatures beside it are none.
      - V(docker-archive:/path[:name:tag]) is an archive made by C(docker save). Layers that are not compressed are
        compressed with gzip, always in the same way, so that the same archive has the same digest each time.
      - V(docker-daemon:name[:tag]) and V(docker-daemon:sha256:ID) are an image of the Docker engine at O(docker_host),
        by its name or the whole ID that C(docker image inspect) shows. No C(docker) command is needed. The engine's
        archive stands in Ansible's temporary folder on the managed host while the image is copied, which takes the room
        of the image, and half of it again where layers are to be compressed. An image that the registry has is not
        moved at all.
      - An engine with a graph driver (C(overlay2)) keeps no manifest, so one is made as for an archive of C(docker
        save), and its digest is another than the one it may once have been pulled by. An engine with containerd's image
        store keeps manifests, so digests stay as they are.
      - A directory or archive with several images needs the tag or name of one.
      - Paths are on the managed host and hold no colon. An archive must not be compressed as a whole.
      - Required if O(state=present).
    type: str
  platforms:
    description:
      - The platforms to copy, each as C(os/architecture[/variant]), for example V(linux/amd64). All if not given.
      - They are matched as containerd does, so V(linux/arm64) is V(linux/arm64/v8), V(linux/arm) is V(linux/arm/v7),
        and V(linux/x86_64) is V(linux/amd64). One that the image does not have is an error, also for an image without
        an index.
      - One platform gives its own manifest, with the digest that it has in the index, so that signatures of it hold.
        Attestations, which only an index can name, are left out.
      - Several give an index with another digest, always the same for the same source. It is the original one without
        the other entries. Attestations of the chosen platforms, annotations and the digest of each platform stay.
      - If nothing is left out of the index, it is the original one with its digest.
      - The index of a V(docker://) source is read in each run, which Docker Hub counts as a pull.
      - A source that lacks other platforms, as C(docker save) writes it, can be copied by naming those it has.
    type: list
    elements: str
  docker_host:
    description:
      - Where the Docker engine of a V(docker-daemon:) source listens, V(unix:///path) or V(tcp://host:port), as seen
        from the managed host. TLS is not spoken.
      - If it is not given, the environment variable E(DOCKER_HOST) on the managed host is used. Whoever runs the task
        must be let to the socket, which takes root (C(become)) or the group C(docker).
    type: str
    default: unix:///var/run/docker.sock
  source_username:
    description:
      - The user to log in as at the registry of a V(docker://) source.
      - If it is not given, O(source_identity_token) is used, then the files that O(auth_file) and O(use_auth_files)
        name. A source on the registry of O(url) has the login of O(username) or O(identity_token) before the files.
    type: str
  source_password:
    description:
      - The password of O(source_username).
    type: str
  source_identity_token:
    description:
      - An identity token for the registry of a V(docker://) source, as O(identity_token) is for that of O(url).
      - Not used if there is a O(source_username).
    type: str
  source_token_hosts:
    description:
      - Token servers that may be sent the login for the registry of a V(docker://) source, as O(token_hosts) are for
        that of O(url).
      - Not used if the source is on the registry of O(url).
    type: list
    elements: str
    default: []
  source_ca_path:
    description:
      - A PEM file on the managed host with the CAs to trust for the registry of a V(docker://) source.
      - Not used if the source is on the registry of O(url).
    type: path
  source_validate_certs:
    description:
      - Whether the certificate of the registry of a V(docker://) source must be valid.
      - Not used if the source is on the registry of O(url).
    type: bool
    default: true
  source_plain_http:
    description:
      - Whether the registry of a V(docker://) source is reached in plain http. Everyone on the way can read what is
        sent, a login too, and can change what is answered. What is copied is verified by its digest, but who names a
        tag trusts the answer.
      - Not used if the source is on the registry of O(url).
    type: bool
    default: false
  state:
    description:
      - V(present) makes O(name) the image of O(source).
      - V(absent) with a tag removes the tag, and its manifest unless another tag, or an index that a tag names, uses it.
        Distribution 2.8 cannot remove a tag alone. If the manifest has to stay there, the module fails, names what uses
        it, and changes nothing.
      - V(absent) with a digest deletes the manifest. If tags name it, or an index that a tag names, the module fails and
        names them, unless O(force=true).
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - With O(state=absent) and a digest, delete the manifest though it is in use. Tags that name it go along, and an
        index that it is part of is broken.
    type: bool
    default: false
  recursive:
    description:
      - With O(state=absent), delete with the manifest those of its platforms, if it is an index, and the signatures, SBOMs
        and attestations that are about it, by the referrers tag of OCI or by the tags of cosign, as far as no other tag,
        and no index that a tag names, uses them.
      - Without it they stay, and RV(untagged) and RV(referrers) say which. An image that is pulled by its digest, but has
        no tag, may share platforms with the one that is removed, and no registry tells so.
    type: bool
    default: false
notes:
  - Something is changed if O(name) does not point at the image, or if the registry has lost a manifest or a
    configuration of it.
  - Images are compared by digest. Where the manifest is made here, for V(docker-archive:) and V(docker-daemon:), they
    are compared by the configuration, whose digest is the image ID and decides the content of all layers, so an image
    is the same however it was compressed.
  - Removing needs a registry with C(storage.delete.enabled), and frees no space. The garbage collection of the registry
    does that. Without C(--delete-untagged) it keeps all that manifests without a tag use.
  - Whether something else uses a manifest is decided by the registry's list of tags. Distribution 3.1.0 and 3.1.1 with
    storage on S3 leave out of it tags that begin with another, as C(1.20) beside C(1.2). Do not remove images there.
  - Layers that may not be distributed, which Windows images have, are not copied.
  - Archives may come from anywhere. Nothing of them is unpacked to disk, and what is damaged or leads out of them is
    refused before anything is written. A layer of V(docker-archive:) that unpacks to more than 4 GiB and 100 times its
    size is refused, for reading a gzip bomb costs time. Layers of V(oci:) and V(oci-archive:) are never unpacked.
  - Check mode reads and compresses what a V(docker-archive:) or an engine has, if the registry does not have the image,
    since nothing less tells the digest.
  - For V(docker-daemon:) with containerd's image store and O(platforms), the engine's archive is read in each run,
    since nothing else tells what is in the index.
seealso:
  - module: dockyard.registry.catalog_info
  - module: dockyard.registry.tag
    description: Removes a tag alone.
"""

EXAMPLES = r"""
- name: Copy an image of Docker Hub, all platforms, into our registry
  dockyard.registry.image:
    url: https://registry.example.com
    username: ci
    password: "{{ registry_password }}"
    name: library/nginx:1.27
    source: docker://nginx:1.27

- name: Promote what was tested, with the registry and its user said once
  module_defaults:
    group/dockyard.registry.registry:
      url: https://registry.example.com
      username: ci
      password: "{{ registry_password }}"
  block:
    - name: Copy the image inside the registry, which moves no data
      dockyard.registry.image:
        name: production/shop:2.4
        source: docker://registry.example.com/staging/shop@sha256:{{ digest }}

    - name: Have stable name it
      dockyard.registry.tag:
        name: production/shop:stable
        target: "2.4"

- name: Load an archive that docker save wrote
  dockyard.registry.image:
    url: http://127.0.0.1:5000
    name: team/base:1.0
    source: docker-archive:/srv/images/base.tar

- name: Copy an image that was built on the host, out of its Docker engine
  dockyard.registry.image:
    url: http://127.0.0.1:5000
    name: team/shop:2.4
    source: docker-daemon:shop:2.4

- name: Copy two platforms of an image
  dockyard.registry.image:
    url: http://127.0.0.1:5000
    name: library/nginx:1.27
    source: docker://nginx:1.27
    platforms: [linux/amd64, linux/arm64]

- name: Load one of several images in an OCI archive
  dockyard.registry.image:
    url: http://127.0.0.1:5000
    name: team/tool:3
    source: oci-archive:/srv/images/tools.tar:3

- name: Remove an image with its platforms and signatures
  dockyard.registry.image:
    url: http://127.0.0.1:5000
    name: team/tool:2
    state: absent
    recursive: true
"""

RETURN = r"""
reference:
  description: The image on the registry, with its tag or digest.
  returned: success
  type: str
  sample: registry.example.com/library/nginx:1.27
digest:
  description:
    - The digest of the image, which O(name) points at, or will point at when this was check mode.
    - If O(state=absent), the digest of what was removed. V(null) if nothing was there.
  returned: success
  type: str
  sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
media_type:
  description: The type of the manifest or index.
  returned: when O(state=present)
  type: str
  sample: application/vnd.oci.image.index.v1+json
size:
  description: The bytes of all manifests, configurations and layers of all platforms, each counted once.
  returned: when O(state=present)
  type: int
  sample: 68292110
platforms:
  description: The platforms of the image, as C(os/architecture[/variant]), in the order of the index.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [linux/amd64, linux/arm64/v8]
copied:
  description:
    - What became of the blobs. When nothing is changed, all numbers are 0.
    - In check mode, what will become of them if the registry links what it is asked to.
  returned: when O(state=present)
  type: dict
  contains:
    uploaded:
      description: The number of blobs that were sent.
      returned: when O(state=present)
      type: int
      sample: 7
    uploaded_bytes:
      description: Their bytes.
      returned: when O(state=present)
      type: int
      sample: 68284212
    mounted:
      description: The number of blobs that were linked from another repository of the registry.
      returned: when O(state=present)
      type: int
      sample: 0
    mounted_bytes:
      description: Their bytes.
      returned: when O(state=present)
      type: int
      sample: 0
    existing:
      description: The number of blobs that were in the repository before.
      returned: when O(state=present)
      type: int
      sample: 1
    existing_bytes:
      description: Their bytes.
      returned: when O(state=present)
      type: int
      sample: 7898
tags:
  description: The tags that were removed, sorted.
  returned: when O(state=absent)
  type: list
  elements: str
  sample: ["2"]
deleted:
  description: The digests of the manifests that were deleted, in this order. Empty if only the tag was removed.
  returned: when O(state=absent)
  type: list
  elements: str
  sample: [sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df]
users:
  description: The tags that use the manifest and are still there, because they name it or an index that it is part of.
  returned: when O(state=absent)
  type: list
  elements: str
  sample: []
untagged:
  description: The digests of the manifests in a removed index that stay though no tag uses them any more.
  returned: when O(state=absent)
  type: list
  elements: str
  sample: []
referrers:
  description: The tags that stay though they are about what was removed, as signatures are.
  returned: when O(state=absent)
  type: list
  elements: str
  sample: [sha256-67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df.sig]
error:
  description: What went wrong, as values.
  returned: when the registry or the source failed
  type: dict
  sample:
    kind: Unauthorized
    message: "GET https://registry.example.com/v2/ answered 401: UNAUTHORIZED (authentication required)."
    hint: Give a user name and password that the registry knows, or check the ones given.
    method: GET
    url: https://registry.example.com/v2/
    status: 401
    codes: [UNAUTHORIZED]
    body: ""
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._module import (
    connect,
    connect_source,
    fail,
    make_module,
    source_spec,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.copy import CopyPlan, execute_copy, plan_copy
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_repository_tag
from ansible_collections.dockyard.registry.plugins.module_utils.oci.removal import Remover, plan_removal
from ansible_collections.dockyard.registry.plugins.module_utils.oci.tags import parse_named
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress, since, watching


def copy_image(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Make the tag the image of the source, or in check mode find out what that would do."""
    target = parse_repository_tag(module.params["name"])
    with connect(module, target.repository) as client:
        source = connect_source(module, client.origin)
        try:
            with watching(progress.report, since("looking at the image")):
                plan = plan_copy(source, client, target)
            copied = plan.copied if module.check_mode else execute_copy(plan, source, client, report=progress.report)
        finally:
            source.close()
        reference = f"{client.origin.authority}/{target}"
    return {
        "changed": plan.changed,
        "reference": reference,
        **_details(plan),
        "copied": dataclasses.asdict(copied),
        "diff": {
            "before": {"reference": reference, "digest": plan.before or None},
            "after": {"reference": reference, "digest": plan.details.digest},
        },
    }


def remove_image(module: AnsibleModule, _progress: Progress) -> dict[str, t.Any]:
    """Remove the tag or digest, or in check mode find out what that would do."""
    repository, reference = parse_named(module.params["name"])
    with connect(module, repository) as client:
        remover = Remover(client, repository)
        plan = plan_removal(remover, reference, force=module.params["force"], recursive=module.params["recursive"])
        removal = plan()
        if not module.check_mode:
            remover.execute(removal, plan)
        shown = f"{client.origin.authority}/{module.params['name']}"
    lists = {key: list(getattr(removal, key)) for key in ("tags", "deleted", "users", "untagged", "referrers")}
    return {
        "changed": removal.changed,
        "reference": shown,
        "digest": removal.digest or None,
        **lists,
        "diff": {
            "before": {"reference": shown, "tags": lists["tags"], "manifests": lists["deleted"]},
            "after": {"reference": shown, "tags": [], "manifests": []},
        },
    }


def _details(plan: CopyPlan) -> dict[str, t.Any]:
    return {**dataclasses.asdict(plan.details), "platforms": list(plan.details.platforms)}


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "name": {"type": "str", "required": True},
            **source_spec(),
            "source": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "force": {"type": "bool", "default": False},
            "recursive": {"type": "bool", "default": False},
            "progress_file": {"type": "path"},
        },
        required_if=[("state", "present", ("source",))],
        required_together=[("source_username", "source_password")],
    )
    try:
        work = copy_image if module.params["state"] == "present" else remove_image
        with Progress(module.params["progress_file"]) as progress:
            result = work(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
