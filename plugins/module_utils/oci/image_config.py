# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image's configuration says (OCI image spec 1.1, "Image Configuration"; Docker's adds Healthcheck).

Whoever pushes an image writes its configuration, and no registry checks it. So each field is read for itself: one that
is not of the type that the specification gives it is None, as if it were not known, and spoils no other.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .media_types import parse_json_object, platform_of

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


_CONFIG_FIELDS = (
    "Labels", "Env", "Entrypoint", "Cmd", "User", "WorkingDir", "ExposedPorts", "Volumes", "StopSignal", "Healthcheck",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Healthcheck:
    """How a container's health is checked; ``test`` as Docker has it, times in seconds."""

    test: list[str] | None
    interval: float | None
    timeout: float | None
    start_period: float | None
    start_interval: float | None
    retries: int | None


@dataclasses.dataclass(frozen=True)
class HistoryEntry:
    """A step of the build; times are RFC 3339."""

    created: str | None
    created_by: str | None
    author: str | None
    comment: str | None
    empty_layer: bool


@dataclasses.dataclass(frozen=True)
class ImageConfig:
    """The fields of a configuration. Lists and mappings that are not there are empty, texts None."""

    platform: str
    created: str | None
    author: str | None
    labels: dict[str, str] | None
    env: list[str] | None
    entrypoint: list[str] | None
    cmd: list[str] | None
    user: str | None
    working_dir: str | None
    exposed_ports: list[str] | None
    volumes: list[str] | None
    stop_signal: str | None
    healthcheck: Healthcheck | None
    history: list[HistoryEntry] | None


def parse_image_config(raw: bytes, *, where: str) -> ImageConfig:
    """Read an image configuration.

    :raises ContentError: if it is no JSON object; any such object is read.
    """
    document = parse_json_object(raw, where=where)
    config = document.get("config")
    if not isinstance(config, dict):
        # Images from scratch may have none. What is there but no object says nothing about any of its fields.
        config = {} if config is None else dict.fromkeys(_CONFIG_FIELDS, ())
    return ImageConfig(
        platform=platform_of(document),
        created=_time(document.get("created")),
        author=_text(document.get("author")),
        labels=_labels(config.get("Labels")),
        env=_texts(config.get("Env")),
        entrypoint=_command(config.get("Entrypoint")),
        cmd=_command(config.get("Cmd")),
        user=_text(config.get("User")),
        working_dir=_text(config.get("WorkingDir")),
        exposed_ports=_keys(config.get("ExposedPorts")),
        volumes=_keys(config.get("Volumes")),
        stop_signal=_text(config.get("StopSignal")),
        healthcheck=_healthcheck(config.get("Healthcheck")),
        history=_history(document.get("history")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: object) -> str | None:
    return value if isinstance(value, str) and _RFC_3339.fullmatch(value) else None


def _texts(value: object) -> list[str] | None:
    if value is None:
        return []
    return list(value) if isinstance(value, list) and all(isinstance(part, str) for part in value) else None


def _command(value: object) -> list[str] | None:
    """Return a command; Docker reads a lone string, which old images have, as the only word."""
    return [value] if isinstance(value, str) else _texts(value)


def _labels(value: object) -> dict[str, str] | None:
    if value is None:
        return {}
    is_labels = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    return t.cast("dict[str, str]", value) if is_labels else None


def _keys(value: object) -> list[str] | None:
    """Return the keys of an object that stands for a set, as Go writes one."""
    if value is None:
        return []
    return sorted(value) if isinstance(value, dict) else None


def _healthcheck(value: object) -> Healthcheck | None:
    if not isinstance(value, dict):
        return None
    retries = value.get("Retries")
    return Healthcheck(
        test=_texts(value.get("Test")),
        interval=_seconds(value.get("Interval")),
        timeout=_seconds(value.get("Timeout")),
        start_period=_seconds(value.get("StartPeriod")),
        start_interval=_seconds(value.get("StartInterval")),
        retries=retries if _is_count(retries) and retries else None,
    )


def _seconds(value: object) -> float | None:
    """Return nanoseconds as seconds; 0 stands for the engine's default, which is not known here."""
    return t.cast(int, value) / 1e9 if _is_count(value) and value else None


def _is_count(value: object) -> bool:
    """Tell whether a value is a number that Go could have read (int64)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _history(value: object) -> list[HistoryEntry] | None:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return None
    return [
        HistoryEntry(
            created=_time(entry.get("created")),
            created_by=_text(entry.get("created_by")),
            author=_text(entry.get("author")),
            comment=_text(entry.get("comment")),
            empty_layer=entry.get("empty_layer") is True,
        )
        for entry in value
    ]
