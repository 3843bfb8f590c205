"""How big an install without extras is, and how many dependencies it names. Needs the package registry.

Run: python benchmarks/install.py
"""

from __future__ import annotations

import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path

from measure import MB, ROOT, Row, show

TOOLS = ("pip", "setuptools", "_distutils_hack", "distutils-precedence")
"""What a new environment holds before anything is installed into it."""


def pip(folder: Path, *arguments: str) -> None:
    command = [str(folder / "bin" / "python"), "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True, cwd=ROOT)


def install(scratch: Path) -> Path:
    """The locked requirements and a wheel of the project; the wheel is built elsewhere."""
    builder, installed = scratch / "builder", scratch / "installed"
    for folder in (builder, installed):
        venv.create(folder, with_pip=True)
    pip(builder, "install", "--require-hashes", "-r", "requirements/build.txt")
    pip(builder, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(scratch), ".")
    pip(installed, "install", "--require-hashes", "-r", "requirements/run.txt")
    pip(installed, "install", "--no-deps", *map(str, scratch.glob("*.whl")))
    return installed


def size_mb(installed: Path) -> float:
    [packages] = installed.glob("lib/python*/site-packages")
    kept = (item for item in packages.iterdir() if not item.name.startswith(TOOLS))
    files = (file for item in kept for file in ([item] if item.is_file() else item.rglob("*")))
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc") / MB


def direct() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return len(project["dependencies"])


def measure(scratch: Path) -> list[Row]:
    return [
        Row(what="installed, without bytecode", values=[size_mb(install(scratch))], unit="MB", at_most=80),
        Row(what="direct dependencies", values=[direct()], at_most=15),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        raise SystemExit(show(measure(Path(name))))
