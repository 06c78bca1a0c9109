#!/bin/sh
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# hold.sh start PORT SECONDS: the first packet of each new connection to PORT on this host is dropped, so that a client sends
# it again in a second instead of being refused; connections that there are go on. Prints the hold's name. It ends by itself
# after SECONDS, whatever becomes of the caller; `hold.sh stop PORT NAME` ends it before. Exit 3: nothing here can do that.
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

case $1 in
    start)
        name="dockyard-hold-$$"
        each --insert "$2" "$name" || exit 3
        # Not even the end of the caller's terminal ends this.
        (trap '' HUP; sleep "$3"; each --delete "$2" "$name") >/dev/null 2>&1 </dev/null &
        echo "$name"
        ;;
    stop) each --delete "$2" "$3" || exit 0 ;;
esac
