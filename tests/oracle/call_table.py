"""The table of the notation's calls, which calls.py, readiness.py and helpers.py fill, and what all of them need.

A call takes the run and its words, and gives (result, what to show of it)."""

import ctypes

import values

CALLS = {}


def call(function):
    CALLS[function.__name__.rstrip("_")] = function
    return function


def buffer(octets=b"", size=None):
    """A ctypes buffer of the octets, exactly as long."""
    size = len(octets) if size is None else size
    b = (ctypes.c_char * size)()
    ctypes.memmove(b, octets, min(len(octets), size))
    return b


def split(words):
    """(plain words, {key: value})."""
    plain = [w for w in words if "=" not in w.split('"')[0]]
    return plain, dict(w.split("=", 1) for w in words if "=" in w.split('"')[0])


def flags_of(words):
    return values.number("|".join(words)) if words else 0


def result_of(answer, shown=""):
    """(number, text)."""
    n, code = answer
    return n, (f"-1 {values.errno_name(code)}" if n < 0 else f"{n} {shown}".strip())


def fd_result(run, answer):
    n, text = result_of(answer)
    return n, text if n < 0 else "fd"
