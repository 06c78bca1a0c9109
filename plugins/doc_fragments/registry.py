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
      - It is sent to the registry itself, and to the token server that the registry names if O(token_hosts) says so.
      - If it is not given, the environment variable E(DOCKYARD_REGISTRY_USERNAME) on the managed host is used.
      - If there is neither, O(identity_token) is used, then the files that O(auth_file) and O(use_auth_files) name. If
        they have no login for the registry, it is asked without one.
    type: str
  password:
    description:
      - The password of O(username).
      - If it is not given, the environment variable E(DOCKYARD_REGISTRY_PASSWORD) on the managed host is used.
    type: str
  identity_token:
    description:
      - An identity token (OAuth2's refresh token), as C(docker login) gets it from some registries in place of the
        password. It is traded for short-lived tokens at the token server that the registry names.
      - Not used if there is a O(username).
    type: str
  auth_file:
    description:
      - A file of logins on the managed host, as C(docker login) (C(config.json)) or C(podman login) (C(auth.json))
        writes it. It must exist.
      - A login in it is used for the C(host[:port]) that its key names and for no other, both for the registry of
        O(url) and for one that an image comes from. Of podman's keys with a namespace, such as
        V(registry.example.com/team), the longest that fits the repository is taken.
      - Credential helpers that it names (C(credsStore), C(credHelpers)) are run on the managed host, each for at most
        30 seconds.
      - If it is not given, O(use_auth_files) applies.
    type: path
  use_auth_files:
    description:
      - Whether to look for a login where Docker, podman and skopeo keep them, if no other option names one.
      - These are, of the user that the task runs as, the file E(REGISTRY_AUTH_FILE) names, C(config.json) in
        E(DOCKER_CONFIG) or else C(~/.docker), and C(containers/auth.json) in E(XDG_RUNTIME_DIR) and in
        E(XDG_CONFIG_HOME) or else C(~/.config). The first with a login for the registry is taken.
    type: bool
    default: true
  token_hosts:
    description:
      - Token servers that may be sent the registry's login, each as C(host) or C(host:port), in addition to those that
        plainly belong to the registry. Without a port, it is the usual one of https.
      - A registry can send its clients to a token server of its choice. The login goes there only if it is the registry
        itself, the same host on another port, a host with the same parent domain (V(auth.docker.io) for
        V(registry-1.docker.io)), or one whose name is a part of the other's (V(gitlab.com) for V(registry.gitlab.com)).
        Domains under which anyone may have a name do not count, as far as they are known.
      - In any case both must be reached over https or on loopback, and a token server on loopback is only for a
        registry on loopback.
    type: list
    elements: str
    default: []
  ca_path:
    description:
      - A PEM file on the managed host with the certificates of the CAs to trust.
      - The system's own CAs and those in O(certs_dir) are not trusted then.
    type: path
  certs_dir:
    description:
      - A folder on the managed host with certificates for registries, read as Docker reads its own.
      - In the folder's folder C(host[:port]), named as in O(url) without the usual port, each file C(*.crt) has a CA to
        trust in addition to the system's, and C(X.cert) with C(X.key) a client certificate. Of several client
        certificates the first by name is used.
      - This is for every registry that is reached over https, also for one that an image comes from.
      - If the folder does not exist, there are none.
    type: path
    default: /etc/docker/certs.d
  client_cert:
    description:
      - A PEM file on the managed host with a client certificate, and its key unless O(client_key) is given.
      - One in O(certs_dir) is not used then.
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
