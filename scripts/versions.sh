#!/usr/bin/env bash
# Runs the fast tests on the oldest and the newest Python and torch that pyproject.toml allows, each in a new venv.
# While the tests of one version run, the next version is installed: an installation mostly waits for downloads.
# Usage: scripts/versions.sh [PYTHON TORCH]…   By default: 3.11 2.6 and 3.13 2.15.
# A version of torch takes 5 GB on the disk, two at a time. Exit code 1: a test failed; 3: a version could not be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 3.11 2.6 3.13 2.15
export OMP_NUM_THREADS=1
code=0
installing=
scratch=$(mktemp -d)
trap '[ -z "$installing" ] || kill "$installing" 2> "$scratch/kill.log" || true; rm -rf "$scratch"' EXIT

# PYTHON TORCH: a new venv in $scratch/PYTHON-TORCH with vaerun and that torch.
# pip's own configuration may hold other limits on torch, so that it is not read.
install() {
  local folder=$scratch/$1-$2
  mkdir -p "$folder"
  echo "torch~=$2.0" > "$folder/constraints.txt"
  export PYENV_VERSION=$1  # where pyenv manages several versions
  "python$1" -m venv "$folder/venv" 2> "$folder/pip.log" || return
  PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS='' PIP_CONSTRAINT="$folder/constraints.txt" \
    exec "$folder/venv/bin/pip" install --quiet -e '.[dev]' 2> "$folder/pip.log"
}

install "$1" "$2" &
installing=$!
while [ $# -gt 0 ]; do
  python=$1 torch=$2 present=$installing
  installing=
  shift 2
  installed=0
  wait "$present" || installed=$?
  if [ $# -gt 0 ]; then
    install "$1" "$2" &
    installing=$!
  fi
  echo "Python $python, torch $torch"
  if [ $installed -eq 0 ]; then
    "$scratch/$python-$torch/venv/bin/python" -m pytest -m "not slow" -n 2 --dist worksteal --durations=0 --durations-min=5 || code=1
  else
    tail -n 3 "$scratch/$python-$torch/pip.log" >&2 || true
    echo "Python $python, torch $torch: NOT TESTED, it could not be installed" >&2
    [ $code -eq 1 ] || code=3
  fi
  rm -rf "$scratch/$python-$torch"
done
exit $code
