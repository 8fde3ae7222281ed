"""Cost models and the choice of e-nodes."""

from .apply import apply
from .cost import CostError, CostModel, cost_model
from .exact import MissingSolver, solver_version
from .local import Choices
from .pinned import PinError, apply_pinned

__all__ = [
    "Choices",
    "CostError",
    "CostModel",
    "MissingSolver",
    "PinError",
    "apply",
    "apply_pinned",
    "cost_model",
    "solver_version",
]
