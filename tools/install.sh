#!/bin/sh
# Installs the Debian packages that a part of the project needs:
#
#     tools/install.sh GROUP...      make | npm | build | demo | lint | test | cluster | bench
#
# Asks dpkg first, so it is quick and silent when all is there. Where it may not install (not root, no apt)
# it says in one line what to install, and exits with status 77, which test harnesses read as "skipped".
# shellcheck disable=SC2086 # lists of packages are words
set -eu

# Unversioned names only, so that the next release of the distribution works too.
packages() {
  case $1 in
    make | npm) # what everything else begins with
      echo "$1" ;;
    build) # the engine's compiler, the starter's, and one for the program that generates constants
      echo emscripten gcc libc6-dev musl-tools ;;
    demo) # the Python that is packed
      echo python3 python3-numpy ;;
    lint) # what the linters from npm and PyPI leave out: shell, and C twice
      echo shellcheck python3-pip clang cppcheck ;;
    test) # C under sanitizers; a Python with libraries, and pip for an mpi4py that speaks MPICH; the launchers
      echo clang libclang-rt-dev strace
      echo libarchive-tools busybox zstd # the tars of others
      echo python3 libpython3-dev python3-pip python3-numpy python3-scipy
      echo fuse3 libfuse3-dev # the shared file system in a box
      packages lint
      packages cluster ;;
    cluster) # real launchers; libpmix-dev carries the unversioned libpmix.so that Slurm's pmix plugin loads
      echo iproute2 procps mpich libmpich-dev openmpi-bin libopenmpi-dev libpmix-dev
      echo munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins python3-mpi4py ;;
    bench) # what the peers of comparisons are made of
      echo libarchive-dev zstd ;;
    *)
      echo "install.sh: no group '$1'; there are: make npm build demo lint test cluster bench" >&2
      return 64 ;;
  esac
}

installed() {
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet=2 -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >&2
}

[ $# -gt 0 ] || set -- ''
wanted=$(for group; do packages "$group" || exit; done)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install.sh: no apt here; install what Debian calls:" $wanted >&2
  exit 77
fi
missing=$(for package in $wanted; do installed "$package" || echo "$package"; done)
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "install.sh: not root; run: sudo apt-get install --no-install-recommends" $missing >&2
  exit 77
fi
echo "installing" $missing >&2
apt install --no-install-recommends $missing || { apt update && apt install --no-install-recommends $missing; }
