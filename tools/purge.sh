#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Removes the registry, its images, users and secrets, once its name has been typed; YES=1 needs no typing.
# Arguments go on to ansible-playbook.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

name=$(printf '%s\n' "$@" | sed -n 's/.*registry_name=\([^ ]*\).*/\1/p' | tail -n 1)
name=${name:-registry}
if [ "${YES-}" != 1 ]; then
    say "This removes the registry and every image in it, its users and its secrets. There is no way back."
    printf "Type the registry's name (%s) to go on: " "$name"
    read -r typed || typed=
    [ "$typed" = "$name" ] || fail "That is not its name: nothing was removed."
fi
exec tools/play.sh -e registry_state=absent -e registry_remove_data=true "$@"
