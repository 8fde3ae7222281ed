"""Wasm body to function graph, and the way back.

`lower` builds the graph, `emit` writes it in one of several `STYLES`.
"""

from .emit import STYLES, Emission, Style, emissions, emit
from .lower import Unsupported, lower, spaces_of
from .origins import lower_with_origins

__all__ = [
    "STYLES",
    "Emission",
    "Style",
    "Unsupported",
    "emissions",
    "emit",
    "lower",
    "lower_with_origins",
    "spaces_of",
]
