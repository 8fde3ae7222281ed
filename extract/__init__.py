"""Cost models and the choice of e-nodes."""
