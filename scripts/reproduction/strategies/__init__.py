"""Every strategy at equal cost: cells, runs, stored figures, and the page docs/strategies.md."""
