# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs every check of the project, one after the other, and counts what passed.

    tools/check.py            all of them
    tools/check.py NAME...    some of them
    tools/check.py --list     their names
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
LOGS = CACHE / "logs"
BIN = Path(sys.executable).parent
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
# ansible-test, the tarball and the importer look into ~/.ansible: a home of the run's own has no stale copies there.
HOME = CACHE / "home"
# Outside of the clone: ansible-test asks git what there is, and git leaves out what the clone ignores.
TREE = Path(tempfile.gettempdir()) / f"dockyard-check-{os.getpid()}" / "ansible_collections" / "dockyard" / "registry"
OLDEST = ROOT / ".venv-oldest" / "bin" / "python"


class Step(t.NamedTuple):
    """A check: its command is shell, run from the root with the virtual environment's programs first on the PATH."""

    name: str
    command: str
    seconds: int
    needs_engine: bool = False


UNITS = "-m pytest tests/unit -q -n 2 -p no:cacheprovider"
STEPS = [
    Step("lint", "ansible-lint --offline", 40),
    Step("shell", "shellcheck -x -P SCRIPTDIR tools/*.sh .ci/run", 2),
    Step("types", "cd collections && mypy -p ansible_collections.dockyard.registry.plugins.module_utils "
         "-p ansible_collections.dockyard.registry.plugins.plugin_utils", 20),
    Step("docs", "antsibull-docs lint-collection-docs --plugin-docs .", 15),
    Step("changelog", "antsibull-changelog lint", 2),
    Step("readmes", "python tools/role_readmes.py --check", 1),
    Step("units", f"PYTHONPATH=collections python {UNITS}", 30),
    Step("units-oldest", f"PYTHONPATH=collections {OLDEST} {UNITS} && "
         f"{OLDEST.parent}/ansible-playbook --syntax-check playbooks/standalone.yml", 40),
    Step("sanity", "tools/ansible_test.sh sanity", 120),
    Step("ansible-test-units", "tools/ansible_test.sh units --requirements", 60),
    Step("tarball", "tools/tarball.sh", 15),
    Step("importer", "cd .cache/dist && PATH=$ROOT/.venv-importer/bin:$PATH python -m galaxy_importer.main *.tar.gz", 60),
    Step("images", "python tools/images/build.py", 300),
    Step("clients", "tools/with_registries.sh python -m pytest tests/integration_client -q -p no:cacheprovider", 60),
    Step("plays", "PYTHONPATH=collections python -m pytest tests/integration -q -p no:cacheprovider", 90, True),
    Step("molecule", "docker load -q -i .cache/images/node.tar && molecule test --all", 300, True),
]


def environment() -> dict[str, str]:
    """What the checks run in."""
    HOME.mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "HOME": str(HOME),
        "ROOT": str(ROOT),
        "TREE": str(TREE),
        "CHECK_PYTHON": PYTHON,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PY_COLORS": "0",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }


def answers() -> bool:
    """Whether a Docker Engine answers."""
    return shutil.which("docker") is not None and run("docker info", "engine") == 0


def run(command: str, name: str) -> int:
    """Run a command of the shell; its output goes to a log. Returns its exit code."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("w") as log:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False,
        ).returncode


def check(step: Step) -> bool:
    """Run one step and say how it went; all that it printed is shown if it failed."""
    print(f"{step.name}: about {step.seconds} s", flush=True)
    started = time.monotonic()
    code = run(step.command, step.name)
    if code:
        print((LOGS / f"{step.name}.log").read_text(errors="replace"))
    print(f"{step.name}: {'failed' if code else 'passed'} in {time.monotonic() - started:.0f} s", flush=True)
    return code == 0


def chosen(names: list[str]) -> list[Step]:
    """The steps of these names, all that this machine can run for none."""
    known = {step.name: step for step in STEPS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"No check is called {', '.join(unknown)}. There are: {', '.join(known)}")
    if names:
        return [known[name] for name in names]
    if OLDEST.exists():
        return STEPS
    print(f"units-oldest: left out, for Python {PYTHON} is the only one that was found here.")
    return [step for step in STEPS if step.name != "units-oldest"]


def main(arguments: list[str]) -> int:
    """Run the checks and end what they started."""
    if arguments == ["--list"]:
        print("\n".join(step.name for step in STEPS))
        return 0
    steps = chosen(arguments)
    started_engine = any(step.needs_engine for step in steps) and not answers()
    results = {}
    try:
        if started_engine:
            results["engine"] = check(Step("engine", "tools/engine.sh start", 60))
        for step in steps:
            results[step.name] = check(step)
    finally:
        if started_engine:
            print("engine: stopped, as it was", flush=True)
            run("tools/engine.sh stop", "engine-stop")
        shutil.rmtree(TREE.parents[2], ignore_errors=True)
    failed = [name for name, passed in results.items() if not passed]
    if failed:
        print("failed: " + ", ".join(failed))
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
