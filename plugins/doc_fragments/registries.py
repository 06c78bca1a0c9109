# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of modules that take lists of images: how the registries are reached that they come from."""

from __future__ import annotations


class ModuleDocFragment:
    """The option ``registries``; its argument spec stands in module_utils."""

    DOCUMENTATION = r"""
options:
  registries:
    description:
      - How registries that images come from are reached, if it takes more than their names. Without a login here, the
        files are used that O(auth_file) and O(use_auth_files) name.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry, C(host) or C(host:port), as in a source. Docker Hub is V(docker.io).
        type: str
        required: true
      username:
        description: The user to log in as.
        type: str
      password:
        description: The password of O(registries[].username).
        type: str
      identity_token:
        description: An identity token, used instead of a password. Not used if there is a O(registries[].username).
        type: str
      token_hosts:
        description: Token servers, as C(host) or C(host:port), that may be sent the login though they are not the registry itself.
        type: list
        elements: str
        default: []
      ca_path:
        description: A PEM file on the managed host with the CAs to trust.
        type: path
      client_cert:
        description: A PEM file on the managed host with a client certificate, and its key unless O(registries[].client_key)
          is given.
        type: path
      client_key:
        description: A PEM file on the managed host with the unencrypted key of O(registries[].client_cert).
        type: path
      validate_certs:
        description: Whether the certificate must be valid.
        type: bool
        default: true
      plain_http:
        description: Whether the registry is reached in plain http, as O(dockyard.registry.image#module:source_plain_http).
        type: bool
        default: false
"""
