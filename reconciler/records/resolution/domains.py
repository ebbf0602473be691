"""Domains of e-mail addresses and web sites: the part that somebody registered, and what it says about a company."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from reconciler.records.resolution.known import FREE_BRANDS, FREE_MAIL, SECOND_LEVEL, SUFFIXES

LONGEST = 2000
"""Characters of a web address; longer ones are not read."""

LONGEST_HOST = 253

_BEFORE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^[^/?#]*@")
_AFTER = re.compile(r"[/?#\\:].*$", re.DOTALL)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")


def domain_key(text: str) -> str:
    """The registered domain of a host, a web address or an e-mail address: acme.co.uk of https://www.acme.co.uk/about.

    Names in other scripts become their ASCII form (xn--…). Empty for what is none: an IP address, one word, or a suffix
    below which anybody may register a name.
    """
    return registered_domain(_host(text))


def host_key(text: str) -> str:
    """The same with what stands below it, without www: eu.acme.com is another host than acme.com."""
    host = _ascii(_host(text)).removesuffix(".").removeprefix("www.")
    return host if registered_domain(host) else ""


def parents(host: str) -> list[str]:
    """A host and what it stands below, down to the registered domain: eu.acme.com, acme.com."""
    registered = registered_domain(host)
    labels = host.split(".")
    above = len(labels) - registered.count(".") - 1
    return [".".join(labels[first:]) for first in range(above + 1 if registered else 0)]


def _host(text: str) -> str:
    if len(text) > LONGEST:
        return ""
    host = text.strip().lower()
    while (rest := _BEFORE.sub("", host, count=1)) != host:
        host = rest
    return _AFTER.sub("", host)


@lru_cache(maxsize=4096)
def registered_domain(host: str) -> str:
    """The same of a host alone, in small letters. Members share a few hosts, which are looked at once."""
    host = _ascii(host).removesuffix(".")
    if len(host) > LONGEST_HOST or not _HOST.fullmatch(host):
        return ""
    labels = host.split(".")
    kept = 1 + _suffix_length(labels)
    return ".".join(labels[-kept:]) if len(labels) >= kept else ""


def label_key(domain: str) -> str:
    """What a registered domain is called, to be compared with names of companies: acme of acme.co.uk."""
    return domain.partition(".")[0].replace("-", "")


def is_free_mail(domain: str, also: Collection[str] = frozenset()) -> bool:
    """Whether anybody may have an address at this registered domain, so that it says nothing about a company."""
    return domain in FREE_MAIL or domain.partition(".")[0] in FREE_BRANDS or domain in also


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def _suffix_length(labels: list[str]) -> int:
    """How many labels at the end are a public suffix: one or two."""
    last, before = labels[-1], labels[-2]
    return 2 if f"{before}.{last}" in SUFFIXES or (len(last) == 2 and before in SECOND_LEVEL) else 1
