# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks web servers in turn, and counts the answers that were none.

    steady_requests.py LOG PAUSE URL...    with a pause of so many seconds after each

Until it is ended; then LOG has {"sent": ..., "failed": ..., "pages": {...}, "problems": [...]}.
`pages` counts the answers by their first line with text between tags, so that it shows which version answered.
"""

from __future__ import annotations

import collections
import json
import re
import signal
import sys
import time
import urllib.error
import urllib.request

TIMEOUT = 10  # seconds without an answer are a failure


def title(page: str) -> str:
    """A page's title."""
    found = re.search(r"<title>([^<]*)", page)
    return found.group(1).strip() if found else page[:60]


def main(log: str, pause: float, urls: list[str]) -> None:
    """Ask until SIGTERM."""
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    pages: collections.Counter[str] = collections.Counter()
    problems = []
    sent = 0
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while not ended:
        url = urls[sent % len(urls)]
        sent += 1
        began = time.monotonic()
        try:
            with opener.open(url, timeout=TIMEOUT) as answer:
                pages[title(answer.read().decode())] += 1
        except (OSError, urllib.error.HTTPError) as problem:
            problems.append(f"{time.strftime('%H:%M:%S')} {url} after {time.monotonic() - began:.1f} s: {problem}")
        time.sleep(pause)
    with open(log, "w", encoding="utf-8") as out:
        json.dump({"sent": sent, "failed": len(problems), "pages": pages, "problems": problems[:200]}, out)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
