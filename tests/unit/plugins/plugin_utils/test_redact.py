# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A diff shows what changes and no secret."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.plugin_utils.redact import redact


@pytest.mark.parametrize(
    "line",
    [
        "  secret: hush",
        "  password: hush",
        "accesskey: hush",
        "    secretkey: 'hush: hush'",
        '"client_secret": "hush"',
        "- accountkey: hush",
        "alice:$2y$05$hush",
    ],
)
def test_hidden(line):
    assert "hush" not in redact(line + "\n")
    assert "(hidden)" in redact(line + "\n")


def test_other_lines_stay():
    text = "http:\n  addr: :5000\nauth:\n  htpasswd:\n    realm: r\n"
    assert redact(text) == text


def test_a_change_shows_as_one():
    assert redact("secret: a\n", "secret: b\n") == "secret: (hidden, differs)\n"
    assert redact("secret: a\n", "secret: a\n") == "secret: (hidden)\n"
    assert redact("alice:$2y$05$a\n", "alice:$2y$05$b\n") == "alice:(hidden, differs)\n"
