# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command and writes what it used. It imports little: a child's peak memory is never less than its parent's was.

    launch.py REPORT.json SECONDS COMMAND...
"""

import json
import os
import signal
import sys
import time


def main():
    """Run it; end it and all that it started if it takes longer than it may."""
    report, patience, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    since = time.perf_counter()
    child = os.fork()
    if not child:
        os.setsid()
        os.execvp(command[0], command)
    # ... and whoever ends this one ends the command, too.
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, patience)
    _pid, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - since
    measured = {
        "status": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,
    }
    with open(report, "w", encoding="utf-8") as file:
        json.dump(measured, file)


if __name__ == "__main__":
    main()
