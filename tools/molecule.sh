#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs one Molecule scenario, with the node that tools/images built or the hosts of tools/hosts; leaves none behind, whatever happens.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
scenario=$1

kind=hosts
if grep -q dockyard-node "molecule/$scenario/molecule.yml"; then kind=nodes; fi

# Names are the same in every clone on this machine, and one engine, or one kernel, can have a name only once.
exec 8>"${TMPDIR:-/tmp}/dockyard-molecule-$kind-$(id -u).lock"
if ! flock --nonblock 8; then
    say "waiting for a scenario of another run on this machine to end"
    flock 8
fi

if [ "$kind" = nodes ]; then
    docker load --quiet --input .cache/images/node.tar
else
    python tools/hosts/hosts.py base
fi
trap 'molecule --base-config .config/molecule/config.yml destroy --scenario-name "$scenario"; exit 1' INT TERM
molecule --base-config .config/molecule/config.yml test --scenario-name "$scenario"
