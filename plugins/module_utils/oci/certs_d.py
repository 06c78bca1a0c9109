# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's folder of certificates, ``certs.d/HOST[:PORT]/``, read as Docker reads it.

``*.crt`` are CAs to trust beside the system's, ``X.cert`` with ``X.key`` is a client certificate. There is nothing else
to it: the folder's name is what the user writes before the repository, so without the usual port of https.
"""

from __future__ import annotations

import os
import typing as t

from .errors import InvalidSettings
from .origin import Origin

DEFAULT_DIRECTORY = "/etc/docker/certs.d"


class HostCertificates(t.NamedTuple):
    """Paths of PEM files: of CAs, and of a client certificate with its key, both empty if there is none."""

    cas: tuple[str, ...] = ()
    client_cert: str = ""
    client_key: str = ""


def read_certs_directory(directory: str, origin: Origin) -> HostCertificates:
    """Return what the folder has for a registry: nothing if that has no folder, or is reached in plain http.

    Of several client certificates the first by name is taken.

    :raises InvalidSettings: if the folder cannot be read, or a client certificate lacks its key or a key its
        certificate. Whether the files are PEM shows when they are used.
    """
    if origin.scheme != "https":
        return HostCertificates()
    folder = os.path.join(directory, origin.authority)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return HostCertificates()
    except OSError as error:
        raise InvalidSettings(
            f"the certificates in {folder} cannot be read: {error.strerror}.",
            hint="Let the user of this task read them, or give another folder as certs_dir.",
        ) from error
    pairs = [_pair(folder, name, names) for name in names if name.endswith((".cert", ".key"))]
    client_cert, client_key = pairs[0] if pairs else ("", "")
    cas = tuple(os.path.join(folder, name) for name in names if name.endswith(".crt"))
    return HostCertificates(cas, client_cert, client_key)


def _pair(folder: str, name: str, names: t.Sequence[str]) -> tuple[str, str]:
    stem, _ending = os.path.splitext(name)
    certificate, key = f"{stem}.cert", f"{stem}.key"
    if key not in names:
        raise InvalidSettings(
            f"missing key {key} for client certificate {certificate} in {folder}.",
            hint="CA certificates must use the extension .crt.",
        )
    if certificate not in names:
        raise InvalidSettings(f"missing client certificate {certificate} for key {key} in {folder}.")
    return os.path.join(folder, certificate), os.path.join(folder, key)
