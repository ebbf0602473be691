"""dlt: a table that is read past its watermark, and a custom destination. BENCH_DLT is its backend.

`range_start="open"` and `row_order` spare it the comparison of rows that share the last watermark. Arrow and Parquet are what its
documentation recommends for speed; rows and typed JSON lines are its defaults.
"""

from __future__ import annotations

import os
from typing import Any

import dlt
from dlt.sources.sql_database import sql_table
from sending import BATCH, Sender

ARROW = os.environ["BENCH_DLT"] == "pyarrow"
sender = Sender()


@dlt.destination(batch_size=BATCH, loader_file_format="parquet" if ARROW else "typed-jsonl", name="sink")
def sink(items: Any, table: Any) -> None:
    if ARROW:
        items = items.drop_columns(["updated_at"])
        items = items.rename_columns(["Email__gc", *(f"{name.title()}__gc" for name in items.column_names[1:])])
        sender.send(items.to_pylist())
    else:
        sender.send([{f"{name.title()}__gc": item[name] for name in item if name != "updated_at"} for item in items])


def main() -> None:
    rows = sql_table(
        credentials=os.environ["BENCH_WAREHOUSE"],
        table="records",
        backend="pyarrow" if ARROW else "sqlalchemy",
        incremental=dlt.sources.incremental("updated_at", row_order="asc", range_start="open"),
    )
    pipeline = dlt.pipeline("bench", destination=sink, dataset_name="bench", pipelines_dir=os.environ["BENCH_HOME"])
    pipeline.run(rows).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
