"""Runs commands of the command line for the files test_cli_*.py."""

import json
import os
import subprocess
import sys

from click.testing import CliRunner, Result

from zoo.cli import main
from zoo.errors import ZooError


def run(*arguments, code: int = 0) -> Result:
    """Runs `zoo arguments` in this process."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def run_json(*arguments):
    """What `zoo arguments --json` prints."""
    return json.loads(run(*arguments, "--json").stdout)


def refusal(*arguments) -> ZooError:
    """The error of one sentence with which `zoo arguments` ends; `.argument` is what it leads with."""
    lines = run(*arguments, code=1).stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), lines
    return ZooError(lines[0].removeprefix("Error: "))


def process(*arguments, **options) -> subprocess.CompletedProcess:
    """Runs `zoo arguments` in a process of its own."""
    command = [sys.executable, "-m", "zoo.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | options.pop("env", {}), **options)
