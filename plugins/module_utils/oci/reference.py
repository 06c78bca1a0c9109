# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of things in a registry: repositories, tags, digests, and whole references to an image.

The grammar is the one of the OCI distribution spec ("Pulling manifests": ``<name>`` and ``<reference>``) and of
Docker's reference package, which agree. Parsing is strict: what a registry would refuse is refused here, with a reason.
Only :func:`parse_reference` knows Docker's short names; a repository on a given registry has no hidden default.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .errors import InvalidReference

DEFAULT_TAG = "latest"
DOCKER_HUB = "docker.io"
DOCKER_HUB_API = "registry-1.docker.io"

MAX_REPOSITORY_LENGTH = 255
"""Characters; Docker and Distribution refuse longer names."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_DIGEST_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_DIGEST = re.compile(r"(?P<algorithm>[a-z0-9]+(?:[+._-][a-z0-9]+)*):(?P<hex>[a-zA-Z0-9=_-]+)")


@dataclasses.dataclass(frozen=True)
class Reference:
    """An image on a registry. ``registry`` is ``host[:port]``; at least one of ``tag`` and ``digest`` is set."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.registry}/{self.local}"

    @property
    def local(self) -> str:
        """The reference without its registry: ``repository[:tag][@digest]``."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def target(self) -> str:
        """What to ask the manifests API for: the digest, which is exact, or else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def api_host(self) -> str:
        """``host[:port]`` that answers the API: Docker Hub's differs from its name."""
        return DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry


class RepositoryTag(t.NamedTuple):
    """A place for an image on a registry that is already known."""

    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def parse_reference(text: str) -> Reference:
    """Parse ``[registry/]repository[:tag][@digest]`` and make Docker's short names long.

    ``nginx`` is ``docker.io/library/nginx:latest``. As in Docker, the first part names a registry only if it holds
    a dot, a colon or an upper-case letter, or is ``localhost``.

    :raises InvalidReference: if any part breaks the grammar.
    """
    rest, digest = _split_digest(text)
    first, slash, remainder = rest.partition("/")
    if slash and (first == "localhost" or first != first.lower() or re.search(r"[.:\[]", first)):
        registry = parse_registry(first)
        if registry != "localhost" and not re.search(r"[.:\[]", first):
            registry = first  # in lower case it would be read as the first part of a repository
    else:
        registry, remainder = DOCKER_HUB, rest
    if registry in ("index.docker.io", DOCKER_HUB_API):
        registry = DOCKER_HUB
    path, tag = _split_tag(remainder)
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    repository = parse_repository(path)
    if tag is None and digest is None:
        tag = DEFAULT_TAG
    return Reference(registry, repository, tag, digest)


def parse_repository_tag(text: str) -> RepositoryTag:
    """Parse ``repository[:tag]`` on a registry that is given elsewhere; without a tag it is ``latest``.

    :raises InvalidReference: if a part breaks the grammar, or a registry or digest is given.
    """
    if "@" in text:
        raise InvalidReference(f"{text!r} holds a digest.", hint="A digest cannot be chosen: give repository:tag.")
    if re.match(r"[^/]+:[0-9]+/", text):
        raise InvalidReference(
            f"{text!r} holds a registry.", hint="Give only repository:tag, the URL has the registry."
        )
    path, tag = _split_tag(text)
    return RepositoryTag(parse_repository(path), tag or DEFAULT_TAG)


def parse_local_reference(text: str, registry: str) -> Reference:
    """Parse ``repository[:tag][@digest]`` on a registry, ``host[:port]``; without tag and digest it is ``latest``.

    :raises InvalidReference: if a part breaks the grammar, or a registry is given.
    """
    name, digest = _split_digest(text)
    repository, tag = parse_repository_tag(name)
    has_tag = ":" in name.rpartition("/")[2]
    return Reference(registry, repository, tag if has_tag or digest is None else None, digest)


def parse_repository(text: str) -> str:
    """Return a repository's name if it is one (spec: ``<name>``), else raise :exc:`InvalidReference`."""
    if len(text) > MAX_REPOSITORY_LENGTH:
        raise InvalidReference(
            f"the repository name {text[:40]!r}… has {len(text)} characters.",
            hint=f"At most {MAX_REPOSITORY_LENGTH} are allowed.",
        )
    if not _REPOSITORY.fullmatch(text):
        hint = "Use lower-case letters, digits, and . _ __ - between them; / parts the components."
        if text != text.lower():
            hint = "Repository names are lower-case."
        raise InvalidReference(f"{text!r} is not a repository name.", hint=hint)
    return text


def parse_tag(text: str) -> str:
    """Return a tag if it is one (spec: ``<reference>`` as a tag), else raise :exc:`InvalidReference`."""
    if not _TAG.fullmatch(text):
        raise InvalidReference(
            f"{text!r} is not a tag.", hint="Use up to 128 letters, digits, . _ and -, not starting with . or -."
        )
    return text


def parse_digest(text: str) -> str:
    """Return a digest if it is ``sha256:`` or ``sha512:`` with the right number of lower-case hex digits.

    Other algorithms exist in the grammar (OCI image spec, "Digests") but could not be verified here.

    :raises InvalidReference: otherwise.
    """
    match = _DIGEST.fullmatch(text)
    if not match:
        raise InvalidReference(f"{text[:140]!r} is not a digest.", hint="It looks like sha256: and 64 hex digits.")
    length = _DIGEST_HEX_LENGTH.get(match["algorithm"])
    if length is None:
        raise InvalidReference(f"the digest algorithm {match['algorithm']!r} is unknown.", hint="Use sha256 or sha512.")
    if not re.fullmatch(rf"[0-9a-f]{{{length}}}", match["hex"]):
        raise InvalidReference(f"{text[:140]!r} is not a digest.", hint=f"It needs {length} lower-case hex digits.")
    return text


def parse_registry(text: str) -> str:
    """Return ``host[:port]``, the host a name, an IPv4 address or an IPv6 address in brackets.

    :raises InvalidReference: otherwise.
    """
    match = _REGISTRY.fullmatch(text)
    if not match or not 0 < int(match["port"] or 1) < 65536:
        raise InvalidReference(f"{text!r} is not a registry.", hint="It looks like host or host:port.")
    return text.lower()


def _split_digest(text: str) -> tuple[str, str | None]:
    name, at, digest = text.partition("@")
    return name, parse_digest(digest) if at else None


def _split_tag(text: str) -> tuple[str, str | None]:
    """Split at the colon of the last component, so that a port is never taken for a tag."""
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{head}{slash}{name}", parse_tag(tag) if colon else None
