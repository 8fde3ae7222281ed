"""Changes of the skeleton that need no choice: what is in memory already, what nobody sees."""

from .rotate import rotate
from .tidy import tidy

__all__ = ["rotate", "tidy"]
