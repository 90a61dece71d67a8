"""Talks to a server that the operator may allow, and to hosts that no capability names."""

import encodings.idna  # A component has only the modules that it imports as it is built.
import errno
import os
import socket

from wit_world import exports

PIECE = b"0123456789abcdef" * 4096


def attempt(what: str, call) -> None:
    """Prints how a call ends: its value, or the name of its error."""
    try:
        end = call()
        print(f"{what}: {'done' if end is None else end}")
    except OSError as error:
        print(f"{what}: {errno.errorcode.get(error.errno, error)}")


def port() -> int:
    return int(os.environ["PORT"])


def hello() -> str:
    with socket.create_connection(("127.0.0.1", port()), timeout=10) as stream:
        stream.sendall(b"hello")
        return stream.makefile("rb").read(5).decode()


def echo() -> str:
    """Sends 16 pieces, and reads each one back."""
    equal = 0
    with socket.create_connection(("127.0.0.1", port())) as stream:
        for _ in range(16):
            stream.sendall(PIECE)
            back = b""
            while len(back) < len(PIECE):
                back += stream.recv(len(PIECE) - len(back))
            equal += back == PIECE
        stream.shutdown(socket.SHUT_WR)
        return f"{equal} pieces are equal, then {stream.recv(1)}"


def bind() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port()))


def connect(host: str) -> None:
    with socket.socket() as stream:
        stream.connect((host, port()))


class Run(exports.Run):
    def run(self) -> None:
        attempt("hello", hello)
        attempt("echo", echo)
        attempt("private", lambda: connect("10.0.0.1"))
        attempt("metadata", lambda: connect("169.254.169.254"))
        attempt("name", lambda: socket.getaddrinfo("localhost", port()))
        attempt("bind", bind)
