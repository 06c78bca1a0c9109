#!/bin/sh
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# pull.sh IMAGE LOG: pulls it again and again, a line in LOG each, until LOG.stop is there.
set -u
image=$1
while [ ! -e "$2.stop" ]; do
    if said=$(docker pull --quiet "$image" 2>&1); then echo "pulled"; else echo "failed: $said"; fi >>"$2"
    docker rmi "$image" >/dev/null 2>&1
done
echo "ended" >>"$2"
