#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Show what images on a registry are
version_added: 0.1.0
author:
  - The dockyard.registry contributors (@dockyard)
description:
  - Returns digest, size and platforms of images, and of each platform what its configuration says and its layers.
  - Neither needs nor asks a Docker engine, and no layer is read.
  - Images that are not there are no failure. They are named in RV(missing).
extends_documentation_fragment:
  - dockyard.registry.registry
  - dockyard.registry.attributes
  - dockyard.registry.attributes.actiongroup_registry
  - dockyard.registry.attributes.info_module
options:
  name:
    description:
      - The images, each as C(repository[:tag][@digest]). The tag is V(latest) if neither is given. If both are, the
        digest decides.
      - The registry itself is named by O(url).
    type: list
    elements: str
    required: true
  platforms:
    description:
      - Return only these platforms in RV(images[].platforms), each as V(os/architecture[/variant]). Configurations of
        others are not read.
      - The default variant may be left out, so V(linux/arm64) is V(linux/arm64/v8), too.
      - An image that has none of them is returned without platforms.
      - If it is not given, all platforms are returned.
    type: list
    elements: str
  referrers:
    description:
      - Whether to return what refers to each image, such as signatures and SBOMs.
      - It is asked for what O(name) names, which is the index of an image with several platforms. To see what refers to
        one platform, name it by its digest.
    type: bool
    default: false
notes:
  - The environment and labels of an image are as public as the image. They are returned as they are, even if whoever
    built it left a secret in them.
  - No registry checks what a configuration says. A field that is not of the type that the OCI image specification gives
    it is V(null). A configuration that is no JSON object, or larger than 8 MiB, is an error, as is one that the registry
    has lost.
  - Each manifest and each configuration is read once, eight at a time.
seealso:
  - module: dockyard.registry.catalog_info
  - module: dockyard.registry.image
  - plugin: dockyard.registry.digest
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read what an image is
  dockyard.registry.image_info:
    url: https://registry.example.com
    username: ci
    password: "{{ registry_password }}"
    name: library/nginx:1.27
  register: nginx

- name: Show when it was built for this kind of host
  ansible.builtin.debug:
    msg: "{{ nginx.images[0].platforms | selectattr('platform', 'eq', 'linux/amd64') | map(attribute='created') }}"

- name: See that a release is there before it is rolled out
  dockyard.registry.image_info:
    url: http://127.0.0.1:5000
    name:
      - team/shop:2.4
      - team/base:1.0
    platforms:
      - linux/amd64
  register: release
  failed_when: release.missing | length > 0

- name: List the signatures and SBOMs of an image
  dockyard.registry.image_info:
    url: http://127.0.0.1:5000
    name: team/shop:2.4
    referrers: true
"""

RETURN = r"""
images:
  description: The images that are there, in the order of O(name), each name once.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What O(name) says.
      returned: success
      type: str
      sample: library/nginx:1.27
    reference:
      description: The image on the registry.
      returned: success
      type: str
      sample: registry.example.com/library/nginx:1.27
    pinned:
      description: The image on the registry by its digest, which never means another one.
      returned: success
      type: str
      sample: registry.example.com/library/nginx@sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
    digest:
      description: Its digest.
      returned: success
      type: str
      sample: sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df
    media_type:
      description: The type of the manifest or index.
      returned: success
      type: str
      sample: application/vnd.oci.image.index.v1+json
    artifact_type:
      description: What it is if it is no image but an artifact, such as a Helm chart. V(null) for images.
      returned: success
      type: str
      sample: application/vnd.cncf.helm.config.v1+json
    annotations:
      description: The annotations of the manifest or index.
      returned: success
      type: dict
      sample: {org.opencontainers.image.version: 1.27.3}
    size:
      description: The bytes of all manifests, configurations and layers of all platforms, each counted once.
      returned: success
      type: int
      sample: 68292110
    platforms:
      description:
        - What there is for each platform, in the order of the index. An image without an index has one.
        - An artifact has one, too, whose fields from RV(images[].platforms[].created) to
          RV(images[].platforms[].history) are V(null), since it has no image configuration.
      returned: success
      type: list
      elements: dict
      contains:
        platform:
          description: The platform, as C(os/architecture[/variant]). V(null) if none is known.
          returned: success
          type: str
          sample: linux/amd64
        present:
          description:
            - Whether the registry has the manifest. If V(false), all that would stand in it is V(null) or empty.
            - The registry may have lost it, or may never have had it, as some mirrors copy only some platforms.
          returned: success
          type: bool
          sample: true
        digest:
          description: The digest of the manifest.
          returned: success
          type: str
          sample: sha256:0a399eb16751829e1af26fea27b20c3ec28d7ab1fb72182879dcae1cca21206a
        media_type:
          description: The type of the manifest.
          returned: success
          type: str
          sample: application/vnd.oci.image.manifest.v1+json
        artifact_type:
          description: What it is if it is no image. V(null) for images.
          returned: success
          type: str
          sample: application/vnd.cncf.helm.config.v1+json
        annotations:
          description: The annotations of the manifest.
          returned: success
          type: dict
          sample: {org.opencontainers.image.base.name: "docker.io/library/debian:12-slim"}
        size:
          description: The bytes of manifest, configuration and layers.
          returned: success
          type: int
          sample: 68284212
        created:
          description:
            - When it was built, in RFC 3339, as the configuration has it. Reproducible builds often say 1970.
          returned: success
          type: str
          sample: "2024-11-26T18:42:08Z"
        author:
          description: Who built it.
          returned: success
          type: str
          sample: NGINX Docker Maintainers <docker-maint@nginx.com>
        labels:
          description: Its labels.
          returned: success
          type: dict
          sample: {maintainer: NGINX Docker Maintainers <docker-maint@nginx.com>}
        env:
          description: Its environment, each as C(name=value).
          returned: success
          type: list
          elements: str
          sample: [PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin, NGINX_VERSION=1.27.3]
        entrypoint:
          description: Its entry point, empty if there is none.
          returned: success
          type: list
          elements: str
          sample: [/docker-entrypoint.sh]
        cmd:
          description: Its command, empty if there is none.
          returned: success
          type: list
          elements: str
          sample: [nginx, -g, daemon off;]
        user:
          description: The user it runs as. V(null) if none is named, which is root.
          returned: success
          type: str
          sample: "101"
        working_dir:
          description: The directory it starts in.
          returned: success
          type: str
          sample: /srv
        exposed_ports:
          description: The ports it says it listens on, sorted.
          returned: success
          type: list
          elements: str
          sample: [80/tcp]
        volumes:
          description: The directories that are to be volumes, sorted.
          returned: success
          type: list
          elements: str
          sample: [/data]
        stop_signal:
          description: The signal that stops it. V(null) if none is named, which is SIGTERM.
          returned: success
          type: str
          sample: SIGQUIT
        healthcheck:
          description:
            - How its health is checked, V(null) if the image does not say.
            - C(test) is as in Docker, times are in seconds. Those that are left to the engine are V(null).
          returned: success
          type: dict
          sample:
            test: [CMD, wget, -qO-, "http://127.0.0.1/"]
            interval: 30.0
            timeout: 5.0
            start_period: 10.0
            start_interval: null
            retries: 3
        history:
          description:
            - The steps of the build, the first one first. A step with C(empty_layer) made no layer.
          returned: success
          type: list
          elements: dict
          sample:
            - created: "2024-11-26T18:42:08Z"
              created_by: CMD ["nginx" "-g" "daemon off;"]
              author: null
              comment: buildkit.dockerfile.v0
              empty_layer: true
        config_digest:
          description: The digest of the configuration, which engines call the image's ID. Artifacts have one, too.
          returned: success
          type: str
          sample: sha256:bdf62fd3a32f1209270ede068b6e08450dfe125c79b1a8ba8f5685090023bf7f
        layers:
          description:
            - Its layers, the lowest first, in bytes as they are stored. Of an artifact, its files.
            - C(urls) says where else a layer can be had. One that may not be distributed is only there.
          returned: success
          type: list
          elements: dict
          sample:
            - digest: sha256:bc0965b23a04fe7f2d9fb20f597008fcf89891de1c705ffc1c80483a1f098e4f
              size: 28231297
              media_type: application/vnd.oci.image.layer.v1.tar+gzip
              urls: []
    attestations:
      description:
        - Manifests in the index that are no image but say something about one, as BuildKit adds them.
        - C(about) is the digest of the manifest they are about, V(null) if they do not say, C(predicates) are the kinds
          of their statements, C(size) is the bytes of all of it.
      returned: success
      type: list
      elements: dict
      sample:
        - digest: sha256:5a1c3d4c4c5f2d6f8b9f2f0c6a9d9a3f3b7b8f3f2e4d5c6b7a8998877665544a
          about: sha256:0a399eb16751829e1af26fea27b20c3ec28d7ab1fb72182879dcae1cca21206a
          predicates: ["https://slsa.dev/provenance/v0.2"]
          size: 12048
    referrers:
      description:
        - What refers to the image. The registry's own list is returned, or that of the fallback tag where a registry
          has none, and what cosign's tags name. C(size) is the bytes of the manifest.
        - C(tag) is cosign's tag, V(null) for what a list names. C(artifact_type) is V(null) if nothing says what it is.
      returned: when O(referrers=true)
      type: list
      elements: dict
      sample:
        - digest: sha256:1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
          media_type: application/vnd.oci.image.manifest.v1+json
          artifact_type: application/spdx+json
          size: 743
          annotations: {org.opencontainers.image.created: "2024-11-26T18:42:08Z"}
          tag: null
missing:
  description: Those of O(name) that are not on the registry.
  returned: success
  type: list
  elements: str
  sample: [team/base:1.0]
error:
  description: What went wrong, as values.
  returned: when the registry failed
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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils._image_values import image_values
from ansible_collections.dockyard.registry.plugins.module_utils._module import (
    connect,
    fail,
    make_module,
    wanted_platforms,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.inspection import inspect_images
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_local_reference


def read(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the images as plain values."""
    platforms = wanted_platforms(module)
    origin = parse_registry_url(module.params["url"])
    references = {name: parse_local_reference(name, origin.authority) for name in module.params["name"]}
    with connect(module) as client:
        found = inspect_images(
            client, list(references.values()), platforms=platforms, referrers=module.params["referrers"]
        )
    images = dict(zip(references, found))
    return {
        "changed": False,
        "images": [image_values(name, references[name], image) for name, image in images.items() if image],
        "missing": [name for name, image in images.items() if image is None],
    }


def main() -> None:
    """Run the module."""
    module = make_module(
        {
            "name": {"type": "list", "elements": "str", "required": True},
            "platforms": {"type": "list", "elements": "str"},
            "referrers": {"type": "bool", "default": False},
        }
    )
    try:
        module.exit_json(**read(module))
    except RegistryError as error:
        fail(module, error)


if __name__ == "__main__":
    main()
