# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter certificate_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_problems
author: The dockyard.registry contributors
short_description: What is wrong with a certificate that is brought
version_added: 0.1.0
description:
  - Looks at the files that O(_input) describes, as the role P(dockyard.registry.registry#role) does with
    C(registry_tls=files) before it changes anything.
  - Checks that the key belongs to the certificate, that the certificate is for all names and valid now, that no issuer lacks,
    and that the key is neither encrypted nor readable by all.
options:
  _input:
    description:
      - The files by the variables that name them, C(registry_tls_certificate), C(registry_tls_key) and, where there is one,
        C(registry_tls_ca). One with an empty path counts as not given.
      - Each has C(path), the full path on the controller, and C(content), decrypted if it was encrypted by Vault.
    type: dict
    required: true
  names:
    description: The host names and IP addresses that the certificate has to be for.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ files | dockyard.registry.certificate_problems(['registry.example.com']) }}"
  vars:
    files:
      registry_tls_certificate:
        path: /srv/tls/registry.crt
        content: "{{ lookup('ansible.builtin.file', '/srv/tls/registry.crt') if '/srv/tls/registry.crt' is file else '' }}"
      registry_tls_key:
        path: /srv/tls/registry.key
        content: "{{ lookup('ansible.builtin.file', '/srv/tls/registry.key') if '/srv/tls/registry.key' is file else '' }}"
"""

RETURN = r"""
_value:
  description: A message a problem, none if all is well.
  type: list
  elements: str
"""

import datetime
import os
import ssl
import stat
import typing as t
from pathlib import Path

from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.plugin_utils.certificates import (
    CertificatesError,
    GivenFile,
    GivenFiles,
    certificate_problems,
    is_vault,
    read_bundle,
)


def given(variable: str, file: t.Mapping[str, t.Any]) -> GivenFile:
    """The file, and what the disk says of it."""
    path = Path(str(file["path"]))
    exists = path.is_file()
    readable = exists and os.access(path, os.R_OK)
    encrypted = False
    if readable:
        with path.open("rb") as handle:
            encrypted = is_vault(handle.read(32))
    return GivenFile(
        variable=variable,
        path=str(path),
        exists=exists,
        readable=readable,
        others=exists and bool(path.stat().st_mode & stat.S_IROTH) and not encrypted,
        content=str(file["content"]).encode(),
    )


def known_authorities() -> list[t.Any]:
    """The CAs that this system trusts; none if they do not stand in a file, where nothing can be said of them."""
    path = ssl.get_default_verify_paths().cafile
    return read_bundle(Path(path).read_bytes()) if path else []


def problems(files: t.Mapping[str, t.Mapping[str, t.Any]], names: t.Sequence[str]) -> list[str]:
    """:raises AnsibleFilterError: if the library is missing."""
    ca = files.get("registry_tls_ca") or {}
    brought = GivenFiles(
        certificate=given("registry_tls_certificate", files["registry_tls_certificate"]),
        key=given("registry_tls_key", files["registry_tls_key"]),
        ca=given("registry_tls_ca", ca) if ca.get("path") else None,
    )
    try:
        return certificate_problems(
            brought,
            [str(name) for name in names],
            now=datetime.datetime.now(datetime.timezone.utc),
            known=[] if brought.ca else known_authorities(),
        )
    except CertificatesError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"certificate_problems": problems}
