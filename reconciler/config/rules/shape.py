"""Rules that the models and the loading of a project keep: which keys and values a document has, and where files may be."""

from __future__ import annotations

from reconciler.config.rules import examples
from reconciler.config.rules.base import Example, Rule

_TITLE = "object: Company Person, attribute: Title, profileField: Job Title"
_GOOD = Example(text=examples.CS)


def _cs(old: str, new: str) -> Example:
    return Example(text=examples.CS.replace(old, new))


def _channel(document: str) -> Example:
    keys = f"name: ops, type: slack, url: {{env: OPS_WEBHOOK}}, documents: [{document}]"
    return Example(text=examples.CS, project=f"{examples.PROJECT}  notifications:\n    - {{{keys}}}\n")


def _schedule(text: str) -> Example:
    document = examples.mapping(_TITLE)
    return Example(text=document.replace("  mappings:", f"  schedule: {text}\n  mappings:"))


RULES = (
    Rule(
        code="E-KIND",
        title="there is no such kind of document",
        why="The kind decides what a document means.",
        fix="Write one of the kinds that are named. The project stands in reconcile.yaml and nowhere else.",
        bad=_cs("kind: Connection", "kind: Conection"),
        good=_GOOD,
    ),
    Rule(
        code="E-KEY",
        title="there is no such key",
        why="A misspelled key would silently do nothing.",
        fix="Correct the key, or remove it.",
        bad=_cs("  sso: true", "  sso: true\n  actve: true"),
        good=_cs("  sso: true", "  sso: true\n  active: true"),
    ),
    Rule(
        code="E-REQUIRED",
        title="a key is missing",
        why="Nothing sensible can be assumed for it.",
        fix="Add the key.",
        bad=_cs("  domain: acme.gainsightcloud.com\n", ""),
        good=_GOOD,
    ),
    Rule(
        code="E-TYPE",
        title="a value of the wrong type",
        why="Values are never converted silently: a number is not a text, and a text is not true or false.",
        fix="Quote the value if it is text; remove the quotes if it is not.",
        bad=_cs("{name: acme-cs}", "{name: acme-cs, labels: {cost-centre: 4711}}"),
        good=_cs("{name: acme-cs}", '{name: acme-cs, labels: {cost-centre: "4711"}}'),
    ),
    Rule(
        code="E-VALUE",
        title="a value that is not possible here",
        why="Some keys take only certain words, or values within limits.",
        fix="Write one of the values that are named.",
        bad=_cs("  sso: true", "  sso: true\n  concurrency: 100"),
        good=_cs("  sso: true", "  sso: true\n  concurrency: 16"),
    ),
    Rule(
        code="E-NAME",
        title="a name that is not possible",
        why="Names appear in commands, URLs and table names: lower-case letters, digits and -, 1 to 63 characters.",
        fix="Choose such a name.",
        bad=_cs("{name: acme-cs}", "{name: Acme CS}"),
        good=_GOOD,
    ),
    Rule(
        code="E-SCHEDULE",
        title="a schedule that cannot be kept",
        why="A schedule is a period of 5 minutes to 366 days, or five cron fields that fire at least once and never more "
        "often than every 5 minutes. Nicknames such as @daily, a sixth field and random fields are not part of it, nor is "
        "what programs read in different ways, such as */90.",
        fix='Write {every: 4h}, or {cron: "0 */4 * * *", timezone: Europe/Berlin}.',
        bad=_schedule('{cron: "0 0 31 2 *"}'),
        good=_schedule('{cron: "0 6 * * MON-FRI", timezone: Europe/Berlin}'),
    ),
    Rule(
        code="E-SECRET",
        title="a secret stands in YAML",
        why="What is in git is read by everybody who can read the repository, for ever. A secret is referenced, never written.",
        fix="Put the secret into an environment variable or a file, and write {env: NAME} or {file: PATH}. Change the secret: it "
        "has been seen.",
        bad=_cs("{env: ACME_CS_KEY}", "example-key-0000"),
        good=_cs("{env: ACME_CS_KEY}", "{file: /run/secrets/acme_cs}"),
    ),
    Rule(
        code="E-SECRET-FORM",
        title="a secret reference of another form",
        why="A secret is found in exactly one place: an environment variable or a file.",
        fix="Write {env: NAME} or {file: PATH}.",
        bad=_cs("{env: ACME_CS_KEY}", "{env: ACME_CS_KEY, file: /run/secrets/acme_cs}"),
        good=_GOOD,
    ),
    Rule(
        code="E-DOCUMENT",
        title="a document is named that does not exist",
        why="A notification channel that waits for a document which is misspelled or gone would be silent for ever.",
        fix="Correct the name, or remove it. Without `documents` a channel hears of all documents.",
        bad=_channel("acme-profil"),
        good=_channel("acme-cs"),
    ),
    Rule(
        code="E-EMPTY",
        title="there are no documents",
        why="Files without a document look like everything was removed. That is far more often a mistake than a wish.",
        fix="Write documents, or correct spec.configs in reconcile.yaml. To stop everything, deactivate the connections.",
        bad=Example(text="# nothing here yet\n", alone=True),
        good=_GOOD,
    ),
    Rule(
        code="E-PATH",
        title="a path that may not be used",
        why="Configuration is what was reviewed in this repository. Symbolic links, `..`, absolute paths, devices and the "
        "like could lead anywhere on the machine that reads it. What the program writes, the state file and the database, "
        "never stands among what people write.",
        fix="Name folders and files below the folder of reconcile.yaml, and put real files there. Keep the state file and the "
        "database in a folder of their own.",
        bad=Example(text=examples.CS, project=examples.PROJECT.replace("[config]", "[config, ../other]")),
        good=_GOOD,
    ),
    Rule(
        code="E-CATALOG",
        title="a catalog that cannot be read",
        why="The catalog is written by `reconcile catalog pull`. If it is damaged, attributes cannot be checked.",
        fix="Run `reconcile catalog pull` again, or restore the file from git. Never merge it by hand.",
        bad=Example(text=examples.CS, catalog_text='{"formatVersion": 1, "connection": '),
        good=_GOOD,
    ),
)
