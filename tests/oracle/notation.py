"""The notation of the sequences, one file a topic in tests/oracle/sequences:

    families v4 v6 mapped            # for the sequences from here on, one run each; mapped: IPv4 on an AF_INET6 socket
    sequence a name of its own       # the header of a sequence; its calls follow, one a line
      pair a b                       # a connected pair of streams; `upair a b` of datagram sockets; `listener l`
      send a "abc" MSG_MORE
      t1: recv b 10                  # in another thread; `blocked t1` waits until it sleeps, `join t1` until it is done
      join t1
    for O V in SO_KEEPALIVE 1 SO_OOBINLINE 1      # one sequence for each O and V
    sequence $O
      ...
    end

The calls and their arguments are in calls.py. Nothing is said of results: the kernel's are the expectation."""

import dataclasses
import pathlib
import shlex

FAMILIES = ("v4", "v6", "mapped")
MACROS = {
    "listener": ["{0} = socket stream", "bind {0} lo:0", "listen {0} 8"],
    "pair": ["listener_{0} = socket stream", "bind listener_{0} lo:0", "listen listener_{0} 8", "{0} = socket stream",
             "connect {0} @listener_{0}", "{1} = accept listener_{0} noaddr", "close listener_{0}"],
    "upair": ["{0} = socket dgram", "{1} = socket dgram", "bind {0} lo:0", "bind {1} lo:0", "connect {0} @{1}",
              "connect {1} @{0}"],
}


class Mistake(Exception):
    """A sequence that cannot be read."""


@dataclasses.dataclass
class Line:
    number: int      # in its file
    text: str        # as it is written
    thread: str      # "" for the first
    name: str        # what the result is called, "" for nothing
    call: str
    arguments: list


@dataclasses.dataclass
class Sequence:
    topic: str
    name: str
    families: tuple
    lines: list

    def titles(self):
        return [f"{self.topic}: {self.name}, {family}" for family in self.families]


def read_line(number, text):
    words = shlex.split(text, posix=False)
    thread = words.pop(0)[:-1] if words[0].endswith(":") else ""
    name = ""
    if len(words) > 2 and words[1] == "=":
        name, words = words[0], words[2:]
    return Line(number, text, thread, name, words[0], words[1:])


def expand(number, text):
    """A line, or the lines of a macro."""
    thread, rest = "", text
    if text.split()[0].endswith(":"):
        thread, rest = text.split(maxsplit=1)
        thread += " "
    word, *names = rest.split()
    if word in MACROS:
        return [read_line(number, thread + line.format(*names)) for line in MACROS[word]]
    return [read_line(number, text)]


def substituted(text, values):
    for key, value in sorted(values.items(), key=lambda item: -len(item[0])):
        text = text.replace("$" + key, value)
    return text


def read_topic(path):
    """All sequences of a file."""
    topic, sequences, families = path.stem, [], FAMILIES
    rounds, block = [{}], []  # values of the loop, and what has been read since it began

    def flush():
        for values in rounds:
            for header, its_families, lines in block:
                made = [line for number, text in lines for line in expand(number, substituted(text, values))]
                sequences.append(Sequence(topic, substituted(header, values), its_families, made))
        block.clear()

    for number, raw in enumerate(path.read_text().splitlines(), 1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        word, _, rest = text.partition(" ")
        if word == "families":
            families = tuple(rest.split())
        elif word == "for":
            flush()
            keys, _, values = rest.partition(" in ")
            keys, values = keys.split(), shlex.split(values)
            if len(values) % len(keys):
                raise Mistake(f"{path.name}:{number} a loop does not come out even")
            rounds = [dict(zip(keys, values[i:i + len(keys)])) for i in range(0, len(values), len(keys))]
        elif text == "end":
            flush()
            rounds = [{}]
        elif word == "sequence":
            block.append((rest.strip(), families, []))
        elif block:
            block[-1][2].append((number, text))
        else:
            raise Mistake(f"{path.name}:{number} is part of no sequence")
    flush()
    return sequences


def read_all(folder):
    sequences = [s for path in sorted(pathlib.Path(folder).glob("*.txt")) for s in read_topic(path)]
    names = [f"{s.topic}: {s.name}" for s in sequences]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Mistake(f"there are two sequences called '{twice[0]}'")
    return sequences
