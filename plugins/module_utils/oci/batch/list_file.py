# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of images in a file, YAML or JSON: its entries, each with the line it begins in."""

from __future__ import annotations

import json
import re
import typing as t

from ..errors import RegistryError

KEY = "images"
"""Of the list in a file that is a mapping."""

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a list: some hundred thousand images."""

Entries = t.List[t.Dict[str, t.Any]]

_SPACE = re.compile(r"[ \t\r\n]*")
_SHAPE = f"It holds a list of images, or a mapping with such a list as {KEY}."


class ListError(RegistryError):
    """A file that holds no list."""


def read_list_file(path: str) -> Entries:
    """Return the entries of a file on this host.

    :raises ListError: if it cannot be read or holds no list.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror or error}.", hint="Check the path.") from error
    if len(raw) > MAX_SIZE:
        raise ListError(f"{path} is larger than {MAX_SIZE} bytes.", hint=_SHAPE)
    try:
        return parse_list(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise ListError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}).", hint=_SHAPE) from error


def parse_list(text: str, path: str) -> Entries:
    """Return the entries of a list, each with ``where``: the path and the line.

    What is no mapping is handed on as a source, which it may have been meant as: who reads the entries says what is
    wrong with it.

    :raises ListError: if it is no list.
    """
    try:
        found = _read_json(text)
    except ValueError as error:
        found = _read_yaml(text, path, error)
    if found is None:
        raise ListError(f"{path} holds no list of images.", hint=_SHAPE)
    return [
        {**(value if isinstance(value, dict) else {"source": value}), "where": f"{path}:{line}"}
        for line, value in found
    ]


def _read_json(text: str) -> list[tuple[int, t.Any]] | None:
    """Return the lines and values of a list in JSON, None if it is something else in JSON."""
    position = _after_space(text, 0)
    if text[position : position + 1] == "{":
        document = json.loads(text)
        key = re.search(rf'"{KEY}"\s*:\s*', text)
        if not isinstance(document.get(KEY), list) or not key:
            return None
        position = key.end()
    elif not isinstance(json.loads(text), list):
        return None
    # The text is known to be right: the values are read once more, for where they begin.
    decoder = json.JSONDecoder()
    found: list[tuple[int, t.Any]] = []
    position = _after_space(text, position + 1)
    line, counted = 1, 0
    while text[position] != "]":
        line, counted = line + text.count("\n", counted, position), position
        value, end = decoder.raw_decode(text, position)
        found.append((line, value))
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
    return found


def _after_space(text: str, position: int) -> int:
    return t.cast("re.Match[str]", _SPACE.match(text, position)).end()


def _read_yaml(text: str, path: str, not_json: ValueError) -> list[tuple[int, t.Any]] | None:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:  # a managed host need not have it: JSON is read without
        raise ListError(
            f"{path} is not JSON ({not_json}), and without PyYAML nothing else can be read on this host.",
            hint="Install python3-yaml there, or write the list as JSON.",
        ) from None
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if isinstance(node, yaml.MappingNode):
                lists = [value for key, value in node.value if key.value == KEY]
                node = lists[0] if lists else None
            if not isinstance(node, yaml.SequenceNode):
                return None
            return [(entry.start_mark.line + 1, _construct(loader, entry)) for entry in node.value]
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ListError(f"{path} is not YAML: {where}.", hint=_SHAPE) from error


def _construct(loader: t.Any, node: t.Any) -> t.Any:
    """Return the value of an entry. A key that is there twice hides one of its values, and makes a key that is none."""
    value = loader.construct_object(node, deep=True)
    if node.id == "mapping":
        keys = [str(key.value) for key, _value in node.value]
        value.update({f"{key} (twice)": True for key in keys if keys.count(key) > 1})
    return value
