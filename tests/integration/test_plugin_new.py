"""`phasegate plugin new`: what it writes is a package that works as it is, whatever the kind and the name."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from phasegate.cli import main
from phasegate.cli.scaffold import KINDS

pytestmark = pytest.mark.long

NAMES = {"proxy": "s3", "access": "plugin", "response": "response", "faas": "function-plugin", "auth": "a" * 32}


def new(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plugin", "new", *arguments])
    assert not ended.value.code


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["plugin", "new", *arguments])
    assert ended.value.code == 1
    return capsys.readouterr().err


def run(python: Path, folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PIP", "COV"))}
    done = subprocess.run(
        [str(python), "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def environment(folder: Path) -> Path:
    """Make a virtual environment that also sees what this one has, and return its Python."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (own / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return python


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_installs_and_passes_everything(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    name = NAMES[kind]
    new(name, "--kind", kind, "--into", str(tmp_path))
    package, python = tmp_path / f"phasegate-{name}", environment(tmp_path / "venv")
    run(python, package, "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", ".")
    assert "passed" in run(python, package, "pytest", "-q")
    cache = tmp_path_factory.getbasetemp() / "mypy"
    run(python, package, "mypy", "--cache-dir", str(cache))
    run(python, package, "ruff", "check", "--no-cache", ".")
    run(python, package, "ruff", "format", "--check", "--no-cache", ".")
    assert ": ok (1 route, 1 plugin, " in run(python, package, "phasegate", "check", "conf")
    assert f"# {name}\n" in run(python, package, "phasegate", "plugin", "docs", name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", "a-b-c9", "exchange", "a" * 32])
def test_no_name_spoils_the_style(tmp_path: Path, kind: str, name: str) -> None:
    new(name, "--kind", kind, "--into", str(tmp_path))
    for arguments in (("check",), ("format", "--check")):
        run(Path(sys.executable), tmp_path / f"phasegate-{name}", "ruff", *arguments, "--no-cache", ".")


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_is_complete_and_has_no_gaps(tmp_path: Path, kind: str) -> None:
    new("request-quota2", "--kind", kind, "--into", str(tmp_path))
    package = tmp_path / "phasegate-request-quota2"
    written = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    module = "src/phasegate_request_quota2"
    assert written == {
        ".github/workflows/check.yml",
        ".gitignore",
        "README.md",
        "conf/gateway.yaml",
        "conf/routes.yaml",
        "pyproject.toml",
        f"{module}/__init__.py",
        f"{module}/plugin.py",
        f"{module}/py.typed",
        "tests/test_plugin.py",
    }
    assert "class RequestQuota2(" in (package / module / "plugin.py").read_text()
    assert all("$name" not in (package / path).read_text() for path in written)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Quota", "give lower-case words joined by -"),
        ("two_words", "give lower-case words joined by -"),
        ("2fa", "give lower-case words joined by -"),
        ("-x", "give lower-case words joined by -"),
        ("a--b", "give lower-case words joined by -"),
        ("../up", "give lower-case words joined by -"),
        ("class", "is a word of Python's own: choose another name, such as class-plugin"),
        ("none", "is a word of Python's own"),
        ("a" * 33, "is longer than 32 characters"),
        ("key-auth", "is a plugin of phasegate-auth already: choose another name"),
        ("forward", "is a plugin of phasegate already: choose another name"),
    ],
)
def test_a_name_that_can_not_be_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, remedy: str
) -> None:
    assert remedy in refused(capsys, "--into", str(tmp_path), "--", name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "phasegate-quota").mkdir()
    (tmp_path / "phasegate-quota" / "mine").write_text("mine")
    assert "is there already: remove it" in refused(capsys, "quota", "--into", str(tmp_path))
    assert [path.name for path in tmp_path.rglob("*")] == ["phasegate-quota", "mine"]


def test_nothing_is_half_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, count = Path.write_text, 0

    def fails(self: Path, *arguments: str, **options: str) -> int:
        nonlocal count
        count += 1
        if count > 3:
            raise OSError(28, "No space left on device")
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", fails)
    assert "can't be written: No space left on device" in refused(capsys, "quota", "--into", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_templates_are_in_the_wheel(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent.parent
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", str(wheel)], check=True, capture_output=True)
    templates = {str(path.relative_to(root / "core")) for path in root.glob("core/**/*.template")}
    assert len(templates) > 20
    assert all(path in listed.stdout.decode() for path in templates)
