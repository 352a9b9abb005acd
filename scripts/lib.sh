# What the scripts beside this file share. Read it with `.`, from the project's folder.

# A caller's habits for pip must not send packages elsewhere than into .venv.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIREMENT PIP_NO_DEPS PIP_REQUIRE_HASHES
export PIP_USER=0

say() { echo "medianote: $*" >&2; }

die() {
    say "$*"
    exit 1
}

# Runs a command as root: by being root, or by sudo where that asks no question.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Runs apt-get without a question, and without a word unless it fails.
quiet_apt_get() {
    log=$(mktemp)
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    return 1
}

has_apt_get() { command -v apt-get >/dev/null && as_root true; }

# Fetches the lists of Debian's or Ubuntu's packages. Does nothing on other systems.
update_packages() {
    if has_apt_get; then quiet_apt_get update || true; fi
}

# install_packages NAME…: Debian or Ubuntu packages, without a question. Fails where that is
# not possible (another system, no right to); the caller then says what is missing.
install_packages() {
    has_apt_get || return 1
    say "installing with apt-get: $*"
    update_packages
    quiet_apt_get install --yes --no-install-recommends "$@"
}
