# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing what a list of images takes, by a few threads: each thing as soon as all it needs is there."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import operator
import threading
import typing as t

from ..client import RegistryClient
from ..errors import RegistryError, ResponseError
from ..media_types import Manifest
from ..referrers import add_to_fallback
from ..source import ImageSource
from ..streams import CountingReader, Readable
from ..uploads import Upload
from .meter import Kind, Meter
from .patience import Patience
from .planning import WORTH_A_REQUEST
from .works import Blob, Place, Works, Write

THREADS = 4
"""Large blobs on their way at a time: more is not faster, the receiving registry hashes each with one core."""

SMALL = 256 * 1024
"""Bytes up to which a blob is small: it takes the time of the way rather than that of its bytes."""

_SOON = 64
"""Tasks that are ready at a time, of each kind: more than there are threads."""

Task = t.Callable[[], None]

Entry = t.Tuple[t.Tuple[int, int], int, Task]
"""A task with its priority, the kind of task and its size, and its number."""


_MANIFEST, _LINK, _BLOB = range(3)


class Stopped(RegistryError):
    """The copy was stopped, and this is not why."""


class Runner:
    """Does all that :class:`Works` holds; failures are left in them."""

    def __init__(
        self,
        client: RegistryClient,
        works: Works,
        meter: Meter,
        patience: Patience,
        *,
        threads: int = THREADS,
    ) -> None:
        self._client = client
        self._home = client.origin.authority
        self._works = works
        self._meter = meter
        self._patience = patience
        self._threads = threads
        self._changed = threading.Condition()
        # What is quick, in the order of its priority, and large blobs, the largest first.
        self._quick: list[Entry] = []
        self._large: list[Entry] = []
        # Blobs that are neither yet, what is next at the end: a task takes ten times the room.
        self._later_quick: list[Blob] = []
        self._later_large: list[Blob] = []
        self._numbers = itertools.count()
        self._running = 0
        self._broken: BaseException | None = None
        self._fallbacks = threading.Lock()

    def run(self) -> None:
        """Write everything. Returns when nothing more can be done; images that failed have their error then.

        :raises BaseException: what no image can be blamed for.
        """
        with self._changed:
            blobs = sorted(self._works.blobs.values(), key=operator.attrgetter("size"))
            self._later_large = [blob for blob in blobs if blob.size > SMALL and not blob.holder]
            self._later_quick = [blob for blob in blobs if blob.size <= SMALL and not blob.holder]
            self._later_quick += [blob for blob in blobs if blob.holder]
            for write in (*self._works.writes, *self._works.tags):
                self._release(write)
        # As many threads again do what is quick, so that what waits for the way does not wait for large blobs, too.
        threads = [
            threading.Thread(target=self._work, args=(takes_large,), daemon=True)
            for takes_large in (True, False)
            for _number in range(self._threads)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException as error:
            self._stop(error)
            raise
        if self._broken:
            raise self._broken

    def foretell(self, place: Place) -> Kind:
        """Return how the first place of a blob will get it; writes nothing."""
        if self._client.head_blob(place.repository, place.blob.digest):
            return "existing"
        return "mounted" if self._elsewhere(place) else "uploaded"

    def _stop(self, error: BaseException) -> None:
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify_all()

    def _work(self, takes_large: bool) -> None:
        """Do what is ready until nothing is, and nothing that runs can make anything ready."""
        while True:
            with self._changed:
                task = self._next(takes_large)
                while task is None and (self._running or self._quick or self._large) and not self._broken:
                    self._changed.wait()
                    task = self._next(takes_large)
                if task is None or self._broken:
                    self._changed.notify_all()
                    return
                self._running += 1
            try:
                task()
            except BaseException as error:  # pylint: disable=broad-exception-caught
                self._stop(error)  # a fault of ours, which the main thread raises
            finally:
                with self._changed:
                    self._running -= 1
                    if not self._running:
                        self._changed.notify_all()

    def _next(self, takes_large: bool) -> Task | None:
        """Take what is to be done next. The lock is held."""
        for some, later in ((self._quick, self._later_quick), (self._large, self._later_large)):
            while later and len(some) < _SOON:
                self._begin(later.pop())
        ends_something = bool(self._quick) and self._quick[0][0][0] < _BLOB
        ready = self._large if takes_large and self._large and not ends_something else self._quick
        return heapq.heappop(ready)[2] if ready else None

    def _push(self, kind: int, size: int, task: Task) -> None:
        """Have a task done: manifests first, which end images, then links, then blobs, the largest first."""
        heapq.heappush(self._large if size > SMALL else self._quick, ((kind, -size), next(self._numbers), task))
        self._changed.notify_all()

    # What follows up to the tasks is called with the lock held.

    def _begin(self, blob: Blob) -> None:
        """Have a blob brought: to all places by a link if the registry has it somewhere, else to one of them first."""
        places = [place for place in blob.places if not place.done and place.error is None and place.is_wanted]
        if blob.holder:
            for place in places:
                if place.repository == blob.holder:
                    self._meter.settle("existing", blob.size)
                    self._finish(place)
                    continue
                self._push(_LINK, 0, lambda place=place: self._bring(place))  # type: ignore[misc]
        elif places:
            self._push(_BLOB, blob.size, lambda: self._bring(places[0]))
        else:
            self._meter.drop(blob.size)

    def _release(self, write: Write) -> None:
        if write.waiting == 0 and not write.queued and write.error is None:
            write.queued = True
            self._push(_MANIFEST, 0, lambda: self._put(write))

    def _finish(self, done: Place | Write) -> None:
        done.done = True
        for user in done.users:
            user.waiting -= 1
            self._release(user)

    def _fail(self, failed: Place | Write, error: RegistryError) -> None:
        """Fail all that needs something, up to the images."""
        if failed.error is not None or failed.done:
            return
        failed.error = error
        if isinstance(failed, Write) and failed.job and failed.job.error is None:
            failed.job.fail(error)
            self._meter.end(failed=True)
        for user in failed.users:
            self._fail(user, error)

    # Tasks. The lock is not held.

    def _bring(self, place: Place) -> None:
        """Bring a blob to a place, and then see to its other places."""
        blob, first = place.blob, not place.blob.holder
        try:
            if place.is_wanted:
                kind = self._link_or_send(place)
                self._meter.settle(kind, blob.size, planned=first)
                with self._changed:
                    self._finish(place)
                    blob.holder = blob.holder or place.repository
        except RegistryError as error:
            with self._changed:
                self._fail(place, error)
        if first:
            with self._changed:
                self._begin(blob) if blob.holder or _has_more(blob, place) else self._meter.drop(blob.size)

    def _link_or_send(self, place: Place) -> Kind:
        """Have the registry link the blob, or send it.

        A registry that cannot link opens an upload instead, so asking costs nothing: even of the blob's own repository,
        which may have it of another tag, or of a run that was cut off.
        """
        blob = place.blob
        opened: list[Upload] = []
        if blob.holder or blob.digest not in self._works.absent:
            linked, upload = self._patience.run([self._home], lambda: self._link(place))
            if upload is None:
                return linked
            opened.append(upload)
        last: RegistryError | None = None
        for source in list(blob.sources):
            try:
                self._patience.run(
                    [self._home, *_hosts(source)],
                    lambda source=source: self._client.upload_blob(  # type: ignore[misc]
                        place.repository,
                        blob.descriptor,
                        lambda: self._metered(source, place),
                        upload=opened.pop() if opened else None,
                    ),
                )
            except RegistryError as error:
                last = last or error
            else:
                return "uploaded"
        raise t.cast(RegistryError, last)

    def _link(self, place: Place) -> tuple[Kind, Upload | None]:
        """Have the registry link a blob, and return how it came there; if it cannot, an upload that is open now."""
        blob = place.blob
        upload = self._client.mount_blob(place.repository, blob.digest, blob.holder or place.repository)
        if blob.holder or upload is None:
            return ("mounted" if blob.holder not in ("", place.repository) else "existing"), upload
        other = self._elsewhere(place)
        if other:
            with contextlib.suppress(RegistryError):
                upload.cancel()  # if that fails, the registry gives it up in time
            upload = self._client.mount_blob(place.repository, blob.digest, other)
        return "mounted", upload

    def _elsewhere(self, place: Place) -> str:
        """Return another repository of the list that has the blob of another tag already, empty if none has."""
        blob = place.blob
        if blob.size < WORTH_A_REQUEST:
            return ""
        for other in blob.places:
            if other is not place and other.repository in self._works.existing:
                if self._client.head_blob(other.repository, blob.digest):
                    return other.repository
        return ""

    def _metered(self, source: ImageSource, place: Place) -> Readable:
        def count(size: int) -> None:
            if self._broken or not place.is_wanted:
                raise Stopped("the copy was stopped, because another part of the image failed.")
            self._meter.move(size)

        return CountingReader(source.open_blob(place.blob.descriptor), count)

    def _put(self, write: Write) -> None:
        try:
            if not write.is_wanted:
                return
            self._patience.run([self._home], lambda: self._put_whole(write))
        except RegistryError as error:
            with self._changed:
                self._fail(write, error)
            return
        with self._changed:
            self._finish(write)
        if write.job:
            write.job.done = True
            self._meter.end(failed=False)

    def _put_whole(self, write: Write) -> None:
        """Put a manifest. If the registry says that it lacks a part, see to each part once, without trusting a link."""
        try:
            self._put_manifest(write.repository, write.manifest, write.reference)
        except ResponseError as error:
            if not {"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"}.intersection(error.codes):
                raise
            self._mend(write)
            self._put_manifest(write.repository, write.manifest, write.reference)

    def _put_manifest(self, repository: str, manifest: Manifest, reference: str) -> None:
        if not self._client.put_manifest(repository, reference, manifest):
            # The list of referrers is read, changed and written.
            with self._fallbacks:
                add_to_fallback(self._client, repository, manifest)

    def _mend(self, write: Write) -> None:
        for need in write.needs:
            if isinstance(need, Write):
                if self._client.head_manifest(need.repository, need.manifest.digest) is None:
                    self._mend(need)
                    self._put_manifest(need.repository, need.manifest, need.manifest.digest)
            elif not self._client.head_blob(need.repository, need.blob.digest):
                source = need.blob.sources[0]
                self._client.upload_blob(
                    need.repository,
                    need.blob.descriptor,
                    lambda source=source, need=need: self._metered(source, need),  # type: ignore[misc]
                )


def _has_more(blob: Blob, place: Place) -> bool:
    return any(other is not place and other.error is None and not other.done for other in blob.places)


def _hosts(source: ImageSource) -> list[str]:
    registry = source.place()[0]
    return [registry] if registry else []
