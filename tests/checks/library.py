#!/usr/bin/env python3
"""The library as a stranger uses it: C and C++ programs, gcc and clang, shared and static; and what it shows to them."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TUNIC_BUILD", ROOT / "build/release"))
INCLUDE, LIB = BUILD / "include", BUILD / "lib"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]

# Runs without any device, on the stack's own loopback: TUNIC_DEVICE=lo.
SOCKETS = """
#include <tunic.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
int main(void) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  char octet = 0;
  int listener = tunic_socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) return 1;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (tunic_bind(listener, (struct sockaddr *)&address, length) != 0 || tunic_listen(listener, 1) != 0) return 2;
  if (tunic_getsockname(listener, (struct sockaddr *)&address, &length) != 0 || address.sin_port == 0) return 3;
  if (tunic_close(listener) != 0) return 4;
  if (tunic_read(-1, &octet, 1) != -1 || errno != EBADF) return 5;
  if (tunic_socket(AF_UNIX, SOCK_STREAM, 0) != -1 || errno != EAFNOSUPPORT) return 6;
  return tunic_start_error() == NULL ? 7 : 0;
}
"""


def run(command, **more):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=60, **more)
    return "" if done.returncode == 0 else f"{command[0]} gave {done.returncode}: {done.stdout[:400]}"


def build_and_run(folder, source, compiler, flags, libraries):
    """"" or what went wrong."""
    program = pathlib.Path(folder) / "program"
    wrong = run([compiler, *flags, *WARNINGS, source, "-o", program, *libraries])
    return wrong or run([program], env={**os.environ, "LD_LIBRARY_PATH": str(LIB), "TUNIC_DEVICE": "lo"}, cwd=folder)


def programs(report):
    shared = [f"-L{LIB}", "-ltunic"]
    static = [LIB / "libtunic.a", "-pthread"]
    with tempfile.TemporaryDirectory() as folder:
        c, cc = (pathlib.Path(folder) / name for name in ("sockets.c", "sockets.cc"))
        c.write_text(SOCKETS)
        cc.write_text(SOCKETS)
        for compiler in ("gcc", "clang"):
            cxx = compiler.replace("gcc", "g") + "++"
            if not shutil.which(compiler) or not shutil.which(cxx):
                report.skip(f"a program built by {compiler}", "it is not installed")
                continue
            c11, cxx17 = ["-std=c11", f"-I{INCLUDE}"], ["-std=c++17", f"-I{INCLUDE}"]
            report.check(f"C11 by {compiler} with libtunic.so", build_and_run(folder, c, compiler, c11, shared))
            report.check(f"C11 by {compiler} with libtunic.a",
                         build_and_run(folder, c, compiler, c11, [*static, "-lstdc++", "-lm"]))
            report.check(f"C++17 by {cxx} with libtunic.so", build_and_run(folder, cc, cxx, cxx17, shared))
            report.check(f"C++17 by {cxx} with libtunic.a", build_and_run(folder, cc, cxx, cxx17, static))
        cxx23 = ["-std=c++23", "-O2", f"-I{INCLUDE / 'tunic'}"]
        report.check("the example that embeds a Stack, by g++ with libtunic.a",
                     build_and_run(folder, ROOT / "docs/examples/embedded.cc", "g++", cxx23, static))
        loader = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).tunic_start_error"
        report.check("libtunic.so can be loaded while a program runs", run([sys.executable, "-c", loader, LIB / "libtunic.so"]))


def symbols(report):
    listed = subprocess.run(["nm", "-D", "--defined-only", LIB / "libtunic.so"], check=True, stdout=subprocess.PIPE,
                            text=True).stdout
    shown = {line.split()[-1] for line in listed.splitlines()}
    header = INCLUDE / "tunic.h"
    text = re.sub(r"/\*.*?\*/", "", header.read_text() if header.exists() else "", flags=re.S)
    declared = set(re.findall(r"\b(tunic_\w+)\s*\(", text))
    report.check("tunic.h declares calls", "" if declared else "none found")
    report.check("libtunic.so shows only tunic_*", sorted(name for name in shown if not name.startswith("tunic_")))
    report.check("libtunic.so has every call of tunic.h", sorted(declared - shown))
    report.check("tunic.h tells of every call of libtunic.so", sorted(shown - declared))


def main():
    report = Report()
    programs(report)
    symbols(report)
    sys.exit(report.finish())


main()
