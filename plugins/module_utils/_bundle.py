# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of bundles share: an image as values, and the line that says how far they are.

Private to this collection: it may change with any release.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import shown_size, shown_time
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.documents import Bundled
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.reading import Count
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress


def described(image: Bundled, path: str) -> dict[str, t.Any]:
    """Return an image of a bundle as a module's result has it."""
    details = dataclasses.asdict(image.image.details)
    return {
        "name": str(image.target),
        "source": f"oci-archive:{path}:{image.target}",
        "reference": image.full,
        **details,
        "platforms": list(details["platforms"]),
        "loadable": image.loadable,
    }


@contextlib.contextmanager
def watched(module: AnsibleModule, what: str, size: int) -> t.Iterator[Count]:
    """Return what counts bytes while the block runs, and have the module's progress file say how far it is.

    :param what: what is done, for the line.
    :param size: the bytes there are.
    """
    lock, began, done = threading.Lock(), time.monotonic(), 0
    try:
        progress = Progress(module.params["progress_file"])
    except OSError as error:
        raise InvalidSettings(f"progress_file cannot be made: {error.strerror or error}.") from error

    def count(more: int) -> None:
        nonlocal done
        with lock:
            done += more
            seconds = time.monotonic() - began
            parts = [f"{what}: {shown_size(done)} of {shown_size(size)}"]
            if seconds > 0 and done:
                parts += [f"{shown_size(done / seconds)}/s", f"{shown_time((size - done) * seconds / done)} left"]
        progress.report(", ".join(parts))

    with progress:
        yield count
