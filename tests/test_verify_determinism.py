"""Under counted budgets verdicts, solver units and bytes are the same for every hash seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib, json, pathlib, sys
import eqsat
from eqsat.verify.modules import prove_modules
data = pathlib.Path(sys.argv[1]).read_bytes()
options = eqsat.Options(cost="fuel", max_iters=3, max_nodes=4_000, rlimit=200_000, jobs=0)
result = eqsat.optimize(data, options=options)
proof = prove_modules(data, result.output, rlimit=200_000, query_rlimit=50_000)
shown = [[i, v.status, v.method, v.reason, v.queries, v.rlimit] for i, v in proof.functions]
records = [[r.index, r.status, r.reason, r.cost_after] for r in result.report.functions]
digest = hashlib.sha256(result.output).hexdigest()
print(json.dumps([digest, proof.status, proof.reason, shown, records]))
"""


def observed(path: Path, seed: str) -> object:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
    )
    assert not ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "name",
    ["fused/stream_bridge", "fused/res_multi", "corpus/wasm/crc32.O1", "corpus/wasm/utf8.Oz"],
)
def test_three_hash_seeds_give_the_same(shared: Path, name: str) -> None:
    path = shared / f"{name}.wasm"
    assert observed(path, "1") == observed(path, "2") == observed(path, "3")
