# Where the launchers from PyPI are (tools/install-launchers.sh). Sourced by the parts that run one; defines names.

launchers=$BED_D/../../../build/launchers

# venv_of NAME: the environment of a launcher, of whichever version is there.
venv_of() {
  local venv
  for venv in "$launchers/$1"-*/complete; do
    [ ! -e "$venv" ] || { dirname "$(readlink -f "$venv")"; return; }
  done
  fail "no $1 here; try tools/install-launchers.sh $1" $SKIP
}
