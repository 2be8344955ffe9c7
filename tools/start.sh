#!/bin/sh
# Finds a Node that is new enough and becomes the program of this name. The build makes bin/ of this
# file, tools/start.js and the table of src/pmi/rank-variables.ts, see tools/assemble.ts.
#
# Every rank of a job runs this, so each look-up on the shared file system counts: where all is in
# place there is one for the pinned Node, and one more by Node for the program. A variable that the
# user exports arrives in Python as it is, so all of ours have names of their own, and none is
# exported.
pm_self=$0
case $pm_self in */*) ;; *) pm_self=./$pm_self ;; esac
pm_rank=@RANK@ # The number of this rank, or 0.

fail() { # message
  # Every rank gets here with the same fault; the first one speaks for the job, in one line, whatever
  # a setting holds.
  [ "$pm_rank" != 0 ] ||
    printf '%s\n' "$(printf '%s' "${pm_self##*/}: $1 [NO_RUNTIME]" | tr '[:cntrl:]' ' ')" >&2
  exit 79
}

# new_enough NODE: at least 22.15, the first with zstd and execve.
new_enough() {
  pm_version=$("$1" --version 2>/dev/null) || return 1
  pm_version=${pm_version#v} pm_major=${pm_version%%.*} pm_minor=${pm_version#*.} pm_minor=${pm_minor%%.*}
  [ "$pm_major" -gt 22 ] 2>/dev/null || { [ "$pm_major" = 22 ] && [ "$pm_minor" -ge 15 ]; } 2>/dev/null
}

# Sets pm_home, and pm_node to the one that npm has put below or beside it. That one needs the loader
# of its architecture.
pinned() {
  pm_home=${pm_self%/*}/.. pm_arch=arm64
  [ ! -e /lib64/ld-linux-x86-64.so.2 ] || pm_arch=x64
  for pm_node in "$pm_home/node_modules/node-linux-$pm_arch" "$pm_home/../node-linux-$pm_arch"; do
    pm_node=$pm_node/bin/node
    [ ! -x "$pm_node" ] || return 0
  done
  # Through a symlink we were called somewhere else. `readlink -f` would look at each directory.
  [ -L "$pm_self" ] && pm_link=$(readlink -- "$pm_self") || return 1
  case $pm_link in
    /*) pm_self=$pm_link ;;
    *) pm_self=${pm_self%/*}/$pm_link ;;
  esac
  pinned
}

# Node reserves addresses that it never uses; with fewer it ends in a crash.
# shellcheck disable=SC3045 # every sh of a Linux has it
pm_addresses=$(ulimit -v)
[ "$pm_addresses" = unlimited ] || [ "$pm_addresses" -ge 6000000 ] ||
  fail "the address space is limited to $((pm_addresses / 1000)) MB on $(uname -n) where Node needs 6000; raise the limit (ulimit -v)"

pm_libraries=${LD_LIBRARY_PATH+=$LD_LIBRARY_PATH} pm_arenas=${MALLOC_ARENA_MAX+=$MALLOC_ARENA_MAX}
if [ -n "$PYTHON_MPI_NODE" ]; then
  pinned
  pm_node=$PYTHON_MPI_NODE
  new_enough "$pm_node" ||
    fail "PYTHON_MPI_NODE=$pm_node is not a Node of 22.15 or later; unset it or name one that is"
elif pinned; then
  # It needs nothing from there, and would look for each of its libraries in each directory. (Where
  # it does need something, PYTHON_MPI_NODE can name it.)
  unset LD_LIBRARY_PATH
else
  pm_node=node
  new_enough node ||
    fail "no Node of 22.15 or later here; run 'npm install' in $pm_home or set PYTHON_MPI_NODE"
fi

# What Node runs: tools/start.js. Given the program itself, Node would look at every directory above.
# shellcheck disable=SC2016 # nothing in it is for this shell
pm_load='@START@'
# The limit spares Node a look-up of its own file, and is far above what our programs need. Its
# threads work for one another, so arenas of their own would only be memory that a leader keeps.
export MALLOC_ARENA_MAX=1
set -- "$pm_node" --disable-warning=ExperimentalWarning --max-old-space-size=2000 -e "$pm_load" -- \
  "$pm_home/dist/bin/${pm_self##*/}.cjs" "$pm_rank" "$pm_self" "$pm_libraries" "$pm_arenas" "$@"

# Node marks the lowest descriptors as not to be inherited by the Python that a rank becomes. Slurm's
# connection can be moved out of the way by bash; sh knows no number of two digits. (Under other
# launchers a parent stays, and hands it on.)
case ${SLURM_STEP_ID+$PMI_FD} in
  ? | 1[0-6])
    # shellcheck disable=SC2016 # for bash to expand
    pm_move='{ exec 40<&"$PMI_FD"; } 2>/dev/null && PMI_FD=40; exec "$@"'
    [ ! -x /bin/bash ] || set -- /bin/bash --norc -pc "$pm_move" bash "$@"
    ;;
esac
exec "$@"
