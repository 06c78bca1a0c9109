#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command with DOCKYARD_REGISTRY_BINARIES set to the registries 2.8 and 3 out of the archives that were built.
set -euo pipefail
cd "$ROOT"
binaries=()
for major in 2 3; do
  python tools/extract.py ".cache/images/registry-$major.tar" "$PWD/.cache/registry-$major"
  binaries+=("$PWD/.cache/registry-$major/registry")
done
DOCKYARD_REGISTRY_BINARIES="${binaries[0]}:${binaries[1]}" PYTHONPATH=collections "$@"
