#!/usr/bin/env bash
# Which learning rate? Five values with two seeds each, on all cores of this machine.
#   bash scripts/sweep_learning_rate.sh                                    start it, or continue it
#   bash scripts/sweep_learning_rate.sh hydra/launcher=submitit_slurm      on a Slurm cluster
set -euo pipefail
vaerun sweep optimizer.learning_rate=1e-4,3e-4,1e-3,3e-3,1e-2 seed=0,1 trainer.epochs=50 \
  hydra.sweep.dir=runs/learning_rate "$@"
vaerun compare runs/learning_rate --sort elbo
