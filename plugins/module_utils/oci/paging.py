# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that a registry hands out in pages: the catalog and the tags (OCI distribution spec, "Listing Tags")."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import parse_qsl, urlencode

from .auth import Scopes
from .errors import ContentError, ResponseError
from .media_types import parse_json_object
from .transport import Answer, Request, Transport

PAGE_SIZE = 1000
"""Entries asked for if nothing else is wished: no registry is known that allows more by itself."""

_SMALLER = 100
"""What to fall back on if the registry's ``catalog.maxentries`` is less; then no number at all is sent."""

_MAX_PAGE_BYTES = 64 * 1024 * 1024
_LINK = re.compile(r'<([^>]*)>\s*((?:;\s*[A-Za-z]+\s*=\s*(?:"[^"]*"|[^",;\s]+)\s*)*)')
_NEXT = re.compile(r';\s*rel\s*=\s*"?next"?\s*(?:;|$)', re.IGNORECASE)


def read_pages(
    transport: Transport, path: str, key: str, scopes: Scopes, *, page_size: int = PAGE_SIZE, after: str = ""
) -> t.Iterator[list[str]]:
    """Yield the lists under ``key``, page by page, until no Link names a next one. ``null`` is an empty list.

    Only the query of a Link is used, with this path on the registry's own origin: no Link can lead elsewhere, and a
    registry behind a proxy that writes its inner host into the Link still works.

    :param page_size: entries to ask for; fewer if the registry refuses so many.
    :param after: begin behind this entry, in the registry's order.
    :raises ContentError: if an answer is no such list, or pages repeat for ever.
    :raises ResponseError: as the registry says.
    """
    first = _first_page(transport, path, scopes, page_size, {"last": after} if after else {})
    for answer in follow_links(transport, path, scopes, first):
        yield _entries(answer, key)


def follow_links(transport: Transport, path: str, scopes: Scopes, first: Answer) -> t.Iterator[Answer]:
    """Yield the first page and those that Links name, under the same rule as :func:`read_pages`."""
    answer = first
    seen: set[str] = set()
    while True:
        yield answer
        query = next_query(answer.headers.get_all("Link") or [])
        if query is None:
            return
        if query in seen:
            raise ContentError(
                f"GET {transport.origin}{path}: the registry's next page is one that was read before.",
                hint="Its list cannot be read to the end: look at the proxy in front of it, or update the registry.",
            )
        seen.add(query)
        answer = _page(transport, path, query, scopes)


def next_query(links: t.Iterable[str]) -> str | None:
    """Return the query of the ``rel="next"`` link of Link headers (RFC 8288), None if there is none."""
    for header in links:
        for target, parameters in _LINK.findall(header):
            if _NEXT.search(parameters):
                query = target.partition("#")[0].partition("?")[2]
                return urlencode(parse_qsl(query, keep_blank_values=True))
    return None


def _first_page(
    transport: Transport, path: str, scopes: Scopes, page_size: int, more: t.Mapping[str, str]
) -> Answer:
    for size in sorted({page_size, min(page_size, _SMALLER)}, reverse=True):
        try:
            return _page(transport, path, urlencode({"n": size, **more}), scopes)
        except ResponseError as error:
            if error.status != 400 or "PAGINATION_NUMBER_INVALID" not in error.codes:
                raise
    return _page(transport, path, urlencode(more), scopes)


def _page(transport: Transport, path: str, query: str, scopes: Scopes) -> Answer:
    target = f"{path}?{query}" if query else path
    return transport.request(Request("GET", target, scopes=scopes), limit=_MAX_PAGE_BYTES)


def _entries(answer: Answer, key: str) -> list[str]:
    where = f"the answer of {answer.shown_url}"
    document = parse_json_object(answer.body, where=where)
    entries = document.get(key, "")
    if entries is None:
        return []  # all tags deleted: Distribution answers null
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ContentError(f"{where} has no list of {key}.", hint="Is this a registry's URL?")
    return entries
