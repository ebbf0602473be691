"""Storing and removing single records, with their system attributes and an entry in the write log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.cs.fields import ObjectDef
from reconciler.sandbox.journal import Write
from reconciler.sandbox.world import World


def insert(world: World, item: ObjectDef, values: Mapping[str, Any]) -> str:
    """Store a new record of checked values; its GSID."""
    now, gsid = world.clock.now_ms(), world.ids.next(item)
    actor = world.store.value('SELECT "Gsid" FROM cs_gsuser LIMIT 1')
    system = {"CreatedBy": actor, "ModifiedBy": actor, "CreatedDate": now, "ModifiedDate": now}
    record = {name: value for name, value in system.items() if name in item.fields} | dict(values) | {"Gsid": gsid}
    columns = ", ".join(f'"{name}"' for name in record)
    marks = ",".join("?" * len(record))
    world.store.run(f"INSERT INTO {item.table} ({columns}) VALUES ({marks})", list(record.values()))
    _log(world, item, gsid, "insert", values)
    return gsid


def update(world: World, item: ObjectDef, gsid: str, values: Mapping[str, Any], touch: bool = True) -> None:
    """Store checked values over a record; `touch` moves ModifiedDate as the service does."""
    stamped = dict(values)
    if touch and "ModifiedDate" in item.fields:
        stamped["ModifiedDate"] = world.clock.now_ms()
    if not stamped:
        return
    sets = ", ".join(f'"{name}" = ?' for name in stamped)
    world.store.run(f'UPDATE {item.table} SET {sets} WHERE "Gsid" = ?', [*stamped.values(), gsid])
    _log(world, item, gsid, "update", values)


def delete(world: World, item: ObjectDef, gsid: str) -> bool:
    """Remove a record and note it in the delete log; False when there is none."""
    if not world.store.run(f'DELETE FROM {item.table} WHERE "Gsid" = ?', (gsid,)):
        return False
    log = world.catalog.objects["record_delete_log"]
    entry = (world.ids.next(log), item.name, gsid, world.clock.now_ms())
    world.store.run(f"INSERT INTO {log.table} VALUES (?,?,?,?)", entry)
    _log(world, item, gsid, "delete", {})
    return True


def persons_by_email(world: World, email: str) -> list[str]:
    """GSIDs of persons whose address is the same after trimming and lower-casing, oldest first."""
    sql = 'SELECT "Gsid" FROM cs_person WHERE trim(lower("Email")) = ? ORDER BY "Gsid"'
    return [row[0] for row in world.store.tuples(sql, (email.strip().lower(),))]


def _log(world: World, item: ObjectDef, gsid: str, action: str, values: Mapping[str, Any]) -> None:
    pairs: list[tuple[str | None, Any]] = [*values.items()] or [(None, None)]
    for name, value in pairs:
        text = None if value is None else str(value)
        world.wrote(
            Write(side="cs", community=0, action=action, target=item.name, subject=gsid, field=name, value=text)
        )
