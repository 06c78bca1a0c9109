# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a list of images, all of it at once."""

from __future__ import annotations

import typing as t

from ..errors import RegistryError


class Problem(t.NamedTuple):
    """One thing that is wrong; ``where`` is the entry or line that it stands in."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class BadList(RegistryError):
    """A list that cannot be meant so. Nothing was written."""

    def __init__(self, problems: t.Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        number = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "".join(f"\n- {problem}" for problem in problems)
        super().__init__(f"the list of images has {number}, and nothing was copied:{lines}")

    def as_dict(self) -> dict[str, object]:
        """Return the failure as plain values, for a module's result."""
        listed = [{"where": problem.where, "message": problem.message} for problem in self.problems]
        return {**super().as_dict(), "problems": listed}
