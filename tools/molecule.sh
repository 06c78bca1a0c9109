#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs one Molecule scenario, with the node that tools/images built; leaves no node behind, whatever happens.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
scenario=$1
docker load --quiet --input .cache/images/node.tar
trap 'molecule destroy --scenario-name "$scenario"; exit 1' INT TERM
molecule test --scenario-name "$scenario"
