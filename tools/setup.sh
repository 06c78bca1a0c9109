#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the virtual environments; does nothing where they are up to date.
#
#   tools/setup.sh runtime     .venv: what `make up` needs
#   tools/setup.sh dev         .venv: what the checks need, too; shellcheck and skopeo by apt
#   tools/setup.sh importer    .venv-importer: galaxy-importer
#   tools/setup.sh oldest      .venv-oldest: the oldest ansible-core, for its units; exit 3 if there is no other Python
#   tools/setup.sh host        .venv-host: the oldest Python of managed hosts, for the client's units; exit 3 likewise
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

# Every Python of a version that can be found; a pyenv shim is listed, too, and may not run.
pythons() {
    local version
    for version in "$@"; do
        type -ap "python$version" || continue
    done
    for version in "$@"; do
        compgen -G "$HOME/.pyenv/versions/$version.*/bin/python$version" || continue
    done
}

# first_python VERSION...: the first one that runs and can make virtual environments; fails if there is none.
first_python() {
    local version candidate
    for version in "$@"; do
        while read -r candidate; do
            if "$candidate" -c "import ensurepip, ssl, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" \
                >/dev/null 2>&1; then
                printf '%s\n' "$candidate"
                return
            fi
        done < <(pythons "$version" && type -ap python3)
    done
    return 1
}

# make_venv FOLDER VERSION...: an empty one, unless there is one that works.
make_venv() {
    local folder=$1 python
    shift
    if [ -x "$folder/bin/python" ] && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    if ! python=$(first_python "$@"); then
        apt_install python3-venv
        python=$(first_python "$@") || fail "no Python of $* that can make virtual environments; install one of them"
    fi
    rm -rf "$folder"
    quietly "venv-$folder" "$folder: making it with $("$python" --version) (5 s)" "$python" -m venv "$folder"
}

pip_install() {
    local folder=$1 text=$2
    shift 2
    quietly "pip-$folder" "$folder: $text" \
        "$folder/bin/python" -m pip install --disable-pip-version-check --no-input -c constraints.txt "$@"
}

# The collections go to where ansible-core looks without being told: the environment's own site-packages.
collections() {
    local folder=$1 site wanted galaxy scratch
    site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    mapfile -t wanted < <(grep -v '^#' tools/collections.txt | grep .)
    galaxy=$("$folder/bin/python" -c 'from ansible import constants; print(constants.GALAXY_SERVER)')
    if "$folder/bin/python" tools/answers.py "$galaxy"; then
        say "$folder: collections from Galaxy (about 20 s)"
        if timeout 180 "$folder/bin/ansible-galaxy" collection install --force --collections-path "$site" "${wanted[@]}" \
            >"$logs/galaxy-$folder.log" 2>&1; then
            return
        fi
        say "$folder: Galaxy failed (see $logs/galaxy-$folder.log); another way:"
    fi
    scratch=$(mktemp -d "$root/.cache/wheel.XXXXXX")
    quietly "wheel-$folder" "$folder: collections from the package ansible (50 MB; 5 to 60 s)" \
        "$folder/bin/python" -m pip download --disable-pip-version-check --no-input --no-deps \
        -c constraints.txt --dest "$scratch" ansible
    "$folder/bin/python" tools/collections_from_wheel.py "$scratch"/ansible-*.whl "$site" "${wanted[@]%%:*}"
    rm -rf "$scratch"
}

# done_before FOLDER NAME FILE...: whether this was installed from these very files.
done_before() {
    local folder=$1 note=$1/.dockyard-$2
    shift 2
    [ -x "$folder/bin/python" ] && [ -f "$note" ] && [ "$(<"$note")" = "$(stamp "$@")" ]
}

note_done() {
    local note=$1/.dockyard-$2
    shift 2
    stamp "$@" >"$note"
}

setup_runtime() {
    local files=(requirements.txt constraints.txt tools/collections.txt)
    done_before .venv runtime "${files[@]}" && return
    make_venv .venv 3.13 3.12 3.11
    pip_install .venv "ansible-core and what it needs (10 to 60 s)" -r requirements.txt
    collections .venv
    note_done .venv runtime "${files[@]}"
}

setup_dev() {
    local files=(requirements.txt requirements-dev.txt constraints.txt)
    setup_runtime
    command -v shellcheck >/dev/null || apt_install shellcheck
    command -v skopeo >/dev/null || apt_install skopeo
    done_before .venv dev "${files[@]}" && return
    pip_install .venv "the tools for checks (30 to 120 s)" -r requirements.txt -r requirements-dev.txt
    note_done .venv dev "${files[@]}"
}

setup_importer() {
    local files=(tools/importer.txt constraints.txt)
    done_before .venv-importer importer "${files[@]}" && return
    make_venv .venv-importer 3.13 3.12 3.11
    pip_install .venv-importer "galaxy-importer (20 to 120 s)" -r tools/importer.txt
    note_done .venv-importer importer "${files[@]}"
}

setup_oldest() {
    local files=(requirements.txt tests/unit/requirements.txt constraints.txt tools/collections.txt)
    done_before .venv-oldest oldest "${files[@]}" && return
    setup_runtime
    if .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] > (3, 11))'; then
        say ".venv is of the oldest supported Python itself; the newer ansible-core needs Python 3.12 and is not tested here"
        exit 3
    fi
    if ! first_python 3.11 >/dev/null; then
        say "there is no Python 3.11 here, which the oldest supported ansible-core is tested with"
        exit 3
    fi
    make_venv .venv-oldest 3.11
    pip_install .venv-oldest "ansible-core 2.19 and pytest (20 to 60 s)" \
        -r requirements.txt -r tests/unit/requirements.txt pytest pytest-xdist
    collections .venv-oldest
    note_done .venv-oldest oldest "${files[@]}"
}

setup_host() {
    local files=(tests/unit/requirements.txt constraints.txt)
    done_before .venv-host host "${files[@]}" && return
    if ! first_python 3.9 >/dev/null; then
        say "there is no Python 3.9 here, the oldest that modules run on"
        exit 3
    fi
    make_venv .venv-host 3.9
    pip_install .venv-host "pytest on Python 3.9 (10 to 40 s)" cryptography hypothesis pytest pytest-xdist PyYAML
    note_done .venv-host host "${files[@]}"
}

case ${1-} in
    runtime | dev | importer | oldest | host) ;;
    *) fail "usage: tools/setup.sh runtime | dev | importer | oldest | host" ;;
esac
mkdir -p "$logs"
# Two at once would write the same files.
exec 9>"$root/.cache/setup.lock"
if ! flock --nonblock 9; then
    say "waiting for another setup in this clone to end"
    flock 9
fi
"setup_$1"
