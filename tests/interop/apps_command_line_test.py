#!/usr/bin/env python3
"""How the programs take their command line and their environment: the exit status, and one sentence that says what is wrong.
And socket_pair, which needs neither device nor rights."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from results import Report  # noqa: E402

NEEDED = {"http_server": ["."], "http_client": ["http://198.18.0.1/"], "services": ["--echo", "5003"],
          "nc": ["198.18.0.1", "80"], "ping": ["198.18.0.1"], "socket_pair": []}
WRONG = {
    "http_server": [[], ["/nowhere"], ["--port", "70000", "."], ["--port", "x", "."], ["--address", "1.2.3", "."], ["--frob", "."]],
    "http_client": [[], ["-4", "-6", "http://198.18.0.1/"], ["http://198.18.0.1/", "-o"]],
    "services": [[], ["--echo", "0"], ["--echo", "65536"], ["--echo", "5003", "--address", "here"], ["--echo", "5003", "more"]],
    "nc": [[], ["198.18.0.1"], ["198.18.0.1", "0"], ["198.18.0.1", "65536"], ["198.18.0.1", "x"], ["-4", "-6", "198.18.0.1", "80"],
           ["-w", "0", "198.18.0.1", "80"], ["198.18.0.1", "80", "more"]],
    "ping": [[], ["-c", "0", "198.18.0.1"], ["-s", "65508", "198.18.0.1"], ["-t", "256", "198.18.0.1"], ["-4", "-6", "198.18.0.1"],
             ["198.18.0.1", "more"]],
    "socket_pair": [["--port", "-1"], ["--address", "localhost"], ["more"]],
}


def start(name, *arguments, **environment):
    try:
        done = subprocess.run([netns.BUILD / "bin" / name, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=10, env={**os.environ, **netns.STACK, **environment})
    except subprocess.TimeoutExpired:
        return "(it ran on)", "", ""
    return done.returncode, done.stdout, done.stderr


def help_is_given(name):
    status, out, errors = start(name, "--help")
    return "" if status == 0 and "Usage: " + name in out and not errors else f"status {status}, '{errors}'"


def wrong_values(name):
    wrong = []
    for arguments in WRONG[name]:
        status, out, errors = start(name, *arguments)
        if status != 2 or out or len(errors.splitlines()) != 2 or "--help" not in errors:
            wrong.append(f"{arguments} gives {status} and '{errors}'")
    return wrong


def no_device(name):
    """Each environment in which the stack cannot start: status 1, nothing on stdout, one sentence that says what is wrong."""
    wrong = []
    environments = [{"TUNIC_ADDRESS": "198.18.0.2/99"}, {"TUNIC_ADDRESS": "frob"}, {"TUNIC_MTU": "12"}, {"TUNIC_FD": "99"}]
    if name != "socket_pair":   # it needs no device
        environments += [{"TUNIC_DEVICE": "a-name-that-is-much-too-long"}, {"TUNIC_DEVICE": "tap0"}]
    for environment in environments:
        status, out, errors = start(name, *NEEDED[name], **environment)
        (variable, value), = environment.items()
        if status != 1 or out or len(errors.splitlines()) != 1 or not errors.startswith(name + ": "):
            wrong.append(f"{variable}={value} gives {status}, '{out}' and '{errors}'")
        elif variable not in errors and value not in errors:
            wrong.append(f"{variable}={value} is not what '{errors.strip()}' is about")
    return wrong


def no_address():
    status, _, errors = start("http_server", "--address", "203.0.113.1", ".")
    return "" if status == 1 and "cannot bind 203.0.113.1:8080" in errors else f"status {status}, '{errors}'"


def life_of_a_connection(*options, host="127.0.0.1", port="5050"):
    """The story in order: each wanted line is looked for after the one before."""
    status, story, errors = start("socket_pair", *options)
    if status != 0:
        return f"status {status}: {errors}"
    here = re.escape(f"{host}:{port}")
    client = re.escape(host) + r":(?P<port>\d+)"
    again = re.escape(host) + r":(?P=port)"
    steps = [rf"server +fd \d+ +\S+:0 +CLOSED", rf"server +fd \d+ +{here} +CLOSED", rf"server +fd \d+ +{here} +LISTEN",
             rf"^socket_pair listening on {here}$", rf"client +fd \d+ +\S+:0 +CLOSED",
             rf"client +fd \d+ +{client} +-> {here} +ESTABLISHED", rf"server +fd \d+ +{here} +LISTEN",
             rf"accepted +fd \d+ +{here} +-> {again} +ESTABLISHED", rf"the client sees +{{{again}, {here}}}",
             rf"the server sees +{{{here}, {again}}}", r"server read \"Who am I\?\"", rf"client read \"{again}\"",
             rf"client .*FIN-WAIT-2", rf"accepted .*CLOSE-WAIT", r"server read 0 octets", r"client read \"One more thing\.\"",
             rf"client .*TIME-WAIT", rf"bind\({again}\), connect\({here}\): Cannot assign requested address", rf"client 2 .*-> {here} +ESTABLISHED",
             r"port (?P=port) before, port (?!(?P=port) )\d+ now"]
    pattern, matched = "", 0
    for step in steps:
        pattern += r"[\s\S]*?" + step
        if not re.search(pattern, story, re.M):
            return f"after {matched} steps not found: {step}"
        matched += 1
    return ""


def main():
    netns.isolate_test("the command lines of the programs")
    netns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap"])   # there, but not a TUN device
    netns.make_tun()
    report = Report()
    for name in NEEDED:
        report.check(f"{name}: --help", help_is_given(name))
        report.check(f"{name}: wrong values give 2 and a hint", wrong_values(name))
        report.check(f"{name}: an environment without a stack gives 1 and a sentence", no_device(name))
    report.check("http_server: an address that is not ours", no_address())
    report.check("socket_pair: the life of a connection, IPv4", life_of_a_connection())
    report.check("socket_pair: the life of a connection, IPv6",
                 life_of_a_connection("--address", "::1", "--port", "6060", host="[::1]", port="6060"))
    report.check("socket_pair: without any device", "" if start("socket_pair", TUNIC_DEVICE="lo")[0] == 0 else "it fails")
    sys.exit(report.finish())


main()
