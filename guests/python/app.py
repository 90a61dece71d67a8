"""Writes until its quota is full, and asks for paths that no capability allows."""

import errno
import os

from wit_world import exports

LOG = "/data/own/log"
FOLDER = "/data/own/folder"
LINK = "/data/own/link"
SECRET = "/data/secret/key"


def attempt(what: str, call) -> None:
    """Prints how a call ends: its value, or the name of its error."""
    try:
        end = call()
        print(f"{what}: {'done' if end is None else end}")
    except OSError as error:
        print(f"{what}: {errno.errorcode[error.errno]}")


def fill() -> None:
    file = os.open(LOG, os.O_RDWR | os.O_CREAT)

    def write_on() -> None:
        while True:
            os.write(file, b"x" * 1000)

    attempt("fill", write_on)
    size = os.fstat(file).st_size
    print(f"size: {size}")
    os.lseek(file, size, os.SEEK_SET)
    attempt("append one byte", lambda: os.write(file, b"x"))
    attempt("overwrite", lambda: os.pwrite(file, b"y" * 1000, 0))
    attempt("pwrite one byte more", lambda: os.pwrite(file, b"y", size))
    attempt("create", lambda: os.mkdir(FOLDER))
    os.truncate(file, size - 4096)
    attempt("create after truncate", lambda: os.mkdir(FOLDER))
    attempt("grow again", lambda: os.truncate(file, size - 4095))
    os.close(file)
    os.rmdir(FOLDER)
    os.unlink(LOG)


def text() -> str:
    with open(LOG) as file:
        return file.read()


class Run(exports.Run):
    def run(self) -> None:
        fill()
        with open(LOG, "w") as file:
            file.write("a buffered file")
        attempt("read", text)
        attempt("list", lambda: sorted(os.listdir("/data/own")))
        attempt("read of a secret", lambda: open(SECRET))
        attempt("list of a secret", lambda: os.listdir("/data/secret"))
        attempt("stat of a secret", lambda: os.stat(SECRET))
        attempt("rename to a secret", lambda: os.rename(LOG, "/data/secret/log"))
        attempt("link to a secret", lambda: os.symlink("../secret/key", LINK))
        attempt("read through a link", lambda: open(LINK))
        attempt("read outside", lambda: open("/etc/passwd"))
