"""Records of samples: cut off anywhere, damaged, hostile, gone on with, large."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
import zlib
from itertools import islice
from pathlib import Path

import pytest
from made_samples import samples

from llmtune.probe.reading import Malformed
from llmtune.probe.sample.log import MAGIC, BadRecord, SampleWriter, encode_sample, pack_head, trailer
from llmtune.probe.sample.log_memory import MemoryLog
from llmtune.probe.sample.log_read import END_OF_TIME_S, SampleReader
from llmtune.probe.sample.sample import Sample

SOME = list(islice(samples(cpus=2, gpus=1, servers=1), 200))
HEADER = b'{"llmtune_record":1,"llmtune":"0.1.0"}\n'


def written(path: Path, values: list[Sample], **more: object) -> bytes:
    writer = SampleWriter(str(path), **more)  # type: ignore[arg-type]
    for value in values:
        writer.write(value)
    writer.close()
    return path.read_bytes()


def block(lines: bytes, number: int = 0) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return pack_head(number, 1.0) + packer.compress(lines) + packer.flush() + trailer(zlib.crc32(lines), len(lines))


def reading(path: Path, data: bytes) -> SampleReader:
    path.write_bytes(data)
    return SampleReader(str(path))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written(tmp_path / "r", SOME, facts={"machine": "a"})
    reader = SampleReader(str(tmp_path / "r"))
    assert len(reader) == 200
    assert reader.cut is None
    assert list(reader) == SOME
    assert [reader[i] for i in (199, 0, 60, 59, 120)] == [SOME[i] for i in (199, 0, 60, 59, 120)]
    assert reader.facts_of(150) == {"machine": "a"}
    assert [reader.time_of(i) for i in (0, 77)] == [SOME[0].time_s, SOME[77].time_s]
    with pytest.raises(IndexError):
        reader[200]


def test_a_time_is_found(tmp_path: Path) -> None:
    written(tmp_path / "r", SOME)
    reader = SampleReader(str(tmp_path / "r"))
    start = SOME[0].time_s
    assert [reader.index_at(start + at) for at in (-5, 0, 0.5, 59.9, 60, 121.2, 1e9)] == [0, 0, 0, 59, 60, 121, 199]


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    back = [one.model_copy(update={"time_s": one.time_s - (3600 if i >= 100 else 0)}) for i, one in enumerate(SOME)]
    written(tmp_path / "r", back)
    reader = SampleReader(str(tmp_path / "r"))
    assert list(reader) == back
    assert reader.index_at(SOME[30].time_s) == 30


def test_zcat_shows_json_lines(tmp_path: Path) -> None:
    data = written(tmp_path / "r", SOME[:130], facts={"machine": "a"}, about={"machine": "box"})
    lines = [json.loads(line) for line in gzip.decompress(data).splitlines()]
    assert lines[0]["llmtune_record"] == 1
    assert lines[0]["machine"] == "box"
    assert sum("sample" in line for line in lines) == 130
    assert sum("facts" in line for line in lines) == 3


def test_it_is_small(tmp_path: Path) -> None:
    data = written(tmp_path / "r", list(islice(samples(cpus=16, gpus=1, servers=1), 600)))
    assert len(data) / 600 * 43_200 < 25e6


def test_cut_off_at_any_byte_it_reads_up_to_there(tmp_path: Path) -> None:
    # Two blocks: the first is whole for most of the cuts.
    few = SOME[:63]
    path, ends = tmp_path / "r", []
    writer = SampleWriter(str(path))
    for one in few:
        writer.write(one)
        ends.append(os.path.getsize(path))
    writer.close()
    data = path.read_bytes()
    step = 1 if os.environ.get("LLMTUNE_THOROUGH") else 97
    second = data.find(MAGIC, 1)
    near = {place for end in (ends[0], ends[59], ends[60], len(data)) for place in range(end - 20, end + 1)}
    for length in sorted(near | set(range(0, len(data), step))):
        due = sum(end <= length for end in ends)
        # Of the bytes that end a flush the last few hold nothing: the line is whole without them.
        most = sum(end - 12 <= length for end in ends)
        path.write_bytes(data[:length])
        found = _count(path)
        assert due <= found <= most, length
        if found:
            reader = SampleReader(str(path))
            assert reader[found - 1] == few[found - 1]
            # Where a block ends nothing is known to be missing, nor where only the next one's head is begun.
            if length in (second, len(data)):
                assert reader.cut is None
            elif not second < length < second + 36:
                assert reader.cut is not None, length


def test_going_on_with_what_was_cut_off_anywhere(tmp_path: Path) -> None:
    path, few = tmp_path / "r", SOME[:4]
    data = written(path, few)
    step = 1 if os.environ.get("LLMTUNE_THOROUGH") else 31
    for length in {*range(0, len(data), step), *range(len(data) - 20, len(data) + 1)}:
        path.write_bytes(data[:length])
        before = max(length and _count(path), 0)
        writer = SampleWriter(str(path))
        writer.write(SOME[100])
        writer.write(SOME[101])
        writer.close()
        reader = SampleReader(str(path))
        kept = len(reader) - 2
        # A line whose flush was cut off inside its mark cannot be gone on from and is the only loss.
        assert before - 1 <= kept <= before, length
        assert list(reader) == few[:kept] + SOME[100:102]
        assert reader.cut is None
        assert gzip.decompress(path.read_bytes()).count(b'"sample":') == len(reader)


def _count(path: Path) -> int:
    try:
        return len(SampleReader(str(path)))
    except BadRecord:
        return 0


def test_other_files_are_never_touched(tmp_path: Path) -> None:
    for name, data in (("text", b"my thesis\n"), ("gz", gzip.compress(b"my thesis\n")), ("zero", bytes(100))):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(BadRecord, match="no record"):
            SampleWriter(str(path))
        assert path.read_bytes() == data
    other = tmp_path / "other"
    other.write_bytes(block(b'{"some":"thing"}\n'))
    with pytest.raises(BadRecord, match="no record"):
        SampleWriter(str(other))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "text")
    with pytest.raises(OSError, match="symbolic"):
        SampleWriter(str(link))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadRecord, match="regular"):
        SampleWriter(str(tmp_path / "fifo"))
    with pytest.raises(BadRecord, match="regular"):
        SampleReader(str(tmp_path / "fifo"))


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    first = SampleWriter(str(tmp_path / "r"))
    with pytest.raises(BadRecord, match="another llmtune records into it"):
        SampleWriter(str(tmp_path / "r"))
    first.write(SOME[0])
    first.close()
    SampleWriter(str(tmp_path / "r")).close()


def test_facts_change_within_a_record(tmp_path: Path) -> None:
    writer = SampleWriter(str(tmp_path / "r"))
    writer.write(SOME[0])
    writer.change_facts({"machine": "b"})
    writer.write(SOME[1])
    writer.close()
    reader = SampleReader(str(tmp_path / "r"))
    assert [reader.facts_of(0), reader.facts_of(1)] == [None, {"machine": "b"}]


LINE = encode_sample(SOME[0])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no record"),
        (b"garbage" * 100, "no record"),
        (gzip.compress(b"{}", mtime=0), "no record"),
        (MAGIC, "no sample"),
        (block(b""), "no sample"),
        (block(b'{"other":1}\n' + LINE), "no record"),
        (block(b'{"llmtune_record":2}\n' + LINE), "the format 2"),
        (block(b'{"llmtune_record":"new"}\n' + LINE), "the format new"),
        (block(b'{"llmtune_record":1' + b"," * 50 + b"\n" + LINE), "not JSON"),
        (block(b'{"llmtune_record":1,"x":' + b"[" * 100_000 + b"\n"), "not JSON"),
        (block(HEADER), "no sample"),
        (block(HEADER + b'{"facts":{}}\n'), "no sample"),
        (block(HEADER + LINE, number=5), "no record"),
        (pack_head(0, float("nan")) + block(HEADER + LINE)[36:], "no record"),
    ],
)
def test_what_is_no_record_is_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words) as caught:
        reading(tmp_path / "r", data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "line",
    [
        b'{"at":1,"sample":{}}\n',
        b'{"at":1,"sample":null}\n',
        b'{"at":1}\n',
        b'{"at":\n',
        b'{"at":1,"sample":' + b"[" * 50_000 + b"\n",
        LINE.replace(b'"clock_s":5000.0', b'"clock_s":NaN'),
        LINE.replace(b'"clock_s":5000.0', b'"clock_s":1e999'),
        LINE.replace(b'"clock_s":5000.0', b'"clock_s":-Infinity'),
        LINE.replace(b'"clock_s":5000.0', b'"clock_s":' + b"9" * 5000),
        LINE.replace(b'"clock_s":5000.0', b'"clock_s":"soon"'),
        LINE.replace(b'"clock_s":5000.0', b'"clock_s":5000.0,"surprise":1'),
        LINE.replace(b'"ticks":[[', b'"ticks":[[1,2],['),
        LINE.replace(b"nvme0n1", b"\xff\xfe"),
        LINE.replace(b"nvme0n1", b"\\ud800"),
    ],
)
def test_a_damaged_sample_is_one_line_and_the_others_are_read(tmp_path: Path, line: bytes) -> None:
    assert line != LINE
    reader = reading(tmp_path / "r", block(HEADER + LINE + line + LINE))
    assert len(reader) == 3
    assert reader[0] == reader[2] == SOME[0]
    with pytest.raises(Malformed, match="sample 2 is damaged") as caught:
        reader[1]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_odd_numbers_inside_of_texts_are_texts(tmp_path: Path) -> None:
    name = 'my,NaN:Infinity,"x":1e999,99999999999999999999999999999'
    odd = SOME[0].model_copy(update={"servers": (SOME[0].servers[0].model_copy(update={"model": name}),)})
    written(tmp_path / "r", [odd])
    assert SampleReader(str(tmp_path / "r"))[0] == odd


def test_names_that_are_no_text_do_not_end_a_record(tmp_path: Path) -> None:
    odd = SOME[0].model_copy(update={"servers": (SOME[0].servers[0].model_copy(update={"model": "a\udcff\n\0b"}),)})
    written(tmp_path / "r", [odd, SOME[1]])
    reader = SampleReader(str(tmp_path / "r"))
    assert reader[0].servers[0].model == "a?\n\0b"
    assert reader[1] == SOME[1]


def test_bombs_cost_little(tmp_path: Path) -> None:
    zeros = block(HEADER + LINE + bytes(40 << 20))
    spaces = block(HEADER + LINE + b"\n" * (20 << 20))
    lines = block(HEADER + LINE + (b'{"at":1,"sample":{}}\n' * 1_000_000))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for bomb in (zeros, spaces, lines):
        reader = reading(tmp_path / "r", bomb)
        assert reader[0] == SOME[0]
        assert reader.cut is not None
        assert "damaged" in reader.cut
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - before < 64 << 20


def test_damage_in_the_middle_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path / "r", SOME))
    second = data.find(MAGIC, 10)
    data[second + 1000 : second + 1040] = b"\xff" * 40
    reader = reading(tmp_path / "r", bytes(data))
    assert len(reader) == 200
    assert reader[59] == SOME[59]
    assert reader[120] == SOME[120]
    with pytest.raises(Malformed, match="damaged"):
        reader[119]


def test_the_log_in_memory_forgets_the_oldest() -> None:
    log = MemoryLog(100)
    for number, one in enumerate(SOME):
        log.append(one)
        assert log[number] == one
    assert 100 <= len(log) <= 160
    assert (log.first + len(log), log.end) == (200, 200)
    assert [log[number] for number in range(log.first, log.end)] == SOME[log.first :]
    assert [log.index_at(log.time_of(number) + 0.5) for number in range(log.first, 200)] == list(range(log.first, 200))
    assert log.index_at(0) == log.first
    for outside in (log.first - 1, 200):
        with pytest.raises(IndexError):
            log[outside]


_RECORDING = """
import sys, time
from made_samples import samples
from llmtune.probe.sample.log import SampleWriter
writer = SampleWriter(sys.argv[1])
for number, sample in enumerate(samples(cpus=2)):
    writer.write(sample)
    print(number, flush=True)
"""


def test_a_killed_process_leaves_all_that_it_had_told(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for round_number in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", _RECORDING, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        told = -1
        while told < 62 + round_number:
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().splitlines()
        child.wait()
        told = int(rest[-1]) if rest and rest[-1].isdigit() else told
        length = len(SampleReader(str(path)))
        assert length >= told + 1
        # The next round goes on with it.
        written(path, [SOME[0]])
        reader = SampleReader(str(path))
        assert len(reader) == length + 1
        assert sum(1 for _ in reader) == length + 1
        path.unlink()


@pytest.mark.heavy
def test_twelve_hours_are_read_with_flat_memory_and_without_drift(tmp_path: Path) -> None:
    path, count = tmp_path / "r", 43_200
    writer = SampleWriter(str(path), facts={"machine": "a"})
    spent_s = -time.thread_time()
    for one in islice(samples(cpus=16), count):
        writer.write(one)
    spent_s += time.thread_time()
    writer.close()
    print(f"12 h: {os.path.getsize(path) / 1e6:.1f} MB, made and written {spent_s / count * 1e3:.2f} ms a sample")
    reader = SampleReader(str(path))
    assert len(reader) == count
    sizes = []
    for number, (found, made) in enumerate(zip(reader, samples(cpus=16), strict=False)):
        assert found.time_s == made.time_s
        assert found.clock_s == made.clock_s
        if number % 6000 == 5999:
            assert found == made
            sizes.append(_resident())
    assert sizes[-1] - sizes[0] < (4 << 20) + os.path.getsize(path)  # The file's own pages count, and nothing else.
    before_s = time.thread_time()
    for number in range(0, count, 997):
        assert reader.index_at(reader.time_of(number)) == number
    assert (time.thread_time() - before_s) / (count // 997) < 0.25
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0


def _resident() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))


@pytest.mark.parametrize("time_s", [1e17, -1.0, 1e99, 253_402_300_800.0])
def test_a_time_that_no_clock_can_tell_is_damage(time_s: float, tmp_path: Path) -> None:
    """It would end what shows it: localtime(3) has no such year."""
    written(tmp_path / "r", [SOME[0].model_copy(update={"time_s": time_s}), SOME[1]])
    reader = SampleReader(str(tmp_path / "r"))
    for ask in (reader.time_of, reader.__getitem__):
        with pytest.raises(Malformed, match="damaged"):
            ask(0)
    assert reader[1] == SOME[1]
    time.localtime(END_OF_TIME_S)
