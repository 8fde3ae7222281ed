"""The solver part of the ladder (not there yet: it leaves every obligation open)."""

from .obligations import Obligation
from .space import Space


class Sweep:
    """Settles obligations that the normal form does not."""

    def __init__(
        self, space: Space, rlimit: int, query_rlimit: int, deadline: float | None
    ) -> None:
        self.space = space
        self.limits = rlimit, query_rlimit, deadline
        self.queries = self.spent = 0
        self.direct = False

    def settle(self, obligations: list[Obligation]) -> str | None:
        """``None`` if all hold, else which one is left."""
        first = obligations[0]
        show = self.space.terms.show
        return f"{first.about}: {show(first.original)} against {show(first.new)}"
