"""Metrics: what a reported number is, and its confidence interval."""
