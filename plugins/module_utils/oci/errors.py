# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which talking to a registry, or reading an image, can fail.

The lowest layer: it imports nothing of this package. One tree, so that a caller needs one ``except RegistryError``.
Messages say what was tried, where, and what came back; ``hint`` says what to do next. No message, attribute or
``as_dict`` ever holds a credential: URLs are redacted, bodies are bounded, request headers are not kept.
"""

from __future__ import annotations

import json
import re
import typing as t
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

MAX_ERROR_BODY = 2048
"""Characters of a response body that an error keeps."""

_SAFE_QUERY_KEYS = frozenset({"n", "last", "mount", "from", "digest", "service", "scope"})

Reason = t.Literal["refused", "dns", "timeout", "closed", "certificate", "not_tls", "tls", "proxy", "other"]

_TRANSIENT_REASONS: frozenset[str] = frozenset({"refused", "timeout", "closed"})


class RegistryError(Exception):
    """Base of all failures of this package; ``str()`` is the message and then the hint."""

    given_up = False
    """Whether it has been tried again as often as is sensible, so that no caller further up does it once more."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed a moment later."""
        return False

    def as_dict(self) -> dict[str, object]:
        """Return the failure as plain values, for a module's result."""
        return {"kind": type(self).__name__, "message": self.message, "hint": self.hint}


class InvalidReference(RegistryError):
    """A reference, repository, tag, digest, URL or image location that breaks its grammar."""


class InvalidConstraint(RegistryError):
    """A constraint on versions that breaks its grammar, such as ``>1.2 <2`` without a comma."""


class InvalidSettings(RegistryError):
    """Connection settings that cannot work, for example a CA file that cannot be read."""


class ContentError(RegistryError):
    """Content that is not what it claims to be: wrong digest or size, not JSON, not a manifest."""


class ArchiveError(RegistryError):
    """An image directory or archive that is missing, damaged, hostile or ambiguous; the message names its path."""


class ConnectionFailed(RegistryError):
    """No usable HTTP answer: refused, timed out, cut off, TLS failure."""

    def __init__(self, method: str, url: str, detail: str, *, reason: Reason = "other", hint: str = "") -> None:
        self.method = method
        self.url = redact_url(url)
        self.reason = reason
        super().__init__(f"{method} {self.url}: {detail}.", hint=hint or _REASON_HINTS.get(reason, ""))

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed a moment later."""
        return self.reason in _TRANSIENT_REASONS

    def as_dict(self) -> dict[str, object]:
        """Return the failure as plain values, for a module's result."""
        return {**super().as_dict(), "method": self.method, "url": self.url, "reason": self.reason}


class ResponseError(RegistryError):
    """An HTTP answer other than the one asked for.

    ``codes`` are the registry's own error codes (OCI distribution spec, "Error Codes"), ``body`` the first
    :data:`MAX_ERROR_BODY` characters of the answer, ``retry_after`` the seconds the registry asked to wait.
    """

    def __init__(
        self, method: str, url: str, status: int, *, body: bytes = b"", retry_after: float | None = None
    ) -> None:
        self.method = method
        self.url = redact_url(url)
        self.status = status
        self.body = body.decode("utf-8", "replace")[:MAX_ERROR_BODY]
        self.codes, detail = _registry_errors(body)
        self.retry_after = retry_after
        what = "; ".join(detail) or _plain_text(self.body) or "no explanation"
        super().__init__(
            f"{method} {self.url} answered {status}: {what}.",
            hint=_status_hint(method, status, self.codes, self.body, retry_after),
        )

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed a moment later."""
        return is_transient_status(self.status)

    def as_dict(self) -> dict[str, object]:
        """Return the failure as plain values, for a module's result."""
        return {
            **super().as_dict(),
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "codes": list(self.codes),
            "body": self.body,
        }


class Unauthorized(ResponseError):
    """401 or 403: no credentials, wrong ones, or no right to this repository."""


class NotFound(ResponseError):
    """404: no such repository, manifest, tag, blob or upload."""

    @property
    def is_registrys_own(self) -> bool:
        """Whether the registry itself says so. A 404 without its error codes comes from something on the way."""
        return bool(self.codes)


def response_error(
    method: str, url: str, status: int, *, body: bytes = b"", retry_after: float | None = None
) -> ResponseError:
    """Return the member of the tree that fits the status."""
    kind: type[ResponseError] = {401: Unauthorized, 403: Unauthorized, 404: NotFound}.get(status, ResponseError)
    return kind(method, url, status, body=body, retry_after=retry_after)


def is_transient_status(status: int) -> bool:
    """Tell whether a status is worth a retry: 408, 429 and 5xx except 501 (never implemented) and 505."""
    return status in (408, 429) or (500 <= status <= 599 and status not in (501, 505))


def redact_url(url: str) -> str:
    """Return a URL without userinfo, with the values of all query keys hidden that are not known to be harmless.

    Upload locations carry a signed ``_state`` and storage redirects a signature: both are as good as a password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    query = "&".join(
        f"{quote(key, safe='')}={quote(value, safe=':/,@') if key in _SAFE_QUERY_KEYS else 'REDACTED'}"
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _registry_errors(body: bytes) -> tuple[tuple[str, ...], list[str]]:
    """Return the codes and readable lines of ``{"errors": [{code, message, detail}]}``; empty if it is not that."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return (), []
    errors = document.get("errors") if isinstance(document, dict) else None
    codes: list[str] = []
    lines: list[str] = []
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            code = str(error.get("code", ""))[:64]
            codes.append(code)
            lines.append(f"{code} ({str(error.get('message', ''))[:256]})")
    return tuple(codes), lines[:5]


def _plain_text(body: str) -> str:
    """Return the first words of a body that is not the registry's JSON, for example a proxy's HTML page."""
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())[:200].rstrip(".")


_REASON_HINTS: dict[str, str] = {
    "refused": "Is the registry running, and are host and port right?",
    "dns": "Check the host name.",
    "timeout": "The registry is slow or a firewall drops packets: check the address or raise the time-out.",
    "closed": "The registry or a proxy in front of it closed the connection: look into its log.",
    "certificate": "Name the CA that signed the registry's certificate: in ca_path (for a source, source_ca_path) or "
    "as a .crt file in certs_dir.",
    "not_tls": "The server does not speak TLS on this port: use http:// in url (for a source, source_plain_http: "
    "true), or the right port.",
    "tls": "Check the TLS versions and the client certificate the registry asks for.",
    "proxy": "Check HTTP_PROXY and HTTPS_PROXY, or add the registry's host to NO_PROXY.",
}


def _status_hint(method: str, status: int, codes: tuple[str, ...], body: str, retry_after: float | None) -> str:
    if status == 400 and "HTTP request to an HTTPS server" in body:
        return "The registry speaks TLS on this port: use https:// in url (for a source, source_plain_http: false)."
    if status == 401:
        return "Give a user name and password that the registry knows, or check the ones given."
    if status == 403 or "DENIED" in codes:
        return "The credentials are known, but have no right to this: ask for it, or use others."
    if status == 405 and method == "DELETE":
        return (
            "Deleting is off: set storage.delete.enabled to true; a registry that is read-only or a cache refuses too."
        )
    if status == 405 or "UNSUPPORTED" in codes:
        return "The registry is read-only, a pull-through cache, or does not know this call."
    if status == 413:
        return "A proxy in front of the registry limits the body: set client_max_body_size 0 in nginx, or its like."
    if status == 429:
        wait = f" in {retry_after:.0f} seconds" if retry_after is not None else " later"
        return f"Too many requests: log in for a higher limit, or try again{wait}."
    if "MANIFEST_BLOB_UNKNOWN" in codes or "BLOB_UNKNOWN" in codes:
        return "The registry has lost a blob it should have; restart it after a garbage collection, then copy again."
    if status == 404 and not codes:
        return "Check the name, and that the URL is a registry's (it answers at /v2/)."
    return "Look into the registry's log." if status >= 500 else ""
