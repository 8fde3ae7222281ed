"""The function graph: a skeleton of effects around values."""
