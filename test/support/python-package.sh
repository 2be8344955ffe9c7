#!/bin/sh
# Packs the machine's own Python as users would pack theirs, a prefix with interpreter, standard library, numpy, and an
# mpi4py that works under MPICH, and prints the tarball's path. Made once per set of versions, below build/.
#
# Debian's mpi4py speaks only Open MPI. PyPI's wheels carry an extension for each family of MPI and look for libmpi.so.12,
# MPICH's name for itself by which Debian does not install it; hence the link in lib/.
set -eu

mpi4py=4.1.2
python=/usr/bin/python3
version=$($python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
name=$($python -c 'import numpy, platform; print(f"python-{platform.python_version()}-numpy-{numpy.__version__}")')
build=$(dirname "$(readlink -f "$0")")/../../build
package=$build/$name-mpi4py-$mpi4py.tar.gz

if [ ! -e "$package" ]; then
  prefix=$(mkdir -p "$build" && mktemp -d "$build/prefix-XXXXXX")
  trap 'rm -rf "$prefix" "$package.$$"' EXIT
  chmod 0755 "$prefix"
  libraries=$prefix/lib/python3/dist-packages # where a Debian Python looks, below any prefix
  mkdir -p "$prefix/bin" "$libraries"
  cp "$(readlink -f $python)" "$prefix/bin/python$version"
  ln -s "python$version" "$prefix/bin/python3"
  cp -a "/usr/lib/python$version" "$prefix/lib/"
  cp -a /usr/lib/python3/dist-packages/numpy "$libraries/"
  ln -s "$(/sbin/ldconfig -p | awk '/libmpich\.so\.12 /{print $NF}')" "$prefix/lib/libmpi.so.12"
  $python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --no-deps \
    --only-binary=:all: --target "$libraries" "mpi4py==$mpi4py" >&2
  tar -C "$prefix" -czf "$package.$$" --exclude=__pycache__ --exclude=tests --exclude='config-*' --exclude=ensurepip .
  mv "$package.$$" "$package"
fi
readlink -f "$package"
