"""The limit on open files, in a process whose own can be changed."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """\
import resource, sys
from anyclaude_tui.backends import machine
resource.setrlimit(resource.RLIMIT_NOFILE, (256, int(sys.argv[1])))
told = machine.allow_open_files(512)
print(told, resource.getrlimit(resource.RLIMIT_NOFILE)[0], machine.allow_open_files(300))
"""


@pytest.mark.parametrize(("hard", "told"), [(1024, 512), (400, 400), (256, 256)])
def test_a_macs_few_open_files_become_more(hard: int, told: int) -> None:
    command = [sys.executable, "-c", SCRIPT, str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(told)] * 3
