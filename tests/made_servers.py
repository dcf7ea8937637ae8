"""Real processes that pass for inference servers, by name and arguments, and do what a test tells them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
import hashlib, mmap, os, queue, socket, sys, threading, time

jobs, done, count = queue.Queue(), queue.Queue(), 0
def work():
    while True:
        end = jobs.get() + time.thread_time()
        while time.thread_time() < end:
            hashlib.sha256(bytes(1 << 16))  # Without the interpreter's lock.
        done.put(None)

listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
mapped = []
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "burn":
        end = time.process_time() + float(rest)
        while time.process_time() < end:
            pass
    elif word == "map":
        file = open(rest, "rb")
        mapped.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        sum(mapped[-1][::4096])
    elif word == "threads":
        for _ in range(int(rest)):
            count += 1
            threading.Thread(target=work, daemon=True).start()
    elif word == "work":
        for _ in range(count):
            jobs.put(float(rest))
        for _ in range(count):
            done.get()
    elif word == "fork":
        if os.fork() == 0:
            time.sleep(1000)
    elif word == "end":
        os._exit(0)
    print("done", flush=True)
os._exit(0)
"""


@dataclass
class MadeServer:
    """A running one."""

    process: subprocess.Popen[str]
    port: int

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def do(self, what: str) -> None:
        """Let it do something, and wait until it is done."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"


@contextlib.contextmanager
def made_server(folder: Path, *arguments: str) -> Iterator[MadeServer]:
    """A process that llmtune takes for KoboldCpp, until the end of the block; its forks end with it."""
    script = folder / "koboldcpp.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
    )
    try:
        assert process.stdout
        yield MadeServer(process, int(process.stdout.readline()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
