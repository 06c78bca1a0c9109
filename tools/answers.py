# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit 0 if a URL's host answers an HTTP request within a few seconds, 1 if not.

tools/answers.py [--seconds N] URL
"""

from __future__ import annotations

import argparse
import os
import threading
import urllib.error
import urllib.request


def answers(url: str, seconds: float) -> bool:
    """Whether anything that speaks HTTP answers; being asked for a login (401) is an answer, a failing proxy is none."""
    try:
        with urllib.request.urlopen(url, timeout=seconds):
            return True
    except urllib.error.HTTPError as reply:
        return reply.code in (401, 404)
    except (OSError, ValueError):
        return False


def main() -> None:
    """Ask in a thread: looking up a name knows no time limit."""
    parser = argparse.ArgumentParser(description="Exit 0 if a URL's host answers.")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("url")
    options = parser.parse_args()
    found: list[bool] = []
    asking = threading.Thread(target=lambda: found.append(answers(options.url, options.seconds)), daemon=True)
    asking.start()
    asking.join(options.seconds)
    os._exit(0 if any(found) else 1)


if __name__ == "__main__":
    main()
