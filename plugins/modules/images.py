#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: Copy many images into a registry
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Copies a list of images, from other registries, directories, archives or a Docker engine, into a registry. It plans
    the whole before it sends a byte.
  - What the registry has is not sent again. A tag that names the image already costs one small request here and one at
    the source. A blob that several images use is sent once, whatever repositories they are in, and linked to the others.
  - Copies digests as they are. Every manifest and blob is verified by its digest on the way. A tag is written when all
    that its image needs is there, so that it never points at something incomplete.
  - A list that cannot be meant so is refused as a whole before anything is sent, with all that is wrong with it. One
    image that fails later does not stop the others. The task then fails in the end and says which were copied.
  - A copy that was cut off goes on when it is run again. Blobs that arrived are not sent again.
  - On the controller it shows every few seconds how far it is, and in the end a table.
extends_documentation_fragment:
  - dockyard.registry.progress
  - dockyard.registry.registry
  - dockyard.registry.registries
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  images:
    description:
      - The images. Those of O(file) come behind them. One of the two is needed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The repository, and after a colon the tag, that the image gets on the registry. The tag is V(latest) if none
            is given.
          - If tags are chosen, the repository only, since the tags are those of the source.
          - If it is not given, it is the repository and tag of a V(docker://) source without its host, so
            V(library/nginx:1.27) for V(docker://nginx:1.27).
        type: str
      source:
        description:
          - The image to copy, as for O(dockyard.registry.image#module:source).
          - If tags are chosen, V(docker://) and a repository without tag and digest.
          - Required, but checked together with all else.
        type: str
      platforms:
        description: The platforms to copy, as for O(dockyard.registry.image#module:platforms). All if not given.
        type: list
        elements: str
      tags:
        description:
          - Copy these tags of the source's repository. Each is a tag, or a pattern in which V(*) stands for any
            characters, V(?) for one, V([ab]) for one of these. With V(!) in front it excludes.
        type: list
        elements: str
      versions:
        description:
          - Copy the tags that are versions within these bounds, parted by commas, such as V(>=1.2, <2). They are read as
            the filter P(dockyard.registry.sort_tags#filter) reads them.
        type: str
      newest:
        description:
          - Copy the newest so many versions of those that the other options leave.
        type: int
      flavor:
        description:
          - Copy versions of this flavor only, a shell pattern such as V(alpine*). The empty text means those without a
            flavor. If it is not given, all are copied.
        type: str
      prereleases:
        description: Whether pre-releases are among the versions. V(false) if not given.
        type: bool
      partial:
        description:
          - Whether versions of less than three numbers, which mostly are tags that move with each release, are among the
            versions. V(true) if not given.
        type: bool
      referrers:
        description: Whether what is about the image travels along. If not given, O(referrers) says so.
        type: bool
      where:
        description: What messages call the entry. If not given, its place in the list.
        type: str
  file:
    description:
      - A file with a list of images, in YAML or JSON, or with a mapping that has such a list as C(images). The entries
        are as in O(images). Messages name their lines.
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
  referrers:
    description:
      - Whether signatures, SBOMs, attestations and all else that is about an image travel along, by the referrers API, by
        its fallback tag, and by the tags of cosign. They are written before the image's tag.
      - Takes one list of tags a source repository, and where the source has the referrers API one request a manifest.
      - From V(oci:) and V(oci-archive:) all manifests come along that have the image as their subject, and entries of
        C(index.json) that have the name of a tag of cosign or were written by C(cosign save). Each manifest of such a
        layout is read once. If one is damaged, the list is refused.
      - V(docker-archive:) and V(docker-daemon:) hold images only, so there it changes nothing.
    type: bool
    default: false
  parallel:
    description:
      - The number of large blobs that are on their way at a time. Small ones are besides them, as many.
    type: int
    default: 4
  docker_host:
    description:
      - Where the Docker engine of V(docker-daemon:) sources listens, V(unix:///path) or V(tcp://host:port), as seen
        from the managed host. TLS is not spoken.
      - If it is not given, the environment variable E(DOCKER_HOST) on the managed host is used.
    type: str
    default: unix:///var/run/docker.sock
notes:
  - Where images come from the registry of O(url) itself, it is reached with the login and the TLS settings of the module, as
    long as O(registries) gives it no others.
  - A registry that is away while images are copied, for a restart for example, is waited for up to a minute. When it
    asks for a pause (C(Retry-After)), it gets it.
  - Layers that a Docker engine keeps unpacked are compressed on the way, but for those that the images of the target
    repository have already. What such an image says of its layers is believed.
  - An image is as much there as its tag names its digest. Whether the registry still has all its blobs is not asked.
  - Layers that may not be distributed, which Windows images have, are not copied. Images of schema 1 are refused.
  - A blob is asked to be linked rather than asked for, which opens an upload where that cannot be done. So each costs one
    request or two.
seealso:
  - module: dockyard.registry.image
    description: Copies one image, or removes one.
  - module: dockyard.registry.catalog_info
"""

EXAMPLES = r"""
- name: Have some images in our registry, with what signs them
  dockyard.registry.images:
    url: https://registry.example.com
    username: ci
    password: "{{ registry_password }}"
    referrers: true
    images:
      - source: docker://nginx:1.27
        platforms: [linux/amd64, linux/arm64]
      - name: library/alpine
        source: docker://docker.io/library/alpine
        versions: ">=3.19"
        newest: 3
      - name: team/base:1.0
        source: docker-archive:/srv/images/base.tar
    registries:
      - registry: docker.io
        username: dockyard
        password: "{{ hub_password }}"

- name: Have all that stands in a list, which is data
  dockyard.registry.images:
    url: http://127.0.0.1:5000
    file: images.yml

- name: Promote all releases of a team, which moves no data
  dockyard.registry.images:
    url: https://registry.example.com
    images:
      - name: production/shop
        source: docker://registry.example.com/staging/shop
        tags: ["[0-9]*", "!*-rc*"]
"""

RETURN = r"""
images:
  description: What became of each image, in the order of the list. In check mode, what will become of it.
  returned: when the list was not refused
  type: list
  elements: dict
  contains:
    name:
      description: The repository and tag on the registry.
      returned: always
      type: str
      sample: library/nginx:1.27
    source:
      description: Where it comes from.
      returned: always
      type: str
      sample: docker://docker.io/library/nginx:1.27
    where:
      description: The entry of the list that it is of.
      returned: always
      type: str
      sample: images.yml:12
    digest:
      description: The digest that the tag is to name. V(null) if it could not be found out.
      returned: always
      type: str
      sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
    before:
      description: The digest that the tag named before. V(null) if there was no such tag.
      returned: always
      type: str
      sample: null
    result:
      description: What became of it.
      returned: always
      type: str
      sample: copied
    error:
      description: Why it failed. V(null) if it did not.
      returned: always
      type: str
      sample: null
totals:
  description: What it all came to.
  returned: when the list was not refused
  type: dict
  contains:
    copied:
      description: The number of images that were copied.
      returned: always
      type: int
      sample: 48
    skipped:
      description: The number of images that were there.
      returned: always
      type: int
      sample: 2
    failed:
      description: The number of images that failed.
      returned: always
      type: int
      sample: 0
    uploaded:
      description: The number of blobs that were sent.
      returned: always
      type: int
      sample: 77
    uploaded_bytes:
      description: Their bytes.
      returned: always
      type: int
      sample: 1570123456
    mounted:
      description: The number of blobs that were linked from another repository of the registry.
      returned: always
      type: int
      sample: 31
    mounted_bytes:
      description: Their bytes.
      returned: always
      type: int
      sample: 812345678
    existing:
      description: The number of blobs that were in their repository before.
      returned: always
      type: int
      sample: 0
    existing_bytes:
      description: Their bytes.
      returned: always
      type: int
      sample: 0
    requests:
      description: The number of requests that went to the registry.
      returned: always
      type: int
      sample: 301
    source_requests:
      description: The number of requests that went to other registries.
      returned: always
      type: int
      sample: 150
    seconds:
      description: How long it took.
      returned: always
      type: float
      sample: 4.21
error:
  description: What went wrong, as values. If the list was refused, C(problems) has all that is wrong with it.
  returned: when the list was refused, or the registry failed before anything was copied
  type: dict
  sample:
    kind: BadList
    message: "the list of images has one problem, and nothing was copied:\n- images.yml:12: source is missing."
    hint: ""
    problems:
      - where: images.yml:12
        message: source is missing.
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._module import (
    connect,
    engine_spec,
    fail,
    make_module,
    open_sources,
    registries_spec,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.copying import Copier
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.jobs import Job
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.list_file import read_list_file
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import read_wishes
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress


def copy_images(module: AnsibleModule, progress: Progress) -> dict[str, t.Any]:
    """Have the registry have the images, or in check mode find out what that would do."""
    began = time.monotonic()
    wishes, problems = read_wishes(_entries(module), referrers=module.params["referrers"])
    if module.params["parallel"] < 1:
        raise InvalidSettings(f"parallel is {module.params['parallel']}.", hint="Give at least one.")
    with connect(module) as client, open_sources(module, client) as sources:
        copier = Copier(client, sources, threads=module.params["parallel"], report=progress.report)
        plan = copier.plan(wishes, problems)
        totals = copier.predict(plan) if module.check_mode else copier.run(plan)
        # What comes now is as much as the plan: all images as values, twice as text.
        plan.works.clear()
        results = [job.result for job in plan.jobs]
        return {
            "changed": any(job.changed for job in plan.jobs),
            "images": [_described(job) for job in plan.jobs],
            "totals": {
                **{result: results.count(result) for result in ("copied", "skipped", "failed")},
                **totals._asdict(),
                "requests": client.requests,
                "source_requests": sources.requests,
                "seconds": round(time.monotonic() - began, 3),
            },
            "diff": {"before": _tags(plan.jobs, "before"), "after": _tags(plan.jobs, "digest")},
        }


def _entries(module: AnsibleModule) -> list[dict[str, t.Any]]:
    entries: list[dict[str, t.Any]] = [*module.params["images"], *module.params["entries"]]
    if module.params["file"]:
        entries += read_list_file(module.params["file"])
    if not entries and not module.params["file"]:
        raise InvalidSettings("there are no images.", hint="Give images or file.")
    return entries


def _described(job: Job) -> dict[str, t.Any]:
    return {
        "name": str(job.target) if job.target.tag else job.target.repository,
        "source": str(job.location),
        "where": job.where,
        "digest": job.digest or None,
        "before": job.before or None,
        "result": job.result,
        "error": str(job.error) if job.error else None,
    }


def _tags(jobs: t.Iterable[Job], side: str) -> dict[str, str]:
    """Return the digests of the tags that change, as they are before or will be."""
    return {str(job.target): getattr(job, side) or "" for job in jobs if job.changed}


def main() -> None:
    """Run the module."""
    entry = {
        "name": {"type": "str"},
        "source": {"type": "str"},
        "platforms": {"type": "list", "elements": "str"},
        "tags": {"type": "list", "elements": "str"},
        "versions": {"type": "str"},
        "newest": {"type": "int"},
        "flavor": {"type": "str"},
        "prereleases": {"type": "bool"},
        "partial": {"type": "bool"},
        "referrers": {"type": "bool"},
        "where": {"type": "str"},
    }
    module = make_module(
        {
            "images": {"type": "list", "elements": "dict", "default": [], "options": entry},
            "file": {"type": "path"},
            "remote_src": {"type": "bool", "default": False},
            "entries": {"type": "list", "elements": "dict", "default": []},
            "referrers": {"type": "bool", "default": False},
            "parallel": {"type": "int", "default": 4},
            **registries_spec(),
            **engine_spec(),
            "progress_file": {"type": "path"},
        },
    )
    try:
        with Progress(module.params["progress_file"]) as progress:
            result = copy_images(module, progress)
    except RegistryError as error:
        fail(module, error)
    else:
        failed = result["totals"]["failed"]
        if failed:
            names = [image["name"] for image in result["images"] if image["result"] == "failed"]
            first = next(image["error"] for image in result["images"] if image["result"] == "failed")
            some = ", ".join(names[:5]) + (", …" if failed > 5 else "")
            module.fail_json(
                msg=f"{failed} of {len(result['images'])} images failed ({some}). The first: {first} The others are as "
                "images says; run it again for those that failed.",
                **result,
            )
        module.exit_json(**result)


if __name__ == "__main__":
    main()
