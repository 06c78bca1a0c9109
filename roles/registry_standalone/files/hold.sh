#!/bin/sh
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# hold.sh start PORT SECONDS CONTAINER HEALTH...: the first packet of each new connection to PORT on this host is dropped, so that
# a client sends it again in a second instead of being refused; connections that there are go on. Prints the hold's name. It ends
# by itself as soon as CONTAINER has been started anew and the command HEALTH succeeds in it, or after SECONDS, whatever becomes
# of the caller. Exit 3: nothing here can do that.
# hold.sh stop PORT NAME: ends the hold, but gives it five seconds to end by itself.
set -u
LC_ALL=C
export LC_ALL

each() {
    done=1
    for command in iptables ip6tables; do
        if command -v "$command" >/dev/null 2>&1 && "$command" --wait 5 --table raw "$1" PREROUTING --protocol tcp \
            --destination-port "$2" --syn --match addrtype --dst-type LOCAL --match comment --comment "$3" --jump DROP 2>/dev/null
        then
            done=0
        fi
    done
    return "$done"
}

started() { docker inspect --format '{{if .State.Running}}{{.State.StartedAt}}{{end}}' "$1" 2>/dev/null; }

# watch SECONDS CONTAINER BEFORE HEALTH...
watch() {
    end=$(($(date +%s) + $1)) container=$2 before=$3
    shift 3
    while [ "$(date +%s)" -lt "$end" ]; do
        now=$(started "$container")
        if [ -n "$now" ] && [ "$now" != "$before" ] && docker exec "$container" "$@"; then return; fi
        sleep 0.1
    done
}

case $1 in
    start)
        port=$2 seconds=$3 container=$4
        shift 4
        name="dockyard-hold-$$"
        before=$(started "$container")
        each --insert "$port" "$name" || exit 3
        # Not even the end of the caller's terminal ends this.
        (trap '' HUP; watch "$seconds" "$container" "$before" "$@"; each --delete "$port" "$name") >/dev/null 2>&1 </dev/null &
        echo "$name"
        ;;
    stop)
        tries=50
        while [ "$tries" -gt 0 ] && each --check "$2" "$3"; do
            tries=$((tries - 1))
            sleep 0.1
        done
        each --delete "$2" "$3" || exit 0
        ;;
esac
