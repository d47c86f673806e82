"""A disk fills up under a running service, and is given room again.

The operating system refuses every write of the process past the first bytes of a file:
the store's, the log's, the lake's, and the program's own log as well.
"""

import resource
from pathlib import Path

import httpx

from tests.support.commands import ask
from tests.support.house import order
from tests.support.process import Running


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys" / "ring.json"
    at = ("--data", data)
    ask("init", *at, "--keys", keys)
    shop = ("source", "add", "shop", "--kind", "server", "--jurisdiction", "KR")
    key = ask(*shop, *at)["write_key"]
    job = ("client", "add", "job", "--role", "segmentation", "--purpose")
    made = ask(*job, "segmentation", *at)
    form = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
    }
    batches = [
        [
            # Without a time of its own: the clock here is the machine's.
            order(f"disk-{part}-{n}", user=f"u{n}", timestamp=None)
            for n in range(50)
        ]
        for part in range(4)
    ]
    with (
        Running(data) as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client,
    ):
        assert service.process is not None
        client.headers["X-Write-Key"] = key

        def post(part: int) -> httpx.Response:
            return client.post("/v1/batch", json={"batch": batches[part]})

        assert post(0).json()["okEvents"] == 50
        token = client.post("/oauth/token", data=form).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        whole = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (64, whole[1]))
        try:
            for part in (1, 2, 3):
                answer = post(part)
                assert answer.status_code == 503, answer.text
                assert answer.json()["code"] == "store.unavailable"
                assert int(answer.headers["retry-after"]) >= 1
            pulled = client.get("/v1/releases/rfm", headers=bearer)
            assert pulled.status_code == 503
            assert pulled.json()["code"] == "store.unavailable"
            assert client.post("/oauth/token", data=form).status_code == 503
            assert client.get("/health").status_code == 200
        finally:
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, whole)
        for part in range(4):
            assert post(part).json()["okEvents"] == 50
        pulled = client.get("/v1/releases/rfm", headers=bearer)
        assert pulled.status_code == 200
    moved = ask("lake", "flush", *at)["moved"]
    ask("audit", "publish", *at)
    assert ask("audit", "verify", *at)["ok"] is True
    assert moved <= 200
