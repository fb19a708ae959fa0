#!/usr/bin/env bash
# Runs the fast tests on the oldest and the newest Python and torch that pyproject.toml allows, each in a new venv.
# Usage: scripts/versions.sh [PYTHON TORCH]…   By default: 3.11 2.6 and 3.13 2.15.
# A version of torch takes 5 GB on the disk while it is tested. Exit code 1: a test failed; 3: a version could not be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 3.11 2.6 3.13 2.15
export OMP_NUM_THREADS=1
code=0
while [ $# -gt 0 ]; do
  python=$1 torch=$2
  shift 2
  scratch=$(mktemp -d)
  echo "Python $python, torch $torch"
  # pip's own configuration may hold other limits on torch, so that it is not read.
  echo "torch~=$torch.0" > "$scratch/constraints.txt"
  export PYENV_VERSION=$python  # where pyenv manages several versions
  if "python$python" -m venv "$scratch/venv" &&
    PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS='' PIP_CONSTRAINT="$scratch/constraints.txt" \
      "$scratch/venv/bin/pip" install --quiet -e '.[dev]' 2> "$scratch/pip.log"; then
    "$scratch/venv/bin/python" -m pytest -m "not slow" -n 2 --durations=0 --durations-min=5 || code=1
  else
    tail -n 3 "$scratch/pip.log" >&2 || true
    echo "Python $python, torch $torch: NOT TESTED, it could not be installed" >&2
    [ $code -eq 1 ] || code=3
  fi
  rm -rf "$scratch"
done
exit $code
