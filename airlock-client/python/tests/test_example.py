"""The example and the README's first program, run as a person would, against a gateway on loopback."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import airlock_gateway
from gateway import Approver, Gateway, served

EXAMPLE = Path(__file__).parents[3] / "examples/python/ask_approval.py"
README = Path(__file__).parents[1] / "README.md"


def python(folder, *arguments):
    environment = {**os.environ, "AIRLOCK_PAT": "airpat_test", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def run(gateway, folder):
    with served(gateway) as url:
        return python(folder, EXAMPLE, "--gateway", url, "--", sys.executable, "-c", "print('it ran')")


@pytest.mark.parametrize(
    "verdict, code, says",
    [("approve", 0, "Approved: as you like"), ("reject", 1, "Rejected: as you like")],
)
def test_a_command_runs_if_the_approver_said_so(tmp_path, verdict, code, says):
    gateway = Gateway(Approver(lambda payload: verdict))
    first, second = run(gateway, tmp_path), run(gateway, tmp_path)
    assert (first.returncode, second.returncode) == (code, code), first.stderr + second.stderr
    assert "A3K9X2" in first.stdout and "fingerprint" in first.stdout and "A3K9X2" not in second.stdout
    for done in (first, second):
        assert says in done.stdout
        assert ("it ran" in done.stdout.splitlines()) == (verdict == "approve")
    assert [p["folder"] for p in gateway.approver.read] == [str(tmp_path)] * 2


def test_a_forged_yes_runs_nothing(tmp_path):
    gateway = Gateway(Approver(lambda payload: "reject"), tamper=lambda decision: {**decision, "decision": "approve"})
    done = run(gateway, tmp_path)
    assert done.returncode == 3 and "Not approved" in done.stdout and "it ran" not in done.stdout.splitlines()


def test_the_readme_s_program_runs_as_it_is_written(tmp_path):
    program = re.search(r"```python\n(.*?)```", README.read_text(), re.S)[1]
    gateway = Gateway()
    with served(gateway) as url:
        done = python(tmp_path, "-c", program.replace("http://127.0.0.1:8080", url))
    assert done.stdout.splitlines() == ["A3K9X2", "approved as you like"], done.stderr
    assert gateway.approver.read[0]["command"] == "rm -r build"


def test_the_readme_s_other_snippets_name_what_there_is():
    for code in re.findall(r"```python\n(.*?)```", README.read_text(), re.S):
        tree = ast.parse(code)
        for statement in ast.walk(tree):
            if isinstance(statement, ast.ImportFrom) and statement.module == "airlock_gateway":
                assert {alias.name for alias in statement.names} <= set(airlock_gateway.__all__)
