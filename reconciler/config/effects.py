"""Functions of warehouses that do more than compute: by name, with what they do. Every other function is let through."""

from __future__ import annotations

from collections.abc import Mapping

_WAITS = "makes the database wait"
_SERVER = "acts on the server, not on its rows"
_FILES = "reads or writes files"
_ELSEWHERE = "talks to another system"
_SEQUENCE = "moves a sequence on"
_SETTINGS = "changes settings"
_CODE = "runs SQL or code that nobody has looked at"
_LOCKS = "takes a lock"

_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("pg_sleep", "pg_sleep_for", "pg_sleep_until", "sleep", "system$wait"), _WAITS),
    **dict.fromkeys(
        (
            *(
                "pg_terminate_backend",
                "pg_cancel_backend",
                "pg_reload_conf",
                "pg_rotate_logfile",
                "pg_promote",
                "pg_notify",
            ),
            *("pg_switch_wal", "pg_create_restore_point", "pg_backup_start", "pg_backup_stop", "pg_wal_replay_pause"),
            *("pg_wal_replay_resume", "pg_export_snapshot", "pg_current_xact_id", "txid_current", "checkpoint"),
            *("force_checkpoint", "pg_import_system_collations", "pg_log_backend_memory_contexts", "fts3_tokenizer"),
        ),
        _SERVER,
    ),
    **dict.fromkeys(
        (
            *("pg_stat_file", "pg_current_logfile", "readfile", "writefile", "edit", "fsdir", "lsmode", "zipfile"),
            *("glob", "sniff_csv", "parquet_scan", "parquet_metadata", "parquet_schema", "st_read", "iceberg_scan"),
            *("delta_scan", "copy_files", "arrow_scan"),
        ),
        _FILES,
    ),
    **dict.fromkeys(
        (
            *("postgres_scan", "postgres_query", "postgres_execute", "mysql_scan", "mysql_query", "mysql_execute"),
            *(
                "sqlite_scan",
                "external_query",
                "http_get",
                "http_post",
                "http_request",
                "remote_query",
                "load_aws_credentials",
            ),
        ),
        _ELSEWHERE,
    ),
    **dict.fromkeys(("nextval", "setval"), _SEQUENCE),
    **dict.fromkeys(("set_config", "getenv", "pg_stat_reset", "setseed"), _SETTINGS),
    **dict.fromkeys(
        (
            *(
                "load_extension",
                "query_to_xml",
                "query_to_xmlschema",
                "query_to_xml_and_xmlschema",
                "cursor_to_xml",
                "ts_stat",
            ),
            *(
                "crosstab",
                "connectby",
                "query",
                "query_table",
                "sql_auto_complete",
                "java_method",
                "reflect",
                "try_reflect",
            ),
            "execute_immediate",
        ),
        _CODE,
    ),
}

_BEGINNINGS: Mapping[str, str] = {
    "read_": _FILES,
    "pg_read_": _FILES,
    "pg_ls_": _FILES,
    "pg_file_": _FILES,
    "lo_": _FILES,
    "lowrite": _FILES,
    "dblink": _ELSEWHERE,
    "pg_advisory_": _LOCKS,
    "pg_try_advisory_": _LOCKS,
    "pg_stat_reset_": _SERVER,
    "pg_logical_": _SERVER,
    "pg_replication_": _SERVER,
    "pg_create_": _SERVER,
    "pg_drop_": _SERVER,
    "pg_copy_": _SERVER,
    "system$": _SERVER,
}


def does(function: str) -> str | None:
    """What a function does besides computing a value, None when nothing of that kind is known. The name is in lower case."""
    beginning = next((what for start, what in _BEGINNINGS.items() if function.startswith(start)), None)
    return _NAMES.get(function, beginning)
