"""The Dockerfile, as far as it can be judged without building it."""

from __future__ import annotations

from pathlib import Path

from tests.delivery.tools import ROOT, beside_python, run


def test_the_linter_has_nothing_to_say() -> None:
    done = run(beside_python("hadolint"), "--failure-threshold", "style", ROOT / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_would_find_something(tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    worse = tmp_path / "Dockerfile"
    worse.write_text(text.replace('CMD ["run"', "CMD run #").replace("USER 10001:10001", "USER root"), "utf-8")
    done = run(beside_python("hadolint"), "--failure-threshold", "style", worse)
    assert done.returncode == 1
    assert "DL3025" in done.stdout, "a CMD that goes through a shell, which would not pass signals on"
    assert "DL3002" in done.stdout, "root as the last user"


def test_the_build_sees_only_what_is_listed() -> None:
    """Everything is left out first; a secret file that somebody forgets in the checkout never enters the build."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith("!")] == [
        "!LICENSE",
        "!README.md",
        "!pyproject.toml",
        "!reconciler",
    ]
