"""The client of one Gainsight CS tenant: `ObjectSource` and `Remote`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.answer import API_HINT, Response, json_list, json_object
from reconciler.connectors.base import Check, RecordDestination, Row
from reconciler.connectors.checks import Probe
from reconciler.connectors.gainsight_cs import describe, envelope, query
from reconciler.connectors.gainsight_cs.api import WriteApi
from reconciler.connectors.gainsight_cs.records import RecordWriter
from reconciler.connectors.gainsight_cs.resolve import Read
from reconciler.connectors.gainsight_cs.target import RecordTarget
from reconciler.connectors.http import HttpClient
from reconciler.connectors.secret import for_header
from reconciler.model.catalog import Catalog, CatalogObject
from reconciler.model.json import Json
from reconciler.model.resources import SOURCE_OBJECTS, CsConnection

OBJECTS = "v1/meta/services/objects"
QUERY = "v1/data/objects/query"

_DESCRIBE_ONE = (("ic", "false"), ("cl", "0"), ("idd", "false"), ("ihc", "false"), ("piec", "false"))
# The API wants its switches as text.
_DESCRIBE_MANY: Mapping[str, Json] = {
    "includeChilds": "false",
    "childLevels": "0",
    "populatePickListOptions": "true",
    "useCollectionId": "false",
    "removeDeleted": "true",
    "removeHidden": "false",
    "host": "MDA",
    "sortFieldsByLabel": "false",
    "populateFieldId": "false",
    "honorUserContext": "true",
    "honorCustomLookup": "true",
    "populateAutoSuggestDetails": "false",
    "externalContext": "false",
}

_Listed = Mapping[str, Mapping[str, Json]]


def base_url(connection: CsConnection) -> str:
    """Where the tenant's API is."""
    return connection.base_url or f"https://{connection.domain}"


class CsClient:
    """Reads one tenant with its access key. `http` must lead to `base_url(connection)`; it is closed with the client."""

    def __init__(self, connection: CsConnection, access_key: str, *, http: HttpClient, clock: Clock) -> None:
        self._connection = connection
        self._http = http
        self._clock = clock
        self._headers = {"Accesskey": for_header(access_key, what=f"the access key of {connection.name}")}

    @property
    def calls(self) -> int:
        return self._http.calls

    def close(self) -> None:
        self._http.close()

    def read(self, object_name: str, fields: Sequence[str]) -> Iterator[list[Row]]:
        """Every record of an object (its API name, or the label of a standard object), up to 5,000 a page.

        A field may be a path through a lookup (`Person_ID__gr.Email`). Values are as the API sends them. Raises
        `errors.RemoteRefused` with the error code when the object or a field does not exist (any more).
        """
        name = describe.API_NAMES.get(object_name, object_name)
        return query.pages(lambda body: self._query(name, body), name, fields)

    def writer(self, target: RecordTarget) -> RecordDestination:
        """Made anew for each run."""
        read: Read = lambda name, fields, where: query.pages(lambda body: self._query(name, body), name, fields, where)  # noqa: E731
        api = WriteApi(self._write)
        return RecordWriter(api, read, target, rest=self._http.rest, concurrency=self._connection.concurrency)

    def describe(self, labels: Sequence[str]) -> Mapping[str, CatalogObject]:
        """Live metadata, keyed by the labels asked for. An object that the tenant does not have is left out."""
        names, listed = self._names(labels)
        described = self._describe_many(sorted(set(names.values())), listed) if names else {}
        return {label: described[name.casefold()] for label, name in names.items() if name.casefold() in described}

    def catalog(self, written: Mapping[str, Collection[str]] | None = None) -> Catalog:
        """The objects whose attributes can be mapped, and those that are `written`, with all their fields.

        Beside each written object stand those of its lookups for which other records have to be found: the objects that
        these point to are described, too.
        """
        lookups = written or {}
        found = dict(self.describe(tuple(dict.fromkeys((*SOURCE_OBJECTS, *lookups)))))
        there = {one.name.casefold() for one in found.values()}
        fields = [one.fields.get(name) for label, one in found.items() for name in lookups.get(label, ())]
        others = {field.lookup_object for field in fields if field is not None and field.lookup_object is not None}
        missing = sorted(name for name in others if name.casefold() not in there)
        for other in self.describe(missing).values() if missing else ():
            found.setdefault(other.label, other)
        return Catalog(connection=self._connection.name, objects=found)

    def check(self) -> Sequence[Check]:
        """Reachable, credentials, allow-list, metadata, records, limits, clock: as far as they can be tried."""
        probe = Probe(self._http, self._clock, self._connection.rate_limit)
        if probe.reach(lambda: self._send("GET", f"{OBJECTS}/list")[0], "credentials"):
            probe.passed("allow-list", "calls from this IP address are accepted")
            probe.step("metadata", self._check_metadata)
            probe.step("records", self._check_records)
        return probe.checks

    # ---- requests

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        switches: Sequence[tuple[str, str]] = (),
    ) -> tuple[Response, Json | envelope.Missing]:
        answer = self._http.request(
            method,
            path,
            query=switches,
            json=body,
            headers=self._headers,
            idempotent=True,  # everything sent here only reads, POST included
            throttled=envelope.throttled,
        )
        return answer, envelope.data(answer, f"{method} {path}")

    def _write(self, method: str, path: str, body: Json, query_: Sequence[tuple[str, str]]) -> Response:
        return self._http.request(
            method,
            path,
            query=query_,
            json=body,
            headers=self._headers,
            idempotent=method == "GET",
            throttled=envelope.throttled,
        )

    def _query(self, name: str, body: Mapping[str, Json]) -> Json:
        _, data = self._send("POST", f"{QUERY}/{name}", body=body)
        if isinstance(data, envelope.Missing):
            raise errors.RemoteRefused(
                f"the tenant has no object {name}", hint=envelope.DRIFT_HINT, code=envelope.OBJECT_NOT_FOUND
            )
        return data

    # ---- metadata

    def _names(self, labels: Sequence[str]) -> tuple[dict[str, str], _Listed]:
        """Label → API name, and the list of objects, which is read only when a label is not one of a standard object."""
        known = {label: describe.API_NAMES[label] for label in labels if label in describe.API_NAMES}
        if len(known) == len(set(labels)):
            return known, {}
        listed = self._listed()
        found = {label: _name(listed[label.casefold()]) for label in labels if label.casefold() in listed}
        return {**found, **known}, listed

    def _listed(self) -> _Listed:
        """The entries of all objects by their case-folded API names, and by their labels where no object has that name."""
        _, data = self._send("GET", f"{OBJECTS}/list")
        items = json_list(_present(data), "the list of objects")
        entries = [json_object(item, "an entry of the list of objects") for item in items]
        listed: dict[str, Mapping[str, Json]] = {}
        for key in ("objectName", "label"):
            for entry in entries:
                word = entry.get(key)
                if isinstance(word, str) and _name(entry):
                    listed.setdefault(word.casefold(), entry)
        return listed

    def _describe_many(self, names: Sequence[str], listed: _Listed) -> dict[str, CatalogObject]:
        _, data = self._send("POST", f"{OBJECTS}/describe", body={**_DESCRIBE_MANY, "objectNames": names})
        if isinstance(data, envelope.Missing):
            # One unknown name fails the whole call without saying which: ask for each alone.
            return {key: found for name in names for key, found in self._describe_one(name, listed).items()}
        return _objects(data, listed)

    def _describe_one(self, name: str, listed: _Listed) -> dict[str, CatalogObject]:
        _, data = self._send("GET", f"{OBJECTS}/{name}/describe", switches=_DESCRIBE_ONE)
        if isinstance(data, envelope.Missing):
            return {}
        return _objects(data, listed)

    # ---- checks

    def _check_metadata(self) -> str:
        found = self.describe(SOURCE_OBJECTS)
        missing = [label for label in SOURCE_OBJECTS if label not in found]
        if missing:
            raise errors.RemoteRefused(f"the tenant does not show {', '.join(missing)}", hint=envelope.DRIFT_HINT)
        return ", ".join(f"{label}: {len(found[label].fields)} fields" for label in SOURCE_OBJECTS)

    def _check_records(self) -> str:
        body: Json = {"select": [query.KEY], "limit": 1, "offset": 0}
        self._query(describe.API_NAMES["Person"], json_object(body, "the query"))
        return "Person can be read"


def _items(data: Json) -> list[Json]:
    """One described object comes alone or in a list."""
    return [data] if isinstance(data, Mapping) else json_list(data, "the described objects")


def _name(entry: Mapping[str, Json]) -> str:
    name = entry.get("objectName")
    return name if isinstance(name, str) else ""


def _objects(data: Json, listed: _Listed) -> dict[str, CatalogObject]:
    """Described objects by case-folded API name, each beside its entry in the list."""
    found: dict[str, CatalogObject] = {}
    for item in _items(data):
        described = json_object(item, "a described object")
        name = _name(described).casefold()
        found[name] = describe.catalog_object(described, listed.get(name))
    return found


def _present(data: Json | envelope.Missing) -> Json:
    if isinstance(data, envelope.Missing):
        raise errors.RemoteRefused(
            "the tenant does not list its objects",
            hint=f"{API_HINT}; and check what the key may do",
            code=envelope.OBJECT_NOT_FOUND,
        )
    return data
