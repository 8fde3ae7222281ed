"""Stages, budget, workers, report."""
