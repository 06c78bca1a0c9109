#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Gets what the comparison needs, as far as this machine gives it, and runs it. Arguments go on to bench/run.py.
# What is got stays in .cache/bench; what cannot be got is named and left out. All of this is told on stderr.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
cd "$root"
bench=$root/.cache/bench
mkdir -p "$bench/bin"

tools=(
    github.com/google/go-containerregistry/cmd/crane@v0.22.1
    github.com/regclient/regclient/cmd/regctl@v0.11.7
    github.com/regclient/regclient/cmd/regsync@v0.11.7
    oras.land/oras/cmd/oras@v1.3.6
)

install_go_tools() {
    local module name
    PATH=$PATH:/usr/local/go/bin
    for module in "${tools[@]}"; do
        name=${module%@*}
        name=${name##*/}
        [ -x "$bench/bin/$name" ] && continue
        if ! command -v go >/dev/null; then
            say "there is no Go here to build $name with"
            continue
        fi
        (quietly "bench-$name" "building $name (10 to 60 s)" \
            env CGO_ENABLED=0 GOBIN="$bench/bin" go install -trimpath "$module") || say "going on without $name"
    done
}

install_packages() {
    local name
    for name in skopeo wrk curl; do
        command -v "$name" >/dev/null || (apt_install "$name") || say "going on without $name"
    done
}

take_registries() {
    local major archive
    for major in 2 3; do
        archive=$root/.cache/images/registry-$major.tar
        if [ ! -f "$archive" ]; then
            (quietly "bench-registry-$major" "building registry $major (up to 5 minutes)" \
                .venv/bin/python tools/images/build.py "registry-$major") || say "going on without registry $major"
        fi
        if [ -f "$archive" ] && [ ! "$bench/registry-$major/registry" -nt "$archive" ]; then
            .venv/bin/python tools/extract.py "$archive" "$bench/registry-$major"
        fi
    done
}

plot_environment() {
    .venv/bin/python -m venv "$bench/plot" &&
        "$bench/plot/bin/pip" install --disable-pip-version-check --no-input "matplotlib>=3.8,<4"
}

make_plotter() {
    [ -f "$bench/plot/done" ] && return
    if (quietly bench-plot "matplotlib, for the plot (20 to 60 s)" plot_environment); then
        : >"$bench/plot/done"
    else
        say "going on without a plot"
    fi
}

{
    tools/setup.sh runtime
    install_packages
    install_go_tools
    take_registries
    [[ " $* " == *" --quick "* ]] || make_plotter
} >&2
export PATH=$root/.venv/bin:$PATH
exec .venv/bin/python bench/run.py "$@"
