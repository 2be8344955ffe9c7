#!/bin/sh
# Makes the root of a Debian 13 with its launchers (Slurm 24.11, Open MPI 5.0, PMIx 5, MPICH 4.2, Python 3.13), for beds of
# another generation than this machine's, and prints its path. Made once, below /var/cache: a checkout comes and goes.
#
# Where it cannot be had (not root, no debootstrap, no mirror) it says so in one line, and exits with status 77, which test
# harnesses read as "skipped".
set -eu

root=${PYTHON_MPI_DEBIAN13:-/var/cache/python-mpi/debian-13}

skip() {
  echo "install-debian13.sh: $1" >&2
  exit 77
}

# The mirror that this machine's own packages come from.
mirror() {
  # shellcheck disable=SC2016 # the format of apt-get
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1
}

inside() {
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

if [ ! -e "$root/complete" ]; then
  [ "$(id -u)" -eq 0 ] || skip 'not root'
  command -v debootstrap >/dev/null || apt-get install --yes --quiet=2 -o Dpkg::Use-Pty=0 debootstrap >&2 ||
    skip 'no debootstrap here'
  mkdir -p "$(dirname "$root")"
  exec 9<"$(dirname "$root")"
  flock 9
fi
if [ ! -e "$root/complete" ]; then
  rm -rf --one-file-system "$root"
  echo "making a Debian 13 in $root" >&2
  from=$(mirror)
  debootstrap --variant=minbase --include=ca-certificates trixie "$root" "${from:-http://deb.debian.org/debian}" >&2 ||
    skip 'debootstrap of trixie failed'
  # No daemon starts at its installation.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 0755 "$root/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  inside apt-get install --yes --quiet=2 -o Dpkg::Use-Pty=0 --no-install-recommends iproute2 procps munge slurmctld slurmd \
    slurm-client slurm-wlm-basic-plugins mpich openmpi-bin libpmix-dev python3 \
    python3-numpy python3-mpi4py >&2 || skip 'the packages of trixie cannot be had'
  inside apt-get clean
  touch "$root/complete"
fi
echo "$root"
