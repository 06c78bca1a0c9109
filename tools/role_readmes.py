# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the tables of variables in the roles' READMEs from their argument_specs; --check only looks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- variables: start -->", "<!-- variables: end -->"


def rows(options: dict[str, Any], prefix: str = "") -> list[str]:
    """A row a variable, its suboptions after it."""
    found = []
    for name, option in options.items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        if "choices" in option:
            kind = ", ".join(f"`{choice}`" for choice in option["choices"])
        default = "required" if option.get("required") else f"`{json.dumps(option['default'])}`" if "default" in option else ""
        text = " ".join(option["description"]).replace("|", "\\|")
        found.append(f"| `{prefix}{name}` | {kind} | {default} | {text} |")
        found += rows(option.get("options", {}), f"{prefix}{name}[].")
    return found


def fresh(readme: str, spec: dict[str, Any]) -> str:
    """The README with its table made anew."""
    before, _start, rest = readme.partition(START)
    _old, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"A role's README needs the lines {START} and {END}.")
    table = ["| variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows(spec["options"])]
    return before + START + "\n" + "\n".join(table) + "\n" + END + after


def main(check: bool) -> int:
    """Write, or look: exit 1 if a README is stale."""
    stale = []
    for spec_file in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        readme = spec_file.parent.parent / "README.md"
        spec = yaml.safe_load(spec_file.read_text())["argument_specs"]["main"]
        old = readme.read_text()
        new = fresh(old, spec)
        if new != old:
            stale.append(str(readme.relative_to(ROOT)))
            if not check:
                readme.write_text(new)
    print("\n".join(f"{'stale' if check else 'written'}: {name}" for name in stale) or "all fresh")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
