"""A Singer target of the SDK that sends 50 records a call."""

from __future__ import annotations

from typing import Any, ClassVar

from sending import BATCH, Sender
from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink


class Sink(BatchSink):
    max_size = BATCH
    include_sdc_metadata_properties = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sender = Sender()

    def process_batch(self, context: dict[str, Any]) -> None:
        self._sender.send(
            [{name: record[name] for name in record if name != "updated_at"} for record in context["records"]]
        )


class BenchTarget(Target):
    name = "target-bench"
    default_sink_class = Sink
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("add_record_metadata", th.BooleanType, default=False)
    ).to_dict()


if __name__ == "__main__":
    BenchTarget.cli()
