from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config import discovery
from reconciler.config.rules import examples
from tests.config.helpers import codes, load, write


def files(root: Path, *configs: str) -> tuple[str, ...]:
    found = discovery.discover(root, configs)
    assert found.refused == ()
    return found.files


def refused(root: Path, *configs: str) -> list[str]:
    return [found.message for found in discovery.discover(root, configs).refused]


def test_the_project_is_found_upwards_or_by_name(tmp_path: Path) -> None:
    root = write(tmp_path / "a", {"b/c/x.yaml": ""})
    expected = root.resolve() / "reconcile.yaml"
    assert discovery.find_project(None, root / "b" / "c") == expected
    assert discovery.find_project(root, Path("/")) == expected
    assert discovery.find_project(Path("reconcile.yaml"), root) == expected
    other = root / "other.yaml"
    other.write_text(examples.PROJECT)
    assert discovery.find_project(other, Path("/")) == root.resolve() / "other.yaml"


@pytest.mark.parametrize("path", [None, Path("nowhere"), Path("empty"), Path("a\0b")])
def test_without_a_project_file_there_is_a_hint(path: Path | None, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(errors.NotFound) as caught:
        discovery.find_project(path, tmp_path)
    assert caught.value.hint


def test_files_are_sorted_and_only_yaml(tmp_path: Path) -> None:
    names = ["m/b.yaml", "m/a.yml", "m/sub/deep/C.YAML", "m/readme.md", "m/.hidden.yaml", "m/.git/x.yaml", "one.yaml"]
    write(tmp_path, dict.fromkeys(names, ""))
    expected = ("m/a.yml", "m/b.yaml", "m/sub/deep/C.YAML", "one.yaml")
    assert files(tmp_path, "m", "one.yaml") == expected
    assert files(tmp_path, "one.yaml", "./m/", "m/a.yml", "m/sub") == expected


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("../other", "does not lead below"),
        ("a/../../other", "does not lead below"),
        ("a/..", "does not lead below"),
        ("..", "does not lead below"),
        (".", "does not lead below"),
        ("/etc", "does not lead below"),
        ("~/x", "does not lead below"),
        ("file:///etc/passwd", "does not lead below"),
        ("C:\\x", "Windows"),
        ("c:x", "Windows"),
        ("a\\b", "Windows"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("\u202egnp", "control"),
    ],
)
def test_paths_outside_the_root_are_refused(entry: str, why: str, tmp_path: Path) -> None:
    (message,) = refused(tmp_path, entry)
    assert why in message


def test_symbolic_links_are_refused_and_nothing_of_their_target_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("canary: 1\n")
    root = write(tmp_path / "root", {"config/a.yaml": examples.CS})
    (root / "config" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "config" / "folder").symlink_to(tmp_path)
    (root / "config" / "dangling.yaml").symlink_to(tmp_path / "nothing")
    (root / "direct").symlink_to(root / "config")
    loaded = load(root)
    assert codes(loaded.diagnostics) == ["E-PATH"] * 3
    assert "canary" not in repr(loaded.diagnostics) and str(tmp_path / "secret") not in repr(loaded.diagnostics)
    assert {str(found.position) for found in loaded.diagnostics} == {"reconcile.yaml:5:13"}
    assert refused(root, "direct") == ["direct is a symbolic link"]
    assert refused(root, "direct/a.yaml") == ["direct is a symbolic link"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"config/a.yaml": ""})
    os.mkfifo(tmp_path / "config" / "pipe.yaml")
    assert refused(tmp_path, "config") == ["config/pipe.yaml is neither a file nor a folder"]
    assert refused(tmp_path, "config/pipe.yaml") == ["config/pipe.yaml is neither a file nor a folder"]
    with pytest.raises(errors.ConfigIncomplete, match="changed into something else"):
        discovery.read(tmp_path, "config/pipe.yaml", 10)


def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"config/a.yaml": ""})
    Path(os.fsdecode(bytes(tmp_path / "config") + b"/\xff.yaml")).write_text("")
    (message,) = refused(tmp_path, "config")
    assert message == "config/\\udcff.yaml has a name that is not UTF-8"


@pytest.mark.parametrize("entry", ["missing", "missing/x.yaml", "config/a.yaml/below"])
def test_what_is_missing_is_never_taken_for_removed(entry: str, tmp_path: Path) -> None:
    write(tmp_path, {"config/a.yaml": ""})
    with pytest.raises(errors.ConfigIncomplete, match="does not exist"):
        discovery.discover(tmp_path, ["config", entry])


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with pytest.raises(errors.ConfigIncomplete, match="there is no YAML file in config"):
        discovery.discover(tmp_path, ["config"])


def test_a_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"config/a.yaml": examples.CS})
    found = discovery.discover(tmp_path, ["config"])
    (tmp_path / "config" / "a.yaml").unlink()
    with pytest.raises(errors.ConfigIncomplete, match=r"config/a\.yaml does not exist"):
        discovery.read(tmp_path, found.files[0], 10)


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"config/a.yaml": "", "b.yaml": "canary"})
    (tmp_path / "config" / "a.yaml").unlink()
    (tmp_path / "config" / "a.yaml").symlink_to(tmp_path / "b.yaml")
    with pytest.raises(errors.ConfigIncomplete, match="cannot be read"):
        discovery.read(tmp_path, "config/a.yaml", 10)


def _as_somebody_else(folder: Path) -> str:
    """The message of discovery as a user who may not read everything; root may, so a child process gives its rights up."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            found = discovery.discover(folder, ["config"])
            message = ",".join(discovery.read(folder, file, 10).decode() for file in found.files)
        except errors.ConfigIncomplete as error:
            message = error.message
        os.write(writer, message.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read()


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    import shutil
    import tempfile

    # Not below pytest's own folder, which nobody else may enter.
    root = Path(tempfile.mkdtemp())
    try:
        write(root, {"config/sub/a.yaml": "a"})
        root.chmod(0o755)
        assert _as_somebody_else(root) == "a"
        (root / "config" / "sub" / "a.yaml").chmod(0)
        assert _as_somebody_else(root) == "config/sub/a.yaml cannot be read: permission denied"
        (root / "config" / "sub").chmod(0)
        assert _as_somebody_else(root) == "config/sub cannot be read: permission denied"
    finally:
        (root / "config" / "sub").chmod(0o755)
        shutil.rmtree(root)


def test_too_many_files(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "0.yaml").write_text("")
    for number in range(1, discovery.MAX_FILES + 1):
        (folder / f"{number}.yaml").hardlink_to(folder / "0.yaml")
    with pytest.raises(errors.ConfigIncomplete, match="more than 20,000"):
        discovery.discover(tmp_path, ["config"])


def test_too_much_altogether(tmp_path: Path) -> None:
    folder = write(tmp_path, {"config/0.yaml": "#" + "x" * (1024 * 1024)}) / "config"
    for number in range(1, 257):
        (folder / f"{number}.yaml").hardlink_to(folder / "0.yaml")
    with pytest.raises(errors.ConfigIncomplete, match="larger than 256 MiB"):
        load(tmp_path)
