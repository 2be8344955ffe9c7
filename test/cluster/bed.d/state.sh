# Where a bed keeps what it must remember. Sourced by the other parts; defines names, does nothing.
#
#     $BED_STATE/pids/head   first process of the head, as the machine numbers it
#     $BED_STATE/pids/n0     first process of n0, as the bed numbers it; absent once the node was killed
#     $BED_STATE/nodes       names of the nodes, one a line; written last, so its presence means "up"
#     $BED_STATE/hosts       /etc/hosts of every node
#     $BED_STATE/rsh         link to what launchers take for ssh: Open MPI splits the path of that at spaces
#     $BED_STATE/slurm       configuration, state and logs, when there is Slurm

# Not below /tmp or /dev/shm: every node has its own of these.
if [ "$(id -u)" -eq 0 ]; then BEDS=/run/python-mpi-bed; else BEDS=/var/tmp/python-mpi-bed.$(id -u); fi
: "${BED_STATE:=$BEDS/${BED:-bed}}"
BED_D=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
export BEDS BED_STATE BED_D

readonly SKIP=77

# Where the tools of networks and daemons are, which an ordinary user's shell may not look.
PATH=$PATH:/usr/sbin:/sbin

# What every node has of its own, and what a bed has. Nodes share numbers of processes and System V memory because
# UCX, below Debian's MPICH, closes its TCP connections in a way that hangs one MPI_Finalize in three; like this it
# takes them for one machine and uses shared memory. UCX_TLS=tcp,self sends MPI's messages over the cables.
readonly OF_NODE=(--net --uts --mount)
OF_BED=(--ipc --pid)
# Who is not root becomes root of a user namespace, if the machine lets him.
[ "$(id -u)" -eq 0 ] || OF_BED+=(--user --map-root-user)
readonly OF_BED

fail() {
  echo "bed: $1" >&2
  exit "${2:-1}"
}

# Whether the head's first process is alive. A pid alone could by now be another process's.
head_runs() {
  local pid
  pid=$(cat "$BED_STATE/pids/head" 2>/dev/null) &&
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "first-process $BED_STATE head"
}

# in_head CMD...: from outside the bed, keeping directory and environment. Credentials are kept too, or nsenter would
# try to change groups, which a user namespace forbids.
in_head() {
  local user=()
  [ "$(id -u)" -eq 0 ] || user=(--user)
  nsenter --preserve-credentials "${user[@]}" --net --uts --mount --ipc --pid \
    --target "$(<"$BED_STATE/pids/head")" -- env --chdir="$PWD" "$@"
}

is_up() {
  [ -e "$BED_STATE/nodes" ] && head_runs
}

# Makes `up` and `down` of one bed take turns. The lock is a descriptor, so it ends with its last holder, and its file goes
# with the bed; BED_LOCKED says that a parent has it already.
take_turn() {
  [ -z "${BED_LOCKED:-}" ] || return 0
  mkdir -p -m 0755 "$BEDS"
  until [ "$BED_STATE.lock" -ef /dev/fd/9 ]; do
    exec 9>"$BED_STATE.lock"
    flock --wait 600 9 || fail 'another up or down of this bed does not end'
  done
  export BED_LOCKED=1
}
