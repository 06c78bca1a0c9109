# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of all modules that talk to a registry."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach a registry and who to be there; the argument spec stands in module_utils."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - The registry's URL, such as V(http://127.0.0.1:5000) or V(https://registry.example.com), without a path.
      - If it is not given, the environment variable E(DOCKYARD_REGISTRY_URL) on the managed host is used.
    type: str
    required: true
  username:
    description:
      - The user to log in as, by Basic authentication or at the token server the registry names.
      - It is sent to the registry itself. It is sent to a token server elsewhere only if both are reached over https
        or on loopback.
      - If it is not given, the environment variable E(DOCKYARD_REGISTRY_USERNAME) on the managed host is used.
    type: str
  password:
    description:
      - The password of O(username).
      - If it is not given, the environment variable E(DOCKYARD_REGISTRY_PASSWORD) on the managed host is used.
    type: str
  ca_path:
    description:
      - A PEM file on the managed host with the certificates of the CAs to trust.
      - The system's own CAs are not trusted then.
    type: path
  client_cert:
    description:
      - A PEM file on the managed host with a client certificate, and its key unless O(client_key) is given.
    type: path
  client_key:
    description:
      - A PEM file on the managed host with the unencrypted key of O(client_cert).
    type: path
  validate_certs:
    description:
      - Whether the registry's certificate must be valid. Use V(false) only to find a fault.
    type: bool
    default: true
  timeout:
    description:
      - The longest time in seconds to wait for the next byte. Connecting never waits longer than 10 seconds.
    type: int
    default: 60
notes:
  - Proxies are taken from the environment variables E(HTTP_PROXY), E(HTTPS_PROXY) and E(NO_PROXY) on the managed host.
    Loopback is never reached through a proxy.
  - Requests that can be repeated are, up to four times, if the registry is busy or a connection is lost.
requirements:
  - Python 3.9 or newer on the managed host, and nothing else.
"""
