#!/usr/bin/env python3
"""The core makes no system call: its objects need nothing but each other, memory and what C++ itself needs to run."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TUNIC_BUILD", ROOT / "build/release"))
PURE = ["base", "wire", "buf", "port", "ip", "udp", "tcp", "core"]
REQUIRED = set(PURE)

ALLOWED = [re.compile(pattern) for pattern in (
    r"_Zn[wa]m(St11align_val_t)?(RKSt9nothrow_t)?",          # operator new
    r"_Zd[la]Pvm?(St11align_val_t)?(RKSt9nothrow_t)?",       # operator delete
    r"_ZSt7nothrow",
    r"mem(cpy|move|set|cmp|chr)|strlen",                     # what compilers make of loops and char_traits
    r"__(u?div|u?mod|mul)ti[34]|__(popcount|clz|ctz)[dt]i2",  # arithmetic without an instruction
    r"_ZSt\d+__throw_\w+|_ZSt9terminatev",
    # Exceptions, for running out of memory at start. No __cxa_guard_* and __cxa_atexit: they mean statics with state.
    r"__cxa_(throw|rethrow|begin_catch|end_catch|allocate_exception|free_exception|pure_virtual|deleted_virtual|"
    r"throw_bad_array_new_length|call_terminate)",
    r"_Unwind_Resume|__gxx_personality_v0",
    r"_ZT[IVS](St|N10__cxxabiv1|N?K?St)\w*",                 # typeinfo and vtables of the language
    r"_ZNK?St(9exception|9bad_alloc|9type_info|20bad_array_new_length|12length_error|12out_of_range)\w+",
    r"_ZNK?St7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE\w+",      # std::string: memory alone
    r"_ZSt18_Rb_tree_\w+|_ZSt2[0-9]_Rb_tree_\w+|_ZNSt8__detail15_List_node_base\w+",   # links of std::map and std::list
    r"_GLOBAL_OFFSET_TABLE_|__stack_chk_fail",
)]


def objects(room):
    return [str(path) for path in (BUILD / f"CMakeFiles/{room}.dir").rglob("*.o")]


def nm(paths):
    """(name, type letter, section) of every symbol of these objects."""
    lines = subprocess.run(["nm", "--format=sysv", *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in lines.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[0] != "Name":
            yield fields[0], fields[2], fields[6]


def demangled(names):
    done = subprocess.run(["c++filt"], input="\n".join(names), check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def writable_statics(symbols):
    for name, kind, section in symbols:
        constant = section.startswith(".data.rel.ro")
        if kind not in "UwvN" and re.match(r"\.(t?bss|t?data)|\*COM\*", section) and not constant \
                and not name.startswith("DW.ref."):
            yield name


def main():
    report = Report()
    rooms = {room: found for room in PURE if (found := objects(room))}
    report.check("every room of the core was found in the build", sorted(REQUIRED - set(rooms)))
    symbols = {room: list(nm(found)) for room, found in rooms.items()}
    defined = {name for of_room in symbols.values() for name, kind, _ in of_room if kind not in "Uwv"}
    for room, of_room in symbols.items():
        foreign = {name for name, kind, _ in of_room if kind in "Uwv" and name not in defined
                   and not any(pattern.fullmatch(name) for pattern in ALLOWED)}
        report.check(f"{room} calls nothing outside the core", demangled(sorted(foreign)))
        report.check(f"{room} has no static that can change", demangled(sorted(writable_statics(of_room))))
    sys.exit(report.finish())


main()
