"""Proves that a model's query is one SELECT that only reads, and finds its output columns. The one place that knows sqlglot.

What can be told offline is told here. Functions that are not known to do anything but compute are let through: the session in
which the query runs is read only by construction, and that is the stronger wall.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from reconciler.config import sqltext
from reconciler.config.effects import does
from reconciler.model.resources import Dialect

if TYPE_CHECKING:
    from sqlglot import Token, exp

SYNTAX, READ_ONLY = "E-SQL", "E-SQL-READ-ONLY"

_READS = "a model only reads: write one SELECT"
_TEMPLATE = re.compile(r"\{\{|\{%|\{#|\$\{|<%")
_TEMPLATE_IN_TEXT = re.compile(r"\{\{\s*[A-Za-z_].*?\}\}|\{%.*?%\}", re.DOTALL)
_PARAMETER = re.compile(r"\?\d*|(?<![:\w]):\w+|%s|%\(\w+\)s|\$\d+|@\w+")
_COMMENT = re.compile(r"--|//|#|/\*")
_OPENED = re.compile(r"Missing (\S+) from \d+:(\d+)")
_FOLDS = frozenset((Dialect.POSTGRESQL, Dialect.REDSHIFT, Dialect.SNOWFLAKE))
"""Dialects whose drivers give the names of unquoted columns in lower case, however they were written."""

_WRITES = frozenset(
    (
        *("ALTER", "ANALYZE", "ATTACH", "BEGIN", "CACHE", "CALL", "CHECKPOINT", "CLUSTER", "COMMENT"),
        *("COMMIT", "COPY", "CREATE", "DEALLOCATE", "DECLARE", "DELETE", "DETACH", "DISCARD", "DO"),
        *("DROP", "END", "EXEC", "EXECUTE", "EXPLAIN", "EXPORT", "GET", "GRANT", "IMPORT", "INSERT"),
        *("INSTALL", "KILL", "LISTEN", "LOAD", "LOCK", "MERGE", "MSCK", "NOTIFY", "OPTIMIZE", "PRAGMA"),
        *("PREPARE", "PUT", "REFRESH", "REINDEX", "RELEASE", "REMOVE", "RENAME", "REPLACE", "RESET"),
        *("REVOKE", "ROLLBACK", "SAVEPOINT", "SET", "SHOW", "START", "TRUNCATE", "UNCACHE", "UNLOAD"),
        *("UNSET", "UPDATE", "UPSERT", "USE", "VACUUM", "DESCRIBE", "DESC"),
    )
)
"""Words that begin a statement of another kind."""

_REFUSED = (
    *("Alter", "Attach", "Command", "Commit", "Copy", "Create", "DDL", "DML", "Detach", "Drop", "Install"),
    *("Into", "Kill", "Lock", "Pragma", "Rollback", "Set", "Transaction", "TruncateTable"),
    "Use",
)
"""Nodes of a syntax tree that no reading query has, at whatever depth."""


STUMBLES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the parser raises, besides its own errors, over some texts that are no SQL."""


class Wrong(NamedTuple):
    """What is wrong with a query, and where in its text, from 1."""

    code: str
    message: str
    hint: str
    line: int = 1
    column: int = 1
    length: int = 1


class Proof(NamedTuple):
    """What was found out. `columns` is None where the query does not tell them, or is wrong."""

    problems: tuple[Wrong, ...]
    columns: tuple[str, ...] | None = None


def prove(query: str, dialect: Dialect) -> Proof:
    """Everything that can be said about a query without a database."""
    _quiet()
    try:
        return _Query(query, dialect).proof()
    except RecursionError:
        return Proof((Wrong(SYNTAX, "this SQL is nested too deeply", "make a view of the inner parts"),))


def dialect_name(dialect: Dialect) -> str:
    """What sqlglot calls a dialect."""
    return "postgres" if dialect is Dialect.POSTGRESQL else dialect.value


def _quiet() -> None:
    """Its warnings are about what it takes for another statement, which is refused here in our own words."""
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


class _Query:
    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self.tokens: Sequence[Token] = ()
        self.code = text

    def proof(self) -> Proof:
        found = self._forbidden() or self._lexed() or self._outline()
        if found:
            return Proof((found,))
        tree = self._parsed()
        if isinstance(tree, Wrong):
            return Proof((tree,))
        columns = self._columns(tree)
        problems = {*self._effects(), *self._refused(tree), *self._parameters(tree), *self._twice(columns or ())}
        return Proof(tuple(sorted(problems, key=lambda wrong: wrong[3:5])), columns)

    def _wrong(self, code: str, message: str, hint: str, start: int, length: int = 1) -> Wrong:
        return Wrong(code, message, hint, *sqltext.place(self.text, start), max(1, length))

    def _at(self, token: Token, code: str, message: str, hint: str) -> Wrong:
        length = token.end + 1 - token.start if "\n" not in token.text else 1
        return self._wrong(code, message, hint, token.start, length)

    def _forbidden(self) -> Wrong | None:
        found = sqltext.forbidden(self.text)
        return self._wrong(SYNTAX, found[1], found[2], found[0]) if found else None

    # -- words ---------------------------------------------------------------------------------------------------------

    def _lexed(self) -> Wrong | None:
        """Cut the text into words, with what stands between them looked at, too."""
        from sqlglot import TokenType, tokenize
        from sqlglot.errors import TokenError

        try:
            self.tokens = tokenize(self.text, read=dialect_name(self.dialect))
        except TokenError as error:
            return self._template(self.text) or self._unclosed(error)
        code, end = list(self.text), 0
        for token in self.tokens:
            if wrong := self._gap(end, token.start, code):
                return wrong
            if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER, *_texts()):
                if found := _TEMPLATE_IN_TEXT.search(self.text, token.start, token.end + 1):
                    return self._braces(found.start())
                code[token.start : token.end + 1] = " " * (token.end + 1 - token.start)
            end = token.end + 1
        wrong = self._gap(end, len(self.text), code)
        self.code = "".join(code)
        return wrong or self._template(self.code)

    def _gap(self, start: int, end: int, code: list[str]) -> Wrong | None:
        """What stands between two words: comments. One within another ends at other places in other databases."""
        while (found := _COMMENT.search(self.text, start, end)) is not None:
            if found.group() != "/*":
                stop = self.text.find("\n", found.end(), end)
                stop = end if stop < 0 else stop
            else:
                stop = self.text.index("*/", found.end(), end) + 2
                inner = self.text.find("/*", found.end(), stop)
                if inner >= 0:
                    message = "a comment stands in a comment, and databases differ about where that ends"
                    return self._wrong(SYNTAX, message, "take the inner one out", inner, 2)
            # What begins with {# is no comment but a template, which is told when all of the code is known.
            if found.group() != "#":
                code[found.start() : stop] = " " * (stop - found.start())
            start = stop
        return None

    def _template(self, text: str) -> Wrong | None:
        found = _TEMPLATE.search(text)
        return self._braces(found.start()) if found else None

    def _braces(self, start: int) -> Wrong:
        hint = "write the SQL as the database gets it; templates of other tools mean nothing here"
        return self._wrong(SYNTAX, "this is a template, not SQL", hint, start, 2)

    def _unclosed(self, error: BaseException) -> Wrong:
        found = _OPENED.search(str(error.__cause__))
        if not found:
            return self._wrong(SYNTAX, "something that opens here or below is not closed", "look for /* and quotes", 0)
        message, hint = f"what opens here is not closed: {found[1]} is missing", "close it"
        return self._wrong(SYNTAX, message, hint, int(found[2]))

    # -- statements ----------------------------------------------------------------------------------------------------

    def _outline(self) -> Wrong | None:
        """Whether this is one statement, and one that begins as a SELECT does."""
        from sqlglot import TokenType

        for token, after in zip_longest(self.tokens, self.tokens[1:]):
            if token.token_type is TokenType.SEMICOLON:
                if after is None:
                    return self._at(token, SYNTAX, "a semicolon stands here", "take it out: a model is one statement")
                hint = "a model is one statement: make a second model, or join them with UNION ALL"
                return self._at(after, SYNTAX, "a second statement begins here", hint)
        first = next((token for token in self.tokens if token.token_type is not TokenType.L_PAREN), None)
        if first is None:
            return Wrong(SYNTAX, "there is no SQL here", "write one SELECT")
        word = first.text.upper()
        if first.token_type is TokenType.SELECT or word in ("WITH", "FROM"):
            return None
        if word in _WRITES:
            return self._at(first, READ_ONLY, f"{word} is no SELECT", _READS)
        return self._at(first, SYNTAX, f"a model is one SELECT, and this begins with '{first.text[:40]}'", _READS)

    def _parsed(self) -> exp.Expr | Wrong:
        from sqlglot import exp, parse
        from sqlglot.errors import SqlglotError

        try:
            found = [tree for tree in parse(self.text, read=dialect_name(self.dialect)) if tree is not None]
        except (SqlglotError, *STUMBLES) as error:
            return self._unparsed(error)
        (tree,) = found
        if isinstance(tree, exp.Query):
            return tree
        return self._at(self.tokens[0], READ_ONLY, "this is no SELECT", _READS)

    def _unparsed(self, error: BaseException) -> Wrong:
        details = (getattr(error, "errors", None) or [{}])[0]
        line, end, shown = details.get("line"), details.get("col"), str(details.get("highlight") or "")
        if not isinstance(line, int) or not isinstance(end, int):
            return Wrong(SYNTAX, "this SQL cannot be understood", "try it in the database")
        column = max(1, end - len(shown) + 1) if "\n" not in shown else 1
        start = sum(len(row) + 1 for row in self.text.split("\n")[: line - 1]) + column - 1
        for found in _PARAMETER.finditer(self.code):
            if found.start() <= start <= found.end():
                return self._parameter(found.start(), found.group())
        near = f" near '{shown[:40]}'" if shown.strip() else ""
        hint = f"it is read as {self.dialect.value}, which the connection's `dialect` says; try it in the database"
        return Wrong(SYNTAX, f"this SQL cannot be understood{near}", hint, line, column, max(1, len(shown)))

    # -- reading -------------------------------------------------------------------------------------------------------

    def _effects(self) -> Iterator[Wrong]:
        """Functions that do more than compute, wherever they are called and however they are written."""
        from sqlglot import TokenType

        for token, after in zip_longest(self.tokens, self.tokens[1:]):
            called = after is not None and after.token_type is TokenType.L_PAREN
            word = token.text.lower()
            if called and token.token_type is not TokenType.STRING and (what := does(word)):
                yield self._at(token, READ_ONLY, f"the function {word} {what}", "a model only reads: take it out")
            elif self.dialect is Dialect.SNOWFLAKE and word == "nextval" and not called:
                yield self._at(token, READ_ONLY, "nextval moves a sequence on", "a model only reads: take it out")

    def _refused(self, tree: exp.Expr) -> Iterator[Wrong]:
        """What writes, locks or settings can hide in, at whatever depth."""
        from sqlglot import exp

        refused = tuple(getattr(exp, name) for name in _REFUSED)
        for node in tree.walk():
            if isinstance(node, refused):
                kind = type(node).__name__
                word, what = ("FOR", "a lock") if kind == "Lock" else (kind.upper(), kind.upper())
                yield self._word(word, f"{what} is not possible in a model", _READS)
            elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
                yield from self._file(node.this.name)

    def _file(self, name: str) -> Iterator[Wrong]:
        """`FROM 'users.csv'`"""
        from sqlglot import TokenType

        for token in self.tokens:
            if token.token_type is TokenType.STRING and token.text == name:
                hint = "load it into the warehouse first"
                yield self._at(token, READ_ONLY, "this reads a file, and a model reads the warehouse", hint)

    def _word(self, word: str, message: str, hint: str) -> Wrong:
        for token in self.tokens:
            if token.text.upper() == word:
                return self._at(token, READ_ONLY, message, hint)
        return Wrong(READ_ONLY, message, hint)

    def _parameters(self, tree: exp.Expr) -> Iterator[Wrong]:
        from sqlglot import exp

        if not any(tree.find_all(exp.Placeholder, exp.Parameter)):
            return
        pattern = _PARAMETER if self.dialect is not Dialect.SNOWFLAKE else re.compile(r"\?|(?<![:\w]):\w+|%s|\$\d+")
        found = pattern.search(self.code)
        yield self._parameter(found.start() if found else 0, found.group() if found else "")

    def _parameter(self, start: int, text: str) -> Wrong:
        hint = "write the value: nobody would fill it in"
        return self._wrong(SYNTAX, f"{text or 'here'} is a parameter", hint, start, len(text))

    # -- columns -------------------------------------------------------------------------------------------------------

    def _columns(self, tree: exp.Expr) -> tuple[str, ...] | None:
        """Names that are certain. A star, or an expression without a name, is named by the database."""
        from sqlglot import exp

        assert isinstance(tree, exp.Query)
        names = []
        for output in tree.selects:
            named = output.args.get("alias") if isinstance(output, exp.Alias) else output.this
            if not isinstance(output, exp.Alias | exp.Column) or not isinstance(named, exp.Identifier):
                return None
            folds = self.dialect in _FOLDS and not named.args.get("quoted")
            names.append(named.name.lower() if folds else named.name)
        return tuple(names)

    def _twice(self, columns: Sequence[str]) -> Iterator[Wrong]:
        for name in sorted({name for name in columns if columns.count(name) > 1}):
            # BigQuery may quote a whole path: `t.a` is one word, and its column is a.
            named = [token for token in self.tokens if token.text.lower() == name.lower()]
            yield self._at(
                (named or self.tokens)[-1],
                SYNTAX,
                f"two output columns are called '{name}'",
                "rename one of them with AS",
            )


def _texts() -> frozenset[object]:
    """Kinds of words that are texts between quotes, and no code."""
    from sqlglot import TokenType

    names = [
        "NATIONAL_STRING",
        "RAW_STRING",
        "HEREDOC_STRING",
        "UNICODE_STRING",
        "BYTE_STRING",
        "BIT_STRING",
        "HEX_STRING",
    ]
    return frozenset(getattr(TokenType, name) for name in names)
