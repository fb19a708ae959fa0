#!/usr/bin/env bash
# Which strategy is better? Three strategies with three seeds each, all with the same number of decoder evaluations.
#   bash scripts/sweep_strategies.sh                      start it, or continue it
#   bash scripts/sweep_strategies.sh data=mnist           further words change it
set -euo pipefail
vaerun sweep strategy=amortized,joint,coordinate seed=0,1,2 \
  trainer.max_decoder_evaluations=200000 trainer.epochs=1000 \
  hydra.sweep.dir=runs/strategies "$@"
vaerun report runs/strategies   # curves, gaps and images: runs/strategies/report/index.html
