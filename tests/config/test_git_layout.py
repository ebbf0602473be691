"""What a commit becomes on the disk: plain files, and never anything that could lead a reader elsewhere or hide a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.config.git.checkout import GitCheckout
from reconciler.config.git.metering import MIB, Bounds
from reconciler.config.load import LoadedProject, load_project
from reconciler.config.rules import examples
from reconciler.model.document import MODEL, DocumentId
from reconciler.model.resources import GitSource, OnRewrite
from tests.config.git_server import Author

NEVER = threading.Event()
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"

Take = Callable[..., Path]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    made = Author(tmp_path / "author")
    made.commit({"reconcile.yaml": examples.PROJECT, "config/cs.yaml": examples.CS})
    return made


@pytest.fixture
def take(author: Author, tmp_path: Path) -> Iterator[Take]:
    """The folder that the newest commit is laid out in."""
    opened: list[GitCheckout] = []

    def newest(path: str = ".", bounds: Bounds | None = None) -> Path:
        for earlier in opened:
            earlier.close()
        source = GitSource(
            url=author.url, branch="main", path=path, every=timedelta(minutes=1), username=None, token=None, ssh_key=None,
            on_rewrite=OnRewrite.REFUSE,
        )  # fmt: skip
        opened.append(
            GitCheckout(source, tmp_path / "root", resolve=lambda ref: "", clock=SystemClock(), bounds=bounds)
        )
        return opened[-1].materialise(opened[-1].fetch(NEVER).commit, NEVER)

    yield newest
    for checkout in opened:
        checkout.close()


def load(folder: Path) -> LoadedProject:
    return load_project(folder, folder, use_cache=False)


def refusals(folder: Path) -> list[str]:
    return [found.message for found in load(folder).diagnostics if found.code == "E-PATH"]


def refused(take: Take, path: str = ".", bounds: Bounds | None = None) -> str:
    with pytest.raises(errors.ConfigIncomplete) as caught:
        take(path, bounds)
    assert caught.value.hint
    return caught.value.message


def test_links_are_never_followed(author: Author, take: Take, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(examples.CC)
    (author.folder / "config" / "cc.yaml").symlink_to(tmp_path / "outside.yaml")
    (author.folder / "config" / "more").symlink_to(tmp_path)
    (author.folder / "elsewhere").symlink_to("/etc")
    author.commit()
    folder = take()
    assert sorted(refusals(folder)) == ["config/cc.yaml is a symbolic link", "config/more is a symbolic link"]
    assert not load(folder).valid
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    assert len(links) == 3
    assert not any(link.exists() for link in links)


def test_a_submodule_is_not_taken_for_nothing(author: Author, take: Take) -> None:
    author.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor")
    author.git("commit", "-q", "-m", "A submodule elsewhere")
    assert load(take()).valid
    author.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},config/team-b")
    author.git("commit", "-q", "-m", "A submodule in the way")
    assert refusals(take()) == ["config/team-b is a git submodule"]


def test_a_configuration_folder_that_became_a_submodule(author: Author, take: Take) -> None:
    author.git("rm", "-q", "-r", "config")
    author.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},config")
    author.git("commit", "-q", "-m", "Moved out")
    assert refusals(take()) == ["config is a git submodule"]


def test_pointers_of_lfs(author: Author, take: Take) -> None:
    author.commit({"config/cc.yaml": LFS, "logo.png": LFS})
    folder = take()
    assert refusals(folder) == ["config/cc.yaml is a pointer of git LFS, not the file itself"]
    assert (folder / "logo.png").read_text() == LFS


def test_the_sql_of_a_model(author: Author, take: Take) -> None:
    """What is committed is what runs; what is committed in place of it is no query."""
    model = examples.WAREHOUSE + "---\n" + examples.model("sqlFile: accounts.sql")
    author.commit({"config/m.yaml": model, "config/accounts.sql": "SELECT name\nFROM t;\n"})
    loaded = load(take())
    assert loaded.documents[DocumentId(MODEL, "accounts")].spec["sql"] == "SELECT name\nFROM t"
    assert loaded.diagnostics == ()
    author.commit({"config/accounts.sql": LFS})
    wrong = {(found.message, found.position and found.position.file) for found in load(take()).diagnostics}
    assert ("config/accounts.sql is a pointer of git LFS, not the file itself", "config/m.yaml") in wrong


def test_content_is_as_committed(author: Author, take: Take) -> None:
    """No line ends are changed, no filters run, no attributes read."""
    author.git("config", "filter.evil.smudge", "false")
    author.git("config", "core.autocrlf", "true")
    query, attributes = author.blob(b"a\r\nb\n$Id$"), author.blob(b"* filter=evil ident\n")
    author.git("update-index", "--add", "--cacheinfo", f"100755,{query},config/x.sql")
    author.git("update-index", "--add", "--cacheinfo", f"100644,{attributes},.gitattributes")
    author.git("commit", "-q", "-m", "Attributes")
    folder = take()
    assert (folder / "config" / "x.sql").read_bytes() == b"a\r\nb\n$Id$"
    assert not os.access(folder / "config" / "x.sql", os.X_OK)


def test_large_files(author: Author, take: Take) -> None:
    author.commit({"film.mp4": bytes(2 * MIB), "config/large.yaml": b"#" * 2 * MIB, "small.txt": "x"})
    folder = take()
    assert not (folder / "film.mp4").exists()
    assert (folder / "small.txt").exists()
    assert [found.code for found in load(folder).diagnostics if found.position] == ["E-YAML-LIMIT"]
    assert "more than 1 MiB of files" in refused(take, bounds=Bounds(laid_out=MIB))


def test_too_many_files(author: Author, take: Take) -> None:
    author.commit({f"other/{number}.txt": "" for number in range(30)})
    assert "more than 20 files and folders" in refused(take, bounds=Bounds(files=20))
    author.commit(
        {
            f"deploy/{path}": text
            for path, text in {"reconcile.yaml": examples.PROJECT, "config/a.yaml": examples.CS}.items()
        }
    )
    assert load(take("deploy", Bounds(files=20))).valid


def test_a_tree_that_unfolds(author: Author, take: Take) -> None:
    """Ten folders of ten folders of ten folders, from a handful of objects."""
    inner = author.tree(("100644", b"f", author.blob(b"x")))
    for _ in range(8):
        inner = author.tree(*(("40000", b"%d" % number, inner) for number in range(10)))
    author.commit_tree(author.tree(("40000", b"bomb", inner), ("100644", b"reconcile.yaml", author.blob(b"x"))))
    assert "more than 300 files and folders" in refused(take, bounds=Bounds(files=300))
    inner = author.tree()
    for _ in range(70):
        inner = author.tree(("40000", b"d", inner))
    author.commit_tree(author.tree(("40000", b"deep", inner), ("100644", b"reconcile.yaml", author.blob(b"x"))))
    assert "folders more than 64 deep" in refused(take)


@pytest.mark.parametrize(
    "name",
    [
        b"..", b".", b"", b".git", b".GIT", b".git ", b".git.", b"git~1", ".g\u200cit".encode(), b".git::$INDEX",
        b"a\\b", b"a\nb", b"a\x7fb", b"\xc2\x85", b"\xff", b"x" * 256,
    ],
)  # fmt: skip
def test_names_that_are_not_safe(author: Author, take: Take, name: bytes, tmp_path: Path) -> None:
    blob = author.blob(b"x")
    inner = author.tree(("100644", name, blob))
    author.commit_tree(author.tree(("40000", b"config", inner), ("100644", b"reconcile.yaml", blob)))
    message = refused(take)
    assert "has a name that is not" in message
    assert message.isprintable()
    assert not list((tmp_path / "root" / "var" / "source" / "commits").iterdir()), "nothing half made is left"


@pytest.mark.parametrize("names", [(b"A.yaml", b"a.yaml"), (b"a", b"a"), ("é".encode(), "e\u0301".encode())])
def test_names_that_are_one_on_some_disks(author: Author, take: Take, names: tuple[bytes, bytes]) -> None:
    blob = author.blob(b"x")
    author.commit_tree(author.tree(*(("100644", name, blob) for name in (*names, b"reconcile.yaml"))))
    assert "which are one on some disks" in refused(take)


def test_things_that_are_no_files(author: Author, take: Take) -> None:
    blob = author.blob(b"x")
    author.commit_tree(author.tree(("010644", b"pipe", blob), ("100644", b"reconcile.yaml", blob)))
    assert "neither a file nor a folder: pipe" in refused(take)


def test_objects_that_are_not_what_they_should_be(author: Author, take: Take) -> None:
    blob, lost = author.blob(b"x"), "1" * 40
    project = ("100644", b"reconcile.yaml", blob)
    for entry in (
        ("40000", b"a", blob),
        ("100644", b"a", author.tree(project)),
        ("40000", b"a", lost),
        ("100644", b"a", lost),
    ):
        author.commit_tree(author.tree(entry, project))
        assert "the object" in refused(take)
    broken = author.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=b"100644 a")
    author.commit_tree(author.tree(("40000", b"a", broken), project))
    assert "of the git repository is" in refused(take)
    for text in (b"nothing\n\n", b"tree x\n\n", f"tree {author.tree(project)}\nparent x\n\n".encode()):
        commit = author.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", data=text)
        (author.folder / ".git" / "refs" / "heads" / "main").write_text(commit + "\n")
        assert "of the git repository is" in refused(take)


def test_the_folder_of_the_project(author: Author, take: Take) -> None:
    assert "has no folder deploy" in refused(take, "deploy")
    assert "has no folder reconcile.yaml" in refused(take, "reconcile.yaml")
    assert "there is no file reconcile.yaml in the folder config of commit" in refused(take, "config")
    (author.folder / "reconcile.yaml").unlink()
    (author.folder / "reconcile.yaml").symlink_to("config/cs.yaml")
    author.commit()
    assert "there is no file reconcile.yaml in commit" in refused(take)


def test_what_the_program_keeps_for_itself_never_comes_from_a_repository(author: Author, take: Take) -> None:
    """The cache of an unchanged tree is believed, so whoever may push must not be able to write it."""
    author.git("config", "core.excludesFile", "/dev/null")
    author.commit({"var/cache/config.json": "{}", "deep/var/x": "y"})
    folder = take()
    assert not (folder / "var").exists()
    assert (folder / "deep" / "var" / "x").exists()
    replaced = replace(Bounds(), files=10)
    assert take(".", replaced) == folder
