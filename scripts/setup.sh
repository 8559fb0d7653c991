#!/usr/bin/env bash
# Makes this machine ready: .venv from requirements.lock, and by apt what is missing of nginx and Prometheus; for the tests
# also sshd, PostgreSQL, Alertmanager, Chromium with fonts, and small tools. `setup.sh demo` leaves out what only they want.
# Silent and quick when there is nothing to do. With --lock it resolves requirements.lock anew instead.
# PYTHON=… chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*"; }
fail() { printf '%s\n' "setup: $*" >&2; exit 1; }

# Runs a command that may take long, and says every 15 s that it is still at it. The command is in the foreground, so that
# Ctrl-C reaches it.
TICKER=
patiently() { # what is going on, the command …
    local what=$1 answer=0
    shift
    ticker "$what" 2>/dev/null &
    TICKER=$!
    "$@" || answer=$?
    still
    return "$answer"
}

ticker() {
    local nap=0 waited=0
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    while :; do
        sleep 15 &
        nap=$!
        wait "$nap"
        waited=$((waited + 15))
        say "  still $1, ${waited} s so far"
    done
}

still() { # ends the ticker
    [ -z "$TICKER" ] && return
    kill "$TICKER" 2>/dev/null || true
    wait "$TICKER" 2>/dev/null || true
    TICKER=
}

quietly() { # the file its words go to, the command …
    local words=$1
    shift
    "$@" >>"$words" 2>&1 </dev/null
}

# ---- apt, said aloud before it happens

POLICY=/usr/sbin/policy-rc.d
OWN_POLICY=no
SUDO=()

become_root() { # what apt is wanted for
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null || fail "$1 must be installed, but this user is not root and there is no sudo." \
        "As root run: apt-get update && apt-get install --no-install-recommends $1 — then run this again."
    if [ -t 0 ]; then SUDO=(sudo); else SUDO=(sudo -n); fi
    "${SUDO[@]}" true || fail "$1 must be installed, but sudo refused." \
        "As root run: apt-get update && apt-get install --no-install-recommends $1 — then run this again."
}

# Debian starts a service when it installs one, unless this file says no. Ours says no only while this script lives,
# so that a script that was killed leaves nothing behind that matters.
forbid_services() { # packages
    if [ -e "$POLICY" ] && ! grep -q rollout-bot-setup "$POLICY"; then
        local answer=0
        "$POLICY" nginx start >/dev/null 2>&1 || answer=$?
        [ "$answer" -eq 101 ] && return
        fail "$POLICY exists and would let apt start system services, which this script must not do." \
            "Install these by hand and run this again: $1"
    fi
    printf '#!/bin/sh\n# rollout-bot-setup\n[ -d /proc/%s ] && exit 101\nexit 0\n' "$$" | "${SUDO[@]}" tee "$POLICY" >/dev/null
    OWN_POLICY=yes
    "${SUDO[@]}" chmod 755 "$POLICY"
}

allow_services() {
    if [ "$OWN_POLICY" = yes ]; then
        "${SUDO[@]}" rm -f "$POLICY"
        OWN_POLICY=no
    fi
}
# Debian's PostgreSQL makes a database cluster when it is installed, unless this says no. We want the programs alone.
CLUSTERS=/etc/postgresql-common/createcluster.d/rollout-bot-setup.conf
OWN_CLUSTERS=no

forbid_cluster() {
    "${SUDO[@]}" mkdir -p "${CLUSTERS%/*}"
    OWN_CLUSTERS=yes
    echo 'create_main_cluster = false' | "${SUDO[@]}" tee "$CLUSTERS" >/dev/null
}

tidy() {
    still
    allow_services
    if [ "$OWN_CLUSTERS" = yes ]; then
        "${SUDO[@]}" rm -f "$CLUSTERS"
        OWN_CLUSTERS=no
    fi
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

apt_quiet() {
    # NEEDRESTART_SUSPEND: Ubuntu would restart unrelated services after an install.
    patiently "at apt-get $1" quietly build/apt.log "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

apt_knows() {
    local package
    for package in "$@"; do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || return 1
    done
}

apt_install() { # packages, with the reason already said
    command -v apt-get >/dev/null || fail "this is not Debian or Ubuntu, so install by hand what gives you: $*"
    become_root "$*"
    forbid_services "$*"
    case " $* " in *" postgresql "*) forbid_cluster ;; esac
    if ! apt_knows "$@"; then
        say "apt does not know all of these yet: apt-get update"
        apt_quiet update || fail "apt-get update failed; see build/apt.log"
    fi
    if ! apt_quiet install --no-install-recommends "$@"; then
        say "that failed, perhaps from an old package list: apt-get update, and once more"
        apt_quiet update || fail "apt-get update failed; see build/apt.log"
        apt_quiet install --no-install-recommends "$@" || fail "apt could not install $*; see build/apt.log"
    fi
    tidy
}

have() { # a command, also where users without root do not look
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]
}

have_postgresql() { # Debian keeps the server's programs out of the path
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || have initdb
}

wanted_by_tests() { # adds to packages and units of its caller
    if ! have prometheus-alertmanager && ! have alertmanager; then
        packages+=(prometheus-alertmanager) units+=(prometheus-alertmanager.service)
        say "Alertmanager is missing: the tests let it post its alerts, and the benches race it"
    fi
    if ! have sshd; then
        packages+=(openssh-server) units+=(ssh.service ssh.socket)
        say "sshd is missing: the tests reach hosts through it, on loopback"
    fi
    if ! have_postgresql; then
        packages+=(postgresql) units+=(postgresql.service)
        say "PostgreSQL is missing: the tests run one of their own, in a temporary folder, and make no other cluster"
    fi
    if ! have curl; then
        packages+=(curl)
        say "curl is missing: the tests ask servers with it"
    fi
    if ! have busybox; then
        packages+=(busybox)
        say "busybox is missing: the tests run the host program in its shell too"
    fi
    if ! have pgrep; then
        packages+=(procps)
        say "ps and pgrep are missing: the tests look for left-over processes with them"
    fi
    if ! have busybox; then
        packages+=(busybox)
        say "busybox is missing: the tests run the host program in its shell too"
    fi
    if ! have sudo; then
        packages+=(sudo)
        say "sudo is missing: the tests set up a host with the least rights, which is one line for sudo"
    fi
    if ! have chromium && ! have chromium-browser; then
        packages+=(chromium)
        say "Chromium is missing: the tests drive the demo's page with it"
    fi
    local font
    for font in fonts-noto-cjk fonts-noto-color-emoji; do
        if ! dpkg-query -W -f '${Status}' "$font" 2>/dev/null | grep -q ' installed'; then
            packages+=("$font")
            say "$font is missing: without it a picture of the page has boxes for Chinese or emoji"
        fi
    done
}

system_packages() { # demo | all
    local packages=() units=()
    if ! have nginx; then
        packages+=(nginx-light) units+=(nginx.service)
        say "nginx is missing: the demo and the tests run it as the load balancers"
    fi
    if ! have prometheus; then
        packages+=(prometheus) units+=(prometheus.service)
        say "Prometheus is missing: the demo and the tests measure with it"
    fi
    [ "$1" = demo ] || wanted_by_tests
    [ ${#packages[@]} -eq 0 ] && return
    say "installing by apt: ${packages[*]}"
    [ ${#units[@]} -gt 0 ] && say "their system services will be neither started nor enabled: ${units[*]}"
    apt_install "${packages[@]}"
    [ ${#units[@]} -gt 0 ] && command -v systemctl >/dev/null && disable_units "${units[@]}"
    return 0
}

disable_units() {
    local unit
    for unit in "$@"; do
        "${SUDO[@]}" systemctl disable "$unit" >>build/apt.log 2>&1 || true # not every release has every unit
    done
}

# ---- Python

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        recent "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer."
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && recent "$candidate"; then
            PYTHON=$candidate
            return
        fi
    done
    if command -v python3 >/dev/null; then
        fail "Python 3.11 or newer is needed, and python3 here is $(python3 -V 2>&1 | cut -d' ' -f2)." \
            "Install a newer one (for instance: apt-get install python3.11 python3.11-venv) and run this again."
    fi
    say "python3 is missing; installing by apt: python3 python3-venv"
    apt_install python3 python3-venv
    recent python3 || fail "Python 3.11 or newer is needed, and apt has only $(python3 -V 2>&1 | cut -d' ' -f2)."
    PYTHON=python3
}

venv_module() {
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null && return
    local package
    package="python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    say "this Python has no venv module; installing by apt: $package"
    apt_install "$package"
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || fail "$PYTHON still has no venv module; install $package by hand."
}

PIP=(-m pip --disable-pip-version-check --quiet --no-input)

pip_quiet() {
    : >build/pip.log
    if ! patiently "installing packages" quietly build/pip.log .venv/bin/python "${PIP[@]}" "$@"; then
        tail -n 20 build/pip.log >&2
        fail "pip $* failed; its words are above and in build/pip.log"
    fi
}

virtual_environment() {
    local stamp=.venv/stamp want
    want=$(cat requirements.lock pyproject.toml | sha256sum | cut -d' ' -f1)
    # An interpreter that was upgraded away or a folder that was moved leaves a .venv that no longer runs.
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want $PWD" ] && .venv/bin/python -c '' 2>/dev/null; then
        return
    fi
    find_python
    if ! { .venv/bin/python -c '' 2>/dev/null && recent .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
        venv_module
        say "making .venv with $("$PYTHON" -V 2>&1)"
        "$PYTHON" -m venv --clear .venv
    fi
    say "installing the $(grep -c '^[a-z]' requirements.lock) locked Python packages into .venv; this takes a minute or two"
    pip_quiet install --require-hashes -r requirements.lock
    pip_quiet install --no-deps -e .
    printf '%s' "$want $PWD" >"$stamp"
}

# Its own environment: the resolver is a tool of the maintainer, not a dependency of the project.
resolve() {
    find_python
    venv_module
    [ -x build/lock/bin/python ] || "$PYTHON" -m venv build/lock
    build/lock/bin/python "${PIP[@]}" install --upgrade uv >build/pip.log 2>&1 </dev/null \
        || fail "uv could not be installed; see build/pip.log"
    say "resolving requirements.lock"
    # --universal: one file for every Python and machine; no index address in it, since each has its own.
    build/lock/bin/uv pip compile --quiet --upgrade --extra dev --generate-hashes --universal --python-version 3.11 \
        --no-header --no-annotate --no-emit-index-url pyproject.toml --output-file requirements.lock \
        || fail "requirements.lock could not be resolved"
}

mkdir -p build
# Two at once would write into the same .venv; the second waits, and then finds it done.
exec 9>build/setup.lock
if command -v flock >/dev/null; then flock 9; fi

if [ "${1:-}" = --lock ]; then
    resolve
else
    virtual_environment
    system_packages "${1:-all}"
fi
