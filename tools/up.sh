#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Ends with a running registry that has been pushed to and pulled from. Arguments go on to ansible-playbook.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
tools/setup.sh runtime
archives=$root/.cache/images

seed() { printf '{"name": "library/%s:latest", "source": "%s"}' "$1" "$2"; }

seeds() { printf '{"registry_seed_images": [%s, %s]}' "$(seed hello-world "$1")" "$(seed nginx "$2")"; }

build() { .venv/bin/python tools/images/build.py "$@"; }

if .venv/bin/python tools/answers.py https://registry-1.docker.io/v2/; then
    say "Docker Hub answers: images come from there (nginx for all its platforms is about half a gigabyte)."
    vars=(-e "$(seeds docker://docker.io/library/hello-world:latest docker://docker.io/library/nginx:latest)")
else
    say "Docker Hub does not answer within 4 s: images are built from packages (seconds; the first time up to 5 minutes)."
    image=registry:3
    archive=registry-3
    if { command -v go || [ -x /usr/local/go/bin/go ]; } >/dev/null && build registry-3; then
        :
    elif [ -f "$archives/registry-3.tar" ]; then
        say "Registry 3 stays the one that was built before."
    else
        say "Registry 3 would have to be compiled with Go; it is registry 2.8 then, from this system's packages."
        say "For registry 3, install Go and run this again."
        image=registry:2
        archive=registry-2
        build registry-2
    fi
    build nginx hello-world
    vars=(-e "registry_image=$image" -e "registry_image_archive=$archives/$archive.tar"
        -e "$(seeds "docker-archive:$archives/hello-world.tar" "oci-archive:$archives/nginx.tar:nginx:latest")")
fi

say "Running the play (the first time 1 to 2 minutes, if there is no Docker Engine yet)"
exec tools/play.sh "${vars[@]}" "$@"
