"""Print every built-in rule as a JSON line: what the prover reads.

``python -m eqsat.rules | python -m eqsat.verify.rules --lock rules/proofs.lock``
"""

from __future__ import annotations

import json

from .book import built_in

for rule in built_in():
    row = {"name": rule.name, "kind": rule.kind, "source": rule.source, "text": rule.text}
    print(json.dumps(row))
