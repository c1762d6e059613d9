"""The lock of a data folder, and what a killed start left running."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from horizon.instance import RECORD, AlreadyRunning, Instance


@pytest.fixture
def orphan() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group of its own, as all children of Horizon do, and its child."""
    process = subprocess.Popen(["sh", "-c", "sleep 300 & echo ready; wait"], process_group=0, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    for member in psutil.process_iter():
        if member.pid != os.getpid() and os.getpgid(member.pid) == process.pid:
            member.kill()
    process.communicate()


def test_a_folder_has_one_instance_and_is_free_afterwards(tmp_path: Path) -> None:
    first = Instance(tmp_path)
    with pytest.raises(AlreadyRunning, match=rf"already runs on .* \(process {os.getpid()}\)"):
        Instance(tmp_path)
    first.close()
    Instance(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_start_left_is_ended_with_all_its_children(
    tmp_path: Path, orphan: subprocess.Popen[bytes]
) -> None:
    family = [psutil.Process(orphan.pid), *psutil.Process(orphan.pid).children()]
    instance = Instance(tmp_path)
    instance.record([orphan.pid])
    assert instance.end_orphans() == len(family) == 2
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    instance.close()


def test_a_process_that_was_given_the_number_later_is_left_alone(
    tmp_path: Path, orphan: subprocess.Popen[bytes]
) -> None:
    instance = Instance(tmp_path)
    (tmp_path / RECORD).write_text(json.dumps([[orphan.pid, psutil.Process(orphan.pid).create_time() - 3600]]))
    assert instance.end_orphans() == 0
    assert orphan.poll() is None
    instance.close()


@pytest.mark.parametrize("content", ["", "[[1,", "{}"])
def test_a_record_that_was_cut_off_is_no_obstacle(tmp_path: Path, content: str) -> None:
    instance = Instance(tmp_path)
    (tmp_path / RECORD).write_text(content)
    assert instance.end_orphans() == 0
    instance.close()
