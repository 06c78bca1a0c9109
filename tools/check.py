# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs every check of the project, two at a time where they do not disturb each other, and counts what passed.

    tools/check.py            all of them
    tools/check.py NAME...    some of them, and those that they need
    tools/check.py --list     their names, about how long they take, and their commands
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
LOGS = CACHE / "logs"
# ansible-test, the tarball and the importer look into ~/.ansible: a home of the run's own has no stale copies there.
HOME = CACHE / "home"
OLDEST = ROOT / ".venv-oldest" / "bin" / "python"
HOST = ROOT / ".venv-host" / "bin" / "python"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
AT_ONCE = 2
PATIENCE = 90.0  # for a step that is stopped to clean up behind itself, in seconds
COUNTING = "counting"  # the lock of steps that count what fails while something restarts


class Step(t.NamedTuple):
    """A check: its command is bash, run from the root with the virtual environment's programs first on the PATH.

    `needs` names the steps that must have passed before; steps that share one of `locks` do not run at the same time.
    """

    name: str
    command: str
    seconds: int
    needs: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()


QUIET = "-q -n 2 -p no:cacheprovider"
UNITS = f"-m pytest tests/unit {QUIET}"
COVERAGE = ("--cov=ansible_collections.dockyard.registry.plugins.module_utils --cov-branch "
            "--cov-report=term-missing:skip-covered --cov-fail-under=95")


def scenarios(on: str) -> list[Step]:
    """The Molecule scenarios whose machines are nodes of the engine, or hosts with kernels of their own."""
    found = []
    for path in sorted(ROOT.glob("molecule/*/molecule.yml")):
        name, nodes = path.parent.name, "dockyard-node" in path.read_text("utf-8")
        if on != ("nodes" if nodes else "hosts"):
            continue
        # Two that count what fails while something restarts are no fair measure beside each other.
        locks = (*(["nodes"] if nodes else []), *([COUNTING] if name in ("swarm", "tls") else []))
        found.append(Step(f"molecule-{name}", f"tools/molecule.sh {name}", 300 if nodes else 1800, ("engine", "images"), locks))
    return found


LINT = ["lint", "yaml", "shell", "types", "docs", "changelog", "readmes"]
STEPS = [
    Step("lint", "ansible-lint --offline", 30),
    Step("yaml", "git ls-files -zco --exclude-standard -- '*.yml' '*.yaml' ':!collections' | xargs -0 yamllint --strict", 5),
    Step("shell", "shellcheck -x tools/*.sh bench/*.sh .ci/run", 2),
    Step("types", "cd collections && mypy -p ansible_collections.dockyard.registry.plugins.module_utils "
         "-p ansible_collections.dockyard.registry.plugins.plugin_utils", 20),
    Step("docs", "antsibull-docs lint-collection-docs --plugin-docs .", 15),
    Step("changelog", "antsibull-changelog lint", 2),
    Step("readmes", "python tools/role_readmes.py --check", 1),
    Step("units", f"COVERAGE_FILE=.cache/coverage PYTHONPATH=collections python {UNITS} {COVERAGE}", 30),
    Step("units-host", f"PYTHONPATH=collections {HOST} -m pytest tests/unit/plugins/module_utils {QUIET}", 20),
    Step("images", "python tools/images/build.py", 300),
    Step("engine", "tools/engine.sh start", 60),
    # The longest of all, which most others fit beside.
    *scenarios("hosts"),
    Step("tarball", "tools/tarball.sh", 15),
    # What knows nothing of Ansible is proved by units, and with the oldest Python of a host by units-host.
    Step("units-oldest", f"PYTHONPATH=collections {OLDEST} {UNITS} --ignore=tests/unit/plugins/module_utils && "
         f"{OLDEST.parent}/ansible-playbook --syntax-check playbooks/standalone.yml", 40),
    Step("sanity", "tools/ansible_test.sh sanity", 120, locks=("ansible-test",)),
    Step("ansible-test-units", "tools/ansible_test.sh units --requirements tests/unit/plugins/modules/ tests/unit/plugins/filter/",
         60, locks=("ansible-test",)),
    # Galaxy lints, too: the step lint has more rules.
    Step("importer", "cd .cache/dist && PATH=$ROOT/.venv-importer/bin:$PATH GALAXY_IMPORTER_RUN_ANSIBLE_LINT=False "
         "python -m galaxy_importer.main *.tar.gz", 40, ("tarball",)),
    Step("clients", "tools/with_registries.sh python -m pytest tests/integration_client -q -p no:cacheprovider",
         300, ("engine", "images"), ("engine",)),
    Step("plays", "PYTHONPATH=collections python -m pytest tests/integration -q -p no:cacheprovider",
         1000, ("engine", "images"), ("engine",)),
    # Before the last of the long ones: they wait for each other.
    *scenarios("nodes"),
    Step("swarm", "PYTHONPATH=collections python -m pytest tests/integration_swarm -q -p no:cacheprovider",
         1200, ("engine", "images")),
]


class Running(t.NamedTuple):
    """A step whose command runs."""

    step: Step
    process: subprocess.Popen[bytes]
    since: float


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def environment(scratch: str) -> dict[str, str]:
    """What the checks run in: this user's, but for the home and for colours."""
    shutil.rmtree(HOME / ".ansible" / "collections", ignore_errors=True)
    HOME.mkdir(parents=True, exist_ok=True)
    home = Path.home()
    kept = {
        "GOPATH": str(home / "go"),
        "GOCACHE": str(home / ".cache" / "go-build"),
        "PIP_CONFIG_FILE": str(home / ".config" / "pip" / "pip.conf"),
    }
    return {
        **{name: value for name, value in kept.items() if Path(value).exists()},
        **os.environ,
        "HOME": str(HOME),
        "ROOT": str(ROOT),
        # Outside of the clone: ansible-test asks git what there is, and git leaves out what the clone ignores.
        "TREE": f"{scratch}/ansible_collections/dockyard/registry",
        "CHECK_PYTHON": PYTHON,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PY_COLORS": "0",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }


class Checks:
    """The steps of one run."""

    def __init__(self, steps: list[Step], env: dict[str, str]) -> None:
        self.waiting = steps
        self.env = env
        self.running: list[Running] = []
        self.results: dict[str, tuple[bool, float]] = {}

    def run(self) -> None:
        """Run all steps; one that fails holds up only those that need it."""
        while self.waiting or self.running:
            for step in list(self.waiting):
                self.consider(step)
            for running in list(self.running):
                if running.process.poll() is not None:
                    self.running.remove(running)
                    self.end(running.step, running.process.returncode, time.monotonic() - running.since)
            time.sleep(0.1)

    def consider(self, step: Step) -> None:
        """Start a step if its time has come."""
        broken = [name for name in step.needs if name in self.results and not self.results[name][0]]
        if broken:
            self.waiting.remove(step)
            self.results[step.name] = (False, 0.0)
            say(f"{step.name}: failed, for it needs {' and '.join(broken)}")
            return
        locked = any(set(step.locks) & set(running.step.locks) for running in self.running)
        ready = all(name in self.results for name in step.needs)
        if ready and not locked and len(self.running) < AT_ONCE:
            self.waiting.remove(step)
            self.start(step)

    def start(self, step: Step) -> None:
        """Start a step's command, in a process group of its own; its output goes to a log."""
        say(f"{step.name}: started, about {step.seconds} s")
        with log_of(step).open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", step.command],
                cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        self.running.append(Running(step, process, time.monotonic()))

    def end(self, step: Step, code: int, seconds: float) -> None:
        """Say how a step went; all that it printed is shown if it failed."""
        self.results[step.name] = (code == 0, seconds)
        if code:
            say(f"{log_of(step).read_text(errors='replace')}\n{step.name}: failed with exit code {code}")
        say(f"{step.name}: {'failed' if code else 'passed'} in {seconds:.0f} s")

    def stop(self) -> None:
        """End the commands that still run, which clean up behind themselves."""
        for running in self.running:
            say(f"{running.step.name}: stopping")
            signal_group(running, signal.SIGTERM)
        for running in self.running:
            try:
                running.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                signal_group(running, signal.SIGKILL)
                running.process.wait()


def signal_group(running: Running, number: signal.Signals) -> None:
    """Send a signal to a command and all that it started."""
    if running.process.poll() is None:
        os.killpg(running.process.pid, number)


def log_of(step: Step) -> Path:
    """Where a step's output goes."""
    return LOGS / f"{step.name}.log"


def chosen(names: list[str]) -> list[Step]:
    """The steps of these names with those that they need; for none, all that this machine can run."""
    known = {step.name: step for step in STEPS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"No check is called {', '.join(unknown)}. There are: {', '.join(known)}")
    if names:
        wanted = set(names).union(*(known[name].needs for name in names))
        return [step for step in STEPS if step.name in wanted]
    absent = {name for name, python in {"units-oldest": OLDEST, "units-host": HOST}.items() if not python.exists()}
    for name in sorted(absent):
        say(f"{name}: left out, for the Python that it needs was not found here.")
    return [step for step in STEPS if step.name not in absent]


def summary(results: dict[str, tuple[bool, float]], seconds: float) -> int:
    """Print the table and the count; returns the exit code."""
    say(f"\nin {seconds:.0f} s:")
    for name, (passed, took) in results.items():
        say(f"  {name:<24} {'passed' if passed else 'FAILED'}  {took:5.0f} s")
    failed = sum(not passed for passed, _took in results.values())
    say(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """Run the checks and end what they started."""
    if arguments == ["--list"]:
        for step in STEPS:
            say(f"{step.name:<24} {step.seconds:4} s  {step.command}")
        return 0
    steps = chosen(LINT if arguments == ["--lint"] else arguments)
    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dockyard-check-") as scratch:
        checks = Checks(steps, environment(scratch))
        engine = any(step.name == "engine" for step in steps)
        try:
            checks.run()
        finally:
            checks.stop()
            if engine:
                subprocess.run(["tools/engine.sh", "stop"], cwd=ROOT, env=checks.env, stdin=subprocess.DEVNULL, check=True)
    return summary(checks.results, time.monotonic() - started)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("stopped")
