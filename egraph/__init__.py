"""The egglog engine behind one small face.

`Engine(lines).saturate(functions)` gives a `Saturation`: classes, members and facts of a batch of
function graphs. Nothing of egglog shows beyond this room.
"""

from .encode import is_term
from .engine import Engine, EngineError, Limits
from .frozen import Contradiction, ENode, Saturation
from .provenance import Application, Trace

__all__ = [
    "Application",
    "Contradiction",
    "ENode",
    "Engine",
    "EngineError",
    "Limits",
    "Saturation",
    "Trace",
    "is_term",
]
