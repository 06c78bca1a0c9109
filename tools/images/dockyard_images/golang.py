# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a program from its released source with Go."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .commands import run
from .errors import BuildError, say
from .imagelist import Spec

USUAL = Path("/usr/local/go/bin/go")


def find() -> str:
    """The go command, "" if there is none."""
    return shutil.which("go") or (str(USUAL) if USUAL.is_file() else "")


def version() -> str:
    """Which Go there is, "" if none: the compiler is one of the inputs."""
    go = find()
    return run([go, "version"], env=environment()).strip() if go else ""


def environment() -> dict[str, str]:
    """How Go is run: no C, nothing of this machine in the result, a newer Go fetched if the source asks for one."""
    return {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "auto"),
        "GO111MODULE": "on",
        "GOWORK": "off",
    }


def build(spec: Spec, folder: Path) -> bytes:
    """The program's bytes. Kept in `folder`, so that a change of the rest of the image does not compile again."""
    go = find()
    if not go:
        raise BuildError(
            f"needs Go to compile {spec.go['module']}: install Go (a release of the last year) "
            "and build again, or use registry-2, which needs no Go"
        )
    release = spec.go["version"]
    short = version().split()[2]
    kept = folder / f"{Path(spec.go['program']).name}-{release}-{short}"
    flags = spec.go.get("flags", "").replace("{version}", release.removeprefix("v"))
    note = kept.with_name(kept.name + ".flags")
    if kept.is_file() and note.is_file() and note.read_text(encoding="utf-8") == flags:
        say(spec.name, f"{kept.name} is compiled already")
        return kept.read_bytes()
    say(spec.name, f"compiling {spec.go['program']} {release} with {short} (2 to 3 minutes the first time, seconds later)")
    target = folder / "install"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    source = f"{spec.go['module']}/{spec.go['program']}@{release}"
    try:
        run([go, "install", "-trimpath", "-ldflags", flags, source], env={**environment(), "GOBIN": str(target)})
    except BuildError as problem:
        raise BuildError(f"{problem}. It needs Go's module proxy, and a Go as new as the source asks for") from None
    target.joinpath(Path(spec.go["program"]).name).replace(kept)
    note.write_text(flags, encoding="utf-8")
    shutil.rmtree(target)
    return kept.read_bytes()
