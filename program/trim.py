"""The step that removes what nothing reaches."""

from __future__ import annotations

from ..wasm.indices import Changes, Indices
from .liveness import indices
from .step import Step
from .view import View


def trim(view: View) -> Step | None:
    """Remove what cannot be reached, and the exports that are never used; None if all stays."""
    module = view.module
    made = indices(module, view.live)
    exports = view.exports
    if exports is not None and all(one.name in exports for one in module.exports):
        exports = None
    if exports is None and made == Indices.same(module):
        return None
    return Step("trim", made, Changes(exports=exports))
