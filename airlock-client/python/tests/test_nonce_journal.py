import os
import stat
import threading

import pytest

from airlock_gateway import _native
from airlock_gateway.nonce_journal import NonceJournal


def test_a_nonce_is_new_once():
    journal = NonceJournal()
    assert not journal.has_seen("n")
    assert journal.try_record("n") is True
    assert journal.try_record("n") is False
    assert journal.has_seen("n") and not journal.has_seen("m")
    assert journal.count == 1


def test_a_nonce_is_forgotten_after_its_time():
    journal = _native.NonceJournal(900, "")
    assert journal.try_record("n", 0)
    assert not journal.try_record("n", 899_000)
    assert journal.has_seen("n", 899_000) and not journal.has_seen("n", 901_000)
    assert journal.try_record("n", 901_000)


def test_a_file_carries_nonces_to_the_next_process(tmp_path):
    path = tmp_path / "nonces"
    assert NonceJournal(persist_path=path).try_record("n-1")
    again = NonceJournal(persist_path=str(path))
    assert again.count == 1
    assert not again.try_record("n-1") and again.try_record("n-2")
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert sorted(nonce for nonce, _ in lines) == ["n-1", "n-2"]
    assert all(float(seconds) > 1_700_000_000 for _, seconds in lines)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(tmp_path) == ["nonces"]


def test_a_file_of_the_published_package_is_read_and_nonsense_skipped(tmp_path):
    path = tmp_path / "nonces"
    path.write_bytes(b"old\t1700000000.5\nfresh\t%d.25\nno time\nx\ty\tz\nbad\tnan\n\xff\n" % 4_000_000_000)
    journal = NonceJournal(persist_path=path)
    assert journal.has_seen("fresh") and not journal.has_seen("old") and not journal.has_seen("bad")


@pytest.mark.parametrize("path", ["/nonexistent/nonces", "/proc/self/mem/x"])
def test_a_file_that_cannot_be_written_is_no_error(path):
    journal = NonceJournal(persist_path=path)
    assert journal.try_record("n") and not journal.try_record("n")


def test_of_many_threads_one_is_first(tmp_path):
    journal = NonceJournal(persist_path=tmp_path / "nonces")
    firsts = []
    start = threading.Barrier(8)

    def record():
        start.wait()
        firsts.append([nonce for nonce in map(str, range(20)) if journal.try_record(nonce)])

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(nonce for found in firsts for nonce in found) == sorted(map(str, range(20)))
    assert NonceJournal(persist_path=tmp_path / "nonces").count == 20
