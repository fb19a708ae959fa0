#!/usr/bin/env bash
# Which strategy is better, with as few runs as possible? Seeds are added only where the answer is open.
#   bash scripts/sweep_race.sh                      start it, or continue it
#   bash scripts/sweep_race.sh data=mnist           further words change it
set -euo pipefail
vaerun sweep hydra/sweeper=racing strategy=amortized,joint,coordinate trainer.epochs=50 \
  hydra.sweeper.max_seeds=20 hydra.sweep.dir=runs/race "$@"
