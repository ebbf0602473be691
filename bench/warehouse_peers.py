"""The other programs, as commands that are timed."""

from __future__ import annotations

from pathlib import Path

from bench.environments import PEERS, python_of
from bench.measure import Cost, run
from bench.sink import KEY, Sink

BACKENDS = ("sqlalchemy", "pyarrow")
BATCH = 50


class Dlt:
    """A pipeline with a home of its own, where it keeps the watermark."""

    def __init__(self, home: Path, sink: Sink, warehouse: str, backend: str) -> None:
        self._home = home
        self._sink = sink
        self.warehouse = warehouse
        self._backend = backend

    def run(self) -> Cost:
        environment = {
            "BENCH_SINK": self._sink.url,
            "BENCH_KEY": "key",
            "BENCH_WAREHOUSE": self.warehouse.replace("postgresql:", "postgresql+psycopg:"),
            "BENCH_HOME": str(self._home / "pipelines"),
            "BENCH_DLT": self._backend,
            "DLT_DATA_DIR": str(self._home),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "CRITICAL",
        }
        self._home.mkdir(parents=True, exist_ok=True)
        return run([str(python_of("dlt")), str(PEERS / "dlt_pipeline.py")], cwd=self._home, env=environment)


class Singer:
    """A tap that is piped into a target, without a state: everything is new."""

    def __init__(self, home: Path, sink: Sink, warehouse: str) -> None:
        self._home = home
        self._sink = sink
        self._warehouse = warehouse

    def run(self) -> Cost:
        environment = {
            "BENCH_SINK": self._sink.url,
            "BENCH_KEY": "key",
            "BENCH_WAREHOUSE": self._warehouse,
            "TAP_BENCH_LOGLEVEL": "ERROR",
            "TARGET_BENCH_LOGLEVEL": "ERROR",
        }
        self._home.mkdir(parents=True)
        (self._home / "config.json").write_text("{}")
        python = python_of("singer")
        tap, target = (
            f"{python} {PEERS / name} --config config.json" for name in ("singer_tap.py", "singer_target.py")
        )
        return run(["bash", "-c", f"set -o pipefail; {tap} | {target}"], cwd=self._home, env=environment)


DRT_SYNC = """name: records
model: SELECT email AS %(key)s, %(columns)s FROM records
destination:
  type: rest_api
  url: %(url)s/v1/data/objects/bench_record__gc
  method: POST
  headers: {Content-Type: application/json, Accesskey: key}
  body_mode: batch
  batch_template: '{"records": {{ rows | tojson_safe }}}'
  max_records_per_request: %(batch)d
sync:
  mode: full
  batch_size: 5000
  rate_limit: {requests_per_second: 1000000}
  on_error: fail
"""


class Drt:
    """A project with one sync. Batches of 5,000 rows spare it a connection for every 50; a call has 50 as for the others."""

    def __init__(self, home: Path, sink: Sink, warehouse: str, width: int = 10) -> None:
        self._home = home
        (home / ".drt").mkdir(parents=True)
        (home / "syncs").mkdir()
        (home / "drt_project.yml").write_text("name: bench\nprofile: default\n")
        database = warehouse.removeprefix("sqlite:///")
        (home / ".drt" / "profiles.yml").write_text(f"default:\n  type: sqlite\n  database: {database}\n")
        columns = ", ".join(f"a{place} AS A{place}__gc" for place in range(width))
        filled = DRT_SYNC % {"key": KEY, "columns": columns, "url": sink.url, "batch": BATCH}
        (home / "syncs" / "records.yml").write_text(filled)

    def run(self) -> Cost:
        drt = python_of("drt").parent / "drt"
        environment = {"HOME": str(self._home), "DO_NOT_TRACK": "1"}
        return run([str(drt), "run"], cwd=self._home, env=environment)
