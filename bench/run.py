# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares this collection with the tools that a user would take instead. `make bench` sets up what it needs."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

from dockyard_bench import engine, registries, stores, table
from dockyard_bench.jobs import JOBS, Job
from dockyard_bench.rounds import Rounds
from dockyard_bench.scene import CACHE, ROOT
from dockyard_bench.statistics import OURS, TARGETS, ratios

QUICK_JOBS = "cold,nothing,promotion,inventory,catalog"
QUICK_LEFT_OUT = {"crane x8"}  # it takes seconds, whatever the size


def parsed(words: t.Sequence[str]) -> argparse.Namespace:
    """Read the arguments."""
    names = ",".join(job.name for job in JOBS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small corpus; print lines `name ratio` only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, help="of the images: 1 is 1.5 GB")
    parser.add_argument("--repositories", type=int, help="of the inventory, with 5 tags each")
    parser.add_argument("--names", type=int, help="of the catalog")
    parser.add_argument("--jobs", help=f"of {names}")
    parser.add_argument("--contenders", help="only these and our module, by their names in the table")
    parser.add_argument("--registries", help="versions, of 2,3")
    chosen = parser.parse_args(words)
    quick = chosen.quick
    chosen.scale = chosen.scale or (0.03 if quick else 1.0)
    chosen.repositories = chosen.repositories or (200 if quick else 2000)
    chosen.names = chosen.names or (3000 if quick else 10_000)
    chosen.jobs = (chosen.jobs or (QUICK_JOBS if quick else names)).split(",")
    chosen.registries = (chosen.registries or ("3" if quick else "2,3")).split(",")
    unknown = set(chosen.jobs) - {job.name for job in JOBS}
    if unknown:
        parser.error(f"no job {', '.join(sorted(unknown))}; there are {names}")
    return chosen


def choose(arguments: argparse.Namespace, say: t.Callable[[str], None]) -> tuple[list[Job], dict[str, list[str]]]:
    """Return the jobs with those who can compete in them, and by contender what the others lack."""
    only = set(arguments.contenders.split(",")) if arguments.contenders else None
    chosen, lacking = [], {}
    for job in JOBS:
        if job.name not in arguments.jobs:
            continue
        able = []
        targeted = {target.peer for target in TARGETS if target.job == job.name}
        for contender in job.contenders:
            ours = contender.name == OURS
            if only is not None and not ours and contender.name not in only:
                continue
            if arguments.quick and (contender.name in QUICK_LEFT_OUT or not (ours or contender.name in targeted)):
                continue
            if contender.lacks():
                lacking[f"{job.name}: {contender.name}"] = contender.lacks()
            else:
                able.append(contender)
        if able:
            chosen.append(job._replace(contenders=tuple(able)))
    for name, needs in lacking.items():
        say(f"left out, {name}: there is no {' and no '.join(needs)}")
    return chosen, lacking


def programs(versions: t.Sequence[str], say: t.Callable[[str], None]) -> dict[str, Path]:
    """Return the registries that are there, by version."""
    found = {version: CACHE / f"registry-{version}" / "registry" for version in versions}
    for version in [version for version, program in found.items() if not program.is_file()]:
        say(f"left out: there is no registry {version}")
        del found[version]
    if not found:
        sys.exit("There is no registry to measure at: `make images` builds them.")
    return found


def machine() -> dict[str, t.Any]:
    """Return what the figures depend on."""
    versions = {}
    for words in (
        ["skopeo", "--version"], ["crane", "version"], ["oras", "version"], ["regsync", "version"], ["docker", "--version"]
    ):
        if shutil.which(words[0]):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            versions[words[0]] = " ".join(done.stdout.split())[:80]
    return {
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "versions": versions,
    }


def main(words: t.Sequence[str]) -> int:
    """Run it, write the results, and return 1 if a contender failed."""
    arguments = parsed(words)
    # Engines and registries are cleaned up behind an end by `kill`, too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    os.environ["PATH"] = f"{CACHE / 'bin'}:{os.environ['PATH']}"
    chosen, lacking = choose(arguments, say)
    found = programs(arguments.registries, say)
    first = next(iter(found.values()))
    kept = stores.made(
        CACHE, first, scale=arguments.scale, repositories=arguments.repositories, names=arguments.names, say=say
    )
    scratch = CACHE / f"runs-{os.getpid()}"
    if any(job.name == "engine" for job in chosen) and not engine.is_there():
        say("left out, engine: no engine answers")
        chosen = [job for job in chosen if job.name != "engine"]
    rounds = Rounds(chosen, found, scratch, say, quiet=arguments.quick)
    try:
        if any(job.name == "engine" for job in chosen):
            (scratch / "pull").mkdir(parents=True)
            (scratch / "pull" / "data").symlink_to(kept.images)
            with registries.running(first, scratch / "pull") as registry, engine.filled(
                registry.authority, kept.references
            ) as filled:
                rounds.run(arguments.rounds, kept, filled)
        else:
            rounds.run(arguments.rounds, kept, None)
    except KeyboardInterrupt:
        say("interrupted: these are the results so far")
        write(arguments, rounds, lacking)
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write(arguments, rounds, lacking)
    return 1 if rounds.failures else 0


def write(arguments: argparse.Namespace, rounds: Rounds, lacking: t.Mapping[str, t.Sequence[str]]) -> None:
    """Print the tables, or the lines of the quick form, and keep everything as JSON, with a plot of it."""
    ratios_found = ratios(rounds.runs)
    if arguments.quick:
        print(table.lines(ratios_found))
        return
    text = "\n\n".join(
        [table.tables(rounds.runs), table.targets(ratios_found)]
        + [f"FAILED: {one.job}, registry {one.registry}, {one.contender}: {one.reason}" for one in rounds.failures]
    )
    print(text)
    folder = CACHE / "results"
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    stem.with_suffix(".txt").write_text(f"{text}\n")
    stem.with_suffix(".json").write_text(
        json.dumps(
            {
                "machine": machine(),
                "arguments": vars(arguments),
                "runs": [run._asdict() for run in rounds.runs],
                "ratios": [{**one.target._asdict(), **one._asdict(), "target": None} for one in ratios_found],
                "failures": [one._asdict() for one in rounds.failures],
                "left_out": lacking,
            },
            indent=1,
        )
    )
    print(f"\nkept as {stem.with_suffix('.txt').relative_to(ROOT)} and .json", flush=True)
    python = CACHE / "plot" / "bin" / "python"
    if (CACHE / "plot" / "done").is_file():
        words = [python, ROOT / "bench" / "plot.py", stem.with_suffix(".json"), stem.with_suffix(".svg")]
        subprocess.run(words, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
