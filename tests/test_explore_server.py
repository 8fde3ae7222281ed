"""The explorer's server, as a process: who is let in, what is refused, what a kill leaves."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eqsat.explore.server import LARGEST_BODY
from eqsat.wasm.text_in import assemble

HANDLE = b"""(module (memory 1)
  (func $rep (export "rep") (param $h i32) (param $base i32) (result i32)
    (i32.load (i32.add (i32.mul (local.get $h) (i32.const 8)) (local.get $base)))))"""


@dataclass(frozen=True)
class Served:
    """A running explorer."""

    process: subprocess.Popen[str]
    port: int
    token: str

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def ask(self, method: str, **params: Any) -> tuple[int, Any]:  # noqa: ANN401 (JSON)
        status, _, body = self.request(
            "POST", "/api", json.dumps({"method": method, "params": params}).encode(),
            content_type="application/json", x_eqsat_token=self.token,
        )  # fmt: skip
        plain = json.loads(body)
        return status, plain["result"] if status == 200 else plain["error"]


def start(path: Path, *words: str) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "eqsat", "explore", str(path), "--no-browser", *words],
        stderr=subprocess.PIPE, text=True, cwd=path.parent,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/\?t=(\S+)", line)
    assert found, line
    return Served(process, int(found[1]), found[2])


def stop(served: Served) -> int:
    served.process.send_signal(signal.SIGINT)
    try:
        return served.process.wait(20)
    finally:
        served.process.kill()
        assert served.process.stderr is not None
        served.process.stderr.close()


def children(process: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if entry.name.isdigit() and int(parent) == process:
            found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp("served") / "in.wasm"
    path.write_bytes(assemble(HANDLE))
    found = start(path, "--max-iters", "5")
    yield found
    stop(found)


def test_the_page_and_its_files(served: Served) -> None:
    status, headers, body = served.request("GET", f"/?t={served.token}")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    files = re.findall(rb'(?:href|src)="(/static/[^"]+)"', body)
    assert len(files) == 2
    for file in [*files, f"/static/view.js?t={served.token}".encode()]:
        assert served.request("GET", file.decode())[0] == 200
    assert b"https://" not in body


def test_questions_are_answered(served: Served) -> None:
    status, plain = served.ask("overview")
    assert (status, [row["name"] for row in plain["functions"]]) == (200, ["rep"])
    status, forms = served.ask("forms", index=0, at=2, pins={})
    assert (status, len(forms["forms"])) == (200, 3)
    status, picked = served.ask("pick", index=0, pins={"2": forms["forms"][2]["text"]})
    assert (status, picked["proof"]["status"]) == (200, "proven")
    assert served.ask("optimize")[1]["totals"]["functions"] == 1
    assert served.ask("state")[1]["name"] == "in.wasm"
    assert served.ask("configure", cost="bytes")[1]["cost"] == "bytes"
    assert served.ask("configure", cost="/etc/passwd")[0] == 422
    assert served.ask("configure", rules=["/etc/passwd"])[0] == 422
    assert served.ask("configure", max_iters="1")[0] == 422
    assert served.ask("configure", jobs=4)[0] == 422
    assert served.ask("configure", max_iters=0)[0] == 422


def test_rules_of_the_page_are_proven_first(served: Served) -> None:
    rule = '(rewrite (i32.add x (i32.const {})) (i32.sub x (i32.const -{})) :name "mine/minus")'
    assert served.ask("configure", cost="fuel")[1]["own"] == ""
    before = served.ask("optimize")[1]["output"]["sha256"]
    status, found = served.ask("own_rules", text=rule.format(77, 78))
    assert (status, found["accepted"], found["rules"][0]["status"]) == (200, False, "refuted")
    assert served.ask("state")[1]["options"]["own"] == ""
    text = rule.format(77, 77)
    status, found = served.ask("own_rules", text=text)
    assert (status, found["accepted"], found["options"]["own"]) == (200, True, text)
    # Where the server keeps them is nobody's business.
    assert found["options"]["rules"] == []
    assert served.ask("disable", names=["mine/minus"])[1]["without"] == ["mine/minus"]
    assert served.ask("optimize")[1]["output"]["sha256"] == before
    assert served.ask("disable", names=["nothing"])[0] == 422
    # With the rule goes its name.
    found = served.ask("own_rules", text=" ")[1]["options"]
    assert (found["own"], found["without"]) == ("", [])
    for wrong in (None, 7, "x" * 100_000):
        assert served.ask("own_rules", text=wrong)[0] == 422
    for names in (None, "i32/mul-pow2", [1]):
        assert served.ask("disable", names=names)[0] == 422
    assert served.ask("own_rules", text="import os")[1]["error"]
    for method in ("adopt", "prove_rules", "rule_names"):
        assert served.ask(method)[0] == 422


def test_strangers_are_refused(served: Served) -> None:
    token, port = served.token, served.port
    good = {"content_type": "application/json", "x_eqsat_token": token}
    body = b'{"method": "overview"}'
    assert served.request("POST", "/api", body, **good)[0] == 200
    for headers, status in (
        ({"x_eqsat_token": ""}, 403),
        ({"x_eqsat_token": "x" * 32}, 403),
        ({"x_eqsat_token": token[:-1]}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": f"evil.example:{port}"}, 421),
        ({"Host": f"127.0.0.1:{port + 1}"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://127.0.0.1:{port + 1}"}, 403),
    ):
        answer, _, text = served.request("POST", "/api", body, **{**good, **headers})
        assert answer == status, headers
        assert b"functions" not in text
    assert served.request("POST", "/api", body, **good, Origin=f"http://127.0.0.1:{port}")[0] == 200
    for path in ("/", "/static/app.js", "/events", "/?t=", "/?t=wrong"):
        assert served.request("GET", path)[0] == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'"x"', b"{}", b'{"method": 1}', b"\xff\xfe", b"[" * 100_000,
     b'{"method": "overview", "params": 1}'],
)  # fmt: skip
def test_malformed_questions_are_refused(served: Served, body: bytes) -> None:
    good = {"content_type": "application/json", "x_eqsat_token": served.token}
    assert served.request("POST", "/api", body, **good)[0] == 400
    assert served.request("POST", "/api", body, x_eqsat_token=served.token)[0] == 415


def test_a_body_that_is_said_to_be_large_is_not_waited_for(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        head = f"POST /api HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        head += f"X-Eqsat-Token: {served.token}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {LARGEST_BODY + 1}\r\n\r\n".encode())
        assert connection.recv(4096).split(b"\r\n")[0].split()[1] == b"413"


def test_oversized_bodies_are_refused(served: Served) -> None:
    good = {"content_type": "application/json", "x_eqsat_token": served.token}
    assert served.request("POST", "/api", b" " * (LARGEST_BODY + 1), **good)[0] == 413
    # Without a length the server counts as it reads.
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    headers = {name.replace("_", "-"): value for name, value in good.items()}
    parts = iter([b" " * 65_536] * 40)
    connection.request("POST", "/api", parts, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py",
     "/static//etc/passwd", "/static/index.html", "/static/", "/api", "/nothing",
     "/static/app.js/x"],
)  # fmt: skip
def test_nothing_else_can_be_reached(served: Served, path: str) -> None:
    status, _, body = served.request("GET", path, x_eqsat_token=served.token)
    assert status in (404, 405)
    assert b"import" not in body


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the workers")
def test_a_killed_worker_comes_again(served: Served) -> None:
    assert served.ask("forms", index=0, at=2, pins={})[0] == 200
    for child in children(served.process.pid):
        os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 30
    status = 0
    while status != 200 and time.monotonic() < deadline:
        status, _ = served.ask("forms", index=0, at=2, pins={})
        assert status in (200, 422)
    assert status == 200
    assert served.ask("cancel")[0] == 200
    assert served.ask("forms", index=0, at=2, pins={})[0] == 200


def test_ctrl_c_ends_it_and_its_workers(tmp_path: Path) -> None:
    path = tmp_path / "in.wasm"
    path.write_bytes(assemble(HANDLE))
    found = start(path)
    assert found.ask("forms", index=0, at=2, pins={})[0] == 200
    workers = children(found.process.pid)
    assert stop(found) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_what_cannot_be_served_is_said(tmp_path: Path, served: Served) -> None:
    path = tmp_path / "in.wasm"
    path.write_bytes(assemble(HANDLE))

    def run(*words: str) -> tuple[int, str]:
        ran = subprocess.run(
            [sys.executable, "-m", "eqsat", "explore", *words, "--no-browser"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return ran.returncode, ran.stderr

    assert run(str(path), "--port", "99999")[0] == 2
    status, error = run(str(path), "--port", str(served.port))
    assert (status, "cannot listen" in error) == (2, True)
    assert run(str(tmp_path / "no.wasm"))[0] == 3
    assert run(str(path), "--cost", "x.toml")[0] == 2
    assert run(str(path), "--rules", str(tmp_path / "no.py"))[0] == 3
    wrong = tmp_path / "wrong.py"
    wrong.write_text("this is no rule file (")
    status, error = run(str(path), "--rules", str(wrong))
    assert (status, "E0305" in error) == (3, True)
