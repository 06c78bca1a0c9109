# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads images.toml, the one list of what is built, and says what is wrong with it."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TAG = re.compile(r"[a-z0-9._/-]+:[\w{][\w.{}-]*")
# The OCI's config keys that the list may set; those in SETS are written as lists there.
CONFIG_KEYS = {"Cmd", "Entrypoint", "Env", "ExposedPorts", "Labels", "StopSignal", "User", "Volumes", "WorkingDir"}
SETS = {"ExposedPorts", "Volumes"}


class ListError(Exception):
    """The list is not what it should be; the text names the file, the image and the key."""


@dataclass(frozen=True)
class Spec:
    """One image of the list. README of the keys: the head of images.toml."""

    name: str
    title: str = ""
    version: str = ""
    tags: list[str] = field(default_factory=list)
    hub: str = ""
    take: dict[str, dict[str, str]] = field(default_factory=dict)
    applets: list[str] = field(default_factory=list)
    certificates: bool = False
    go: dict[str, str] = field(default_factory=dict)
    bootstrap: dict[str, Any] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def as_text(self) -> str:
        """The entry with one spelling only, for the stamp."""
        return json.dumps(asdict(self), sort_keys=True)


KEYS = {item.name: item for item in fields(Spec) if item.name != "name"}
TYPES: dict[str, type] = {key: type(getattr(Spec("x"), key)) for key in KEYS}


def merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """`second` over `first`: tables are merged, lists joined, all else replaced."""
    merged = dict(first)
    for key, value in second.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = [*old, *(item for item in value if item not in old)]
        else:
            merged[key] = value
    return merged


def flatten(name: str, table: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """An image's table with the parts it names put under it."""
    own = dict(table)
    result: dict[str, Any] = {}
    for part in own.pop("parts", []):
        if part not in shared:
            raise ListError(f"image {name}: there is no part {part!r}")
        result = merge(result, shared[part])
    return merge(result, own)


def check(name: str, table: dict[str, Any], assets: Path) -> None:
    """Raise ListError for the first thing that is wrong with an image's table."""
    if not NAME.fullmatch(name):
        raise ListError(f"image {name!r}: a name is small letters, digits and single hyphens")
    for key, value in table.items():
        if key not in KEYS:
            raise ListError(f"image {name}: no key {key!r}; there are: parts, {', '.join(KEYS)}")
        if not isinstance(value, TYPES[key]):
            raise ListError(f"image {name}: {key} is to be a {TYPES[key].__name__}, not {value!r}")
    for key in ("title", "version", "tags"):
        if not table.get(key):
            raise ListError(f"image {name}: {key} is missing")
    for tag in table["tags"]:
        if not isinstance(tag, str) or not TAG.fullmatch(tag):
            raise ListError(f"image {name}: {tag!r} is no `name:tag`")
    for key in table.get("config", {}):
        if key not in CONFIG_KEYS:
            raise ListError(f"image {name}: config has no key {key!r}; there are: {', '.join(sorted(CONFIG_KEYS))}")
    for key in ("take", "folders", "files", "links"):
        for path in paths_of(key, table.get(key, {})):
            if not path.startswith("/"):
                raise ListError(f"image {name}: {key} has {path!r}, which is no absolute path")
    for asset in table.get("files", {}).values():
        if not assets.joinpath(asset).is_file():
            raise ListError(f"image {name}: there is no file files/{asset}")
    for table_name, needed in (("go", {"module", "program", "version", "to"}), ("bootstrap", {"suite", "include"})):
        lacking = needed - set(table.get(table_name) or needed)
        if lacking:
            raise ListError(f"image {name}: {table_name} lacks {', '.join(sorted(lacking))}")


def paths_of(key: str, table: dict[str, Any]) -> list[str]:
    """The paths inside the image or inside a package that a table of an entry names."""
    if key == "take":
        return [path for moves in table.values() for pair in moves.items() for path in pair]
    return list(table)


def parse(text: str, assets: Path, where: str = "images.toml") -> dict[str, Spec]:
    """The list by name, in its order; `assets` is the folder of the files that entries name."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ListError(f"{where}: {problem}") from None
    unknown = set(data) - {"part", "image"}
    if unknown:
        raise ListError(f"{where}: no table {sorted(unknown)[0]!r}; there are [part.NAME] and [image.NAME]")
    specs = {}
    for name, table in data.get("image", {}).items():
        try:
            full = flatten(name, table, data.get("part", {}))
            check(name, full, assets)
        except ListError as problem:
            raise ListError(f"{where}: {problem}") from None
        specs[name] = Spec(name, **full)
    if not specs:
        raise ListError(f"{where}: no image")
    return specs


def read(path: Path) -> dict[str, Spec]:
    """The list in a file; the folder files/ beside it holds what entries name."""
    return parse(path.read_text(encoding="utf-8"), path.parent / "files", path.name)


def oci_config(config: dict[str, Any]) -> dict[str, Any]:
    """The list's config as the OCI spells it: sets are objects with empty values."""
    return {key: {item: {} for item in value} if key in SETS else value for key, value in config.items()}
