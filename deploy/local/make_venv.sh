#!/usr/bin/env bash
# Makes the virtual environment named by $1 with exactly the packages of requirements-dev.lock, and the project itself.
set -euo pipefail
venv=$1
cd "$(dirname "$0")/../.."

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null && is_new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  echo "posthorn: Python 3.11 or newer is needed; found $(python3 --version 2>&1 || echo none)" >&2
  exit 1
}

# Debian keeps what `python3 -m venv` needs in a package of its own.
make_venv() {
  "$1" -m venv "$venv" >/dev/null 2>&1 && return
  package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $package with apt-get" >&2
    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y "$package" >/dev/null || true
    "$1" -m venv --clear "$venv" >/dev/null && return
  fi
  echo "posthorn: \`$1 -m venv\` does not work; install it first (Debian: apt-get install $package)" >&2
  exit 1
}

if ! is_new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  rm -rf "$venv"
  make_venv "$python"
fi
echo "installing the packages of requirements-dev.lock into $venv" >&2
"$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
