#!/usr/bin/env bash
# Which gradient estimator is better for binary z? Four estimators with two samples, and two seeds each.
#   bash scripts/sweep_estimators.sh                      start it, or continue it
#   bash scripts/sweep_estimators.sh seed=0,1,2,3         with further seeds: what is completed is skipped
set -euo pipefail
vaerun sweep posterior=bernoulli estimator=score,disarm,concrete,enumerate model.latent_dim=8 \
  objective.num_samples=2 seed=0,1 trainer.epochs=50 sweep.illegal=skip \
  hydra.sweep.dir=runs/estimators "$@"
vaerun compare runs/estimators --columns elbo,seconds,decoder_evaluations
