# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for any input: parsers give a value or a RegistryError and nothing else, and show no secret."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import parse_challenges
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    MAX_ERROR_BODY,
    InvalidReference,
    RegistryError,
    redact_url,
    response_error,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import parse_location
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_registry_url, resolve_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.paging import next_query
from ansible_collections.dockyard.registry.plugins.module_utils.oci.proxies import proxy_for
from ansible_collections.dockyard.registry.plugins.module_utils.oci.retry import parse_retry_after
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    index_image,
    platform_image,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
DOCUMENTS = [
    json.loads(image.contents[image.root][0]) for image in (platform_image(), index_image())
]
SECRET = st.text("abcXYZ019", min_size=8, max_size=20).map(lambda text: f"hush{text}")


def paths(document: t.Any, before: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    """Yield the way to every value of a document."""
    yield before
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in inner:
        yield from paths(value, (*before, key))


def replaced(document: t.Any, path: tuple[t.Any, ...], value: t.Any) -> t.Any:
    """Return a document with one value changed."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from(sorted(m.ALL_TYPES)))
def test_any_bytes_are_a_manifest_or_a_clear_error(raw: bytes, media_type: str) -> None:
    try:
        manifest = m.parse_manifest(raw, media_type, where="x")
    except RegistryError:
        return
    assert manifest.digest == digest_of(raw)


@given(st.data())
def test_a_manifest_with_any_value_changed(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    path = data.draw(st.sampled_from(sorted(paths(document), key=str)))
    raw = json.dumps(replaced(document, path, data.draw(JSON))).encode()
    try:
        manifest = m.parse_manifest(raw, "", where="x")
    except RegistryError:
        return
    assert all(blob.size >= 0 and blob.digest.startswith("sha") for blob in manifest.blobs + manifest.children)


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
def test_any_bytes_are_json_or_a_clear_error(raw: bytes) -> None:
    try:
        assert isinstance(m.parse_json_object(raw, where="x"), dict)
    except RegistryError as error:
        assert len(str(error)) < 1000


@given(st.text(max_size=60))
def test_any_text_is_a_location_or_a_clear_error(text: str) -> None:
    try:
        location = parse_location(text)
    except RegistryError:
        return
    assert parse_location(str(location)) == location


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,20}(/.{0,10})?", fullmatch=True))
def test_any_text_is_an_origin_or_a_clear_error(text: str) -> None:
    try:
        origin = parse_registry_url(text)
    except InvalidReference:
        return
    assert parse_registry_url(str(origin)) == origin


@given(st.text(max_size=60))
def test_any_location_leads_somewhere_or_to_a_clear_error(text: str) -> None:
    try:
        origin, _parts = resolve_url("https://registry.example.com/v2/x", text)
    except InvalidReference:
        return
    assert origin.scheme in ("http", "https") and origin.host


TOKEN = st.text("abcdefgh", min_size=1, max_size=8)


@given(st.dictionaries(TOKEN, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20), max_size=4))
def test_challenges_are_read_as_they_were_written(parameters: dict[str, str]) -> None:
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in parameters.items()}
    header = "Bearer " + ",".join(f'{name}="{value}"' for name, value in quoted.items())
    challenges = parse_challenges([header + ', Basic realm="x"'])
    assert [challenge.scheme for challenge in challenges] == ["bearer", "basic"]
    assert challenges[0].parameters == parameters


@given(st.lists(st.text(max_size=60), max_size=3))
def test_any_header_is_challenges(values: list[str]) -> None:
    assert all(challenge.scheme in ("basic", "bearer") for challenge in parse_challenges(values))


@given(st.lists(st.text(max_size=60), max_size=3))
def test_any_header_is_a_next_page_or_none(values: list[str]) -> None:
    query = next_query(values)
    assert query is None or query.isascii() and not any(character in query for character in " \r\n#")


@given(st.text(max_size=40) | st.integers().map(str))
def test_any_retry_after_is_a_time_or_none(text: str) -> None:
    seconds = parse_retry_after(text)
    assert seconds is None or seconds >= 0


@given(st.binary(max_size=5000) | JSON.map(lambda value: json.dumps({"errors": value}).encode()), st.integers(100, 599))
def test_any_body_makes_an_error(body: bytes, status: int) -> None:
    error = response_error("GET", "https://x/", status, body=body)
    assert len(error.body) <= MAX_ERROR_BODY
    assert len(str(error)) < 3000
    json.dumps(error.as_dict())


@given(SECRET, st.sampled_from(["_state", "X-Amz-Signature", "token", "access_token", "%5fstate"]))
def test_urls_show_no_secret(secret: str, key: str) -> None:
    shown = redact_url(f"https://user:{secret}@host/v2/?n=5&{key}={secret}#{secret}")
    assert secret not in shown
    assert shown.startswith("https://host/v2/?n=5&")


@example(proxy="0", no_proxy=":²")
@given(st.text(max_size=60), st.text(max_size=60))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_proxy_settings(proxy: str, no_proxy: str) -> None:
    try:
        proxy_for(Origin("https", "registry.example.com", 443), {"https_proxy": proxy, "no_proxy": no_proxy})
    except RegistryError as error:
        assert "proxy" in str(error)
