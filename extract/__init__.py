"""Cost models and the choice of e-nodes."""

from .apply import apply
from .cost import CostError, CostModel, cost_model

__all__ = ["CostError", "CostModel", "apply", "cost_model"]
