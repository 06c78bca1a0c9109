# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup digest."""

from __future__ import annotations

DOCUMENTATION = r"""
name: digest
author:
  - The dockyard.registry contributors (@dockyard)
short_description: The digest of an image on a registry
version_added: 0.1.0
description:
  - Asks a registry for the digest that a tag points at now, so that what is rolled out is the same on each host.
  - It runs on the controller and needs no Docker engine. An image that is not there is an error.
  - It costs one request for an image, and one connection for each registry that the terms name.
options:
  _terms:
    description:
      - The images, as C([registry/]repository[:tag][@digest]), with Docker's short names, so V(nginx) is on Docker Hub.
      - A registry is reached over https. On loopback plain http is used if the port does not speak TLS, as Docker does.
    type: list
    elements: str
    required: true
  username:
    description:
      - The user to log in as. The terms must all be on one registry then, so that no other is sent the password.
      - For the same reason it is not read from the environment or a configuration file.
      - If it is not given, each registry has the login that O(auth_file) or the files of O(use_auth_files) name for it.
    type: str
  password:
    description: The password of O(username).
    type: str
  auth_file:
    description:
      - A file of logins on the controller, as C(docker login) or C(podman login) writes it. It must exist.
      - A login in it is used for the C(host[:port]) that its key names and for no other.
    type: path
  use_auth_files:
    description:
      - Whether to look for a login where Docker, podman and skopeo keep them for the user on the controller, as
        M(dockyard.registry.image_info) does on its host.
    type: bool
    default: true
  token_hosts:
    description: Token servers that may be sent the login, as for M(dockyard.registry.image_info).
    type: list
    elements: str
    default: []
  certs_dir:
    description:
      - A folder on the controller with certificates for registries, read as Docker reads its own. Its CAs are not
        trusted if O(ca_path) is given.
    type: path
    default: /etc/docker/certs.d
  ca_path:
    description:
      - A PEM file on the controller with the certificates of the CAs to trust. The system's own are not trusted then.
    type: path
    env:
      - name: DOCKYARD_REGISTRY_CA_PATH
    ini:
      - section: dockyard_registry
        key: ca_path
    vars:
      - name: dockyard_registry_ca_path
  validate_certs:
    description: Whether the registry's certificate must be valid. Use V(false) only to find a fault.
    type: bool
    default: true
    env:
      - name: DOCKYARD_REGISTRY_VALIDATE_CERTS
    ini:
      - section: dockyard_registry
        key: validate_certs
    vars:
      - name: dockyard_registry_validate_certs
  plain_http:
    description: Whether to reach the registry by plain http, which anyone on the way can read and change.
    type: bool
    default: false
  timeout:
    description: The longest time in seconds to wait for the next byte. Connecting never waits longer than 10 seconds.
    type: int
    default: 60
    env:
      - name: DOCKYARD_REGISTRY_TIMEOUT
    ini:
      - section: dockyard_registry
        key: timeout
    vars:
      - name: dockyard_registry_timeout
  platform:
    description:
      - Return the digest of the manifest for this platform, as V(os/architecture[/variant]), instead of the index's.
      - The default variant may be left out, so V(linux/arm64) is V(linux/arm64/v8), too.
      - It is not needed to run an image, for engines choose their own platform of an index.
    type: str
  pinned:
    description:
      - Return the whole image as C(registry/repository[:tag]@digest), with the tag of the term, or V(latest) if it has
        neither tag nor digest.
      - C(docker run), C(docker service) and Compose take it, and Swarm writes its images this way. The digest decides,
        the tag is there for people.
    type: bool
    default: false
notes:
  - Proxies are taken from the environment variables E(HTTP_PROXY), E(HTTPS_PROXY) and E(NO_PROXY) on the controller.
    Loopback is never reached through a proxy.
seealso:
  - module: dockyard.registry.image_info
"""

EXAMPLES = r"""
- name: Show the digest of a tag
  ansible.builtin.debug:
    msg: "{{ lookup('dockyard.registry.digest', 'registry.example.com/team/shop:2.4') }}"

- name: Pin an image, so that all hosts run the same
  ansible.builtin.set_fact:
    shop_image: >-
      {{ lookup('dockyard.registry.digest', 'registry.example.com/team/shop:2.4', pinned=true,
                username='ci', password=registry_password) }}

- name: Show the digests for one platform
  ansible.builtin.debug:
    msg: >-
      {{ query('dockyard.registry.digest', '127.0.0.1:5000/team/shop:2.4', '127.0.0.1:5000/team/base:1.0',
               platform='linux/amd64') }}
"""

RETURN = r"""
_raw:
  description: A digest for each term, or with O(pinned=true) an image.
  type: list
  elements: str
  sample: [sha256:67682bda769fae1ccf5183192b8daf37b64cae99c6c3302650f6f8bf5f0f95df]
"""

import dataclasses
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials, Login
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth_files import login_of_user
from ansible_collections.dockyard.registry.plugins.module_utils.oci.certs_d import read_certs_directory
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import Timeouts, TlsSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.digests import DigestFinder
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_host_port
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import Reference, parse_reference

_CONNECT_TIMEOUT = 10.0

display = Display()


class LookupModule(LookupBase):
    """Finds digests with the registry client."""

    def run(self, terms: t.Any, variables: t.Any = None, **options: t.Any) -> list[str]:
        """:raises AnsibleLookupError: with what was asked and what is wrong with it, never with a password."""
        self.set_options(var_options=variables, direct=options)
        terms = self._flatten(terms)
        references = {term: _parse(term) for term in terms}
        self._check_login([reference.registry for reference in references.values()])
        wanted = self.get_option("platform")
        platform = _attempt(parse_platform, wanted) if wanted else None
        with DigestFinder(self._connect, plain_http=self.get_option("plain_http")) as finder:
            found = {term: _attempt(finder.find, reference, platform) for term, reference in references.items()}
        return [self._result(references[term], found[term]) for term in terms]

    def _result(self, reference: Reference, digest: str) -> str:
        return str(dataclasses.replace(reference, digest=digest)) if self.get_option("pinned") else digest

    def _check_login(self, registries: t.Sequence[str]) -> None:
        username, password = self.get_option("username"), self.get_option("password")
        if bool(username) != bool(password):
            raise AnsibleLookupError("digest: username and password are needed together, and one is not given.")
        if username and len(set(registries)) > 1:
            raise AnsibleLookupError(
                f"digest: username is given, and the terms are on {' and '.join(sorted(set(registries)))}. "
                "A login is for one registry: look them up one by one."
            )
        if self.get_option("timeout") < 1:
            raise AnsibleLookupError(f"digest: timeout is {self.get_option('timeout')}. Give at least one second.")

    def _connect(self, origin: Origin) -> RegistryClient:
        seconds, login = self.get_option("timeout"), self._login(origin)
        if login and not origin.is_private:
            display.warning(f"The login for {origin} travels in plain text: anyone on the way can read it.")
        tls = TlsSettings(ca_path=self.get_option("ca_path"), validate_certs=self.get_option("validate_certs"))
        return RegistryClient(
            origin,
            credentials=login,
            token_hosts=[parse_host_port(text) for text in self.get_option("token_hosts")],
            tls=tls.with_host_certificates(read_certs_directory(self.get_option("certs_dir"), origin)),
            timeouts=Timeouts(connect=min(_CONNECT_TIMEOUT, seconds), read=seconds),
        )

    def _login(self, origin: Origin) -> Login | None:
        if self.get_option("username"):
            return Credentials(self.get_option("username"), self.get_option("password"))
        file, standard = self.get_option("auth_file") or "", self.get_option("use_auth_files")
        return login_of_user(origin, auth_file=file, standard=standard)


T = t.TypeVar("T")


def _attempt(work: t.Callable[..., T], *arguments: t.Any) -> T:
    try:
        return work(*arguments)
    except RegistryError as error:
        # Ansible would write the words of the cause, and of the cause's own, behind it once more.
        raise AnsibleLookupError(f"digest: {error}") from None


def _parse(term: t.Any) -> Reference:
    if not isinstance(term, str):
        raise AnsibleLookupError(f"digest: {term!r} is no text: put it into quotes.")
    reference: Reference = _attempt(parse_reference, term)
    return reference
