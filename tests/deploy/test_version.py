import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import version

ROOT = Path(__file__).resolve().parents[2]


def test_an_old_python_is_told_the_needed_one_and_a_way_out():
    text = version.complaint((3, 9, 18), platform="linux", script="bin/up")
    assert "Python 3.9" in text
    assert "3.11 or newer" in text
    assert "bin/up" in text.splitlines()[-1]


def test_the_way_out_names_a_python_that_really_is_new_enough(tmp_path, monkeypatch):
    pretender, real = tmp_path / "python3.14", tmp_path / "python3.12"
    pretender.write_text("#!/bin/sh\nexit 127\n")
    pretender.chmod(0o755)
    real.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert version.complaint((3, 10, 1), platform="linux").endswith(f"{real} bin/up")


def test_a_good_python_hears_nothing():
    assert version.complaint((3, 11, 0), platform="linux") is None
    assert version.complaint((3, 13, 2), platform="linux") is None


@pytest.mark.parametrize("platform", ["win32", "darwin", "freebsd14"])
def test_another_system_is_pointed_to_another_way(platform):
    assert "WSL" in version.complaint((3, 12, 0), platform=platform)


def test_what_runs_before_the_check_is_readable_to_any_python_3():
    for name in ("bin/up", "bin/test", "deploy/local/version.py", "deploy/__init__.py", "deploy/local/__init__.py"):
        ast.parse((ROOT / name).read_text(), feature_version=(3, 6))


def test_the_commands_can_be_run_and_explain_themselves():
    for name in ("bin/up", "bin/test"):
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        answer = subprocess.run([ROOT / name, "--help"], capture_output=True, text=True, env=environment)
        assert answer.returncode == 0
        assert "DATABASE_URL" in answer.stdout
