"""The differences that docs/linux-differences.md lists. A block there, between lines of ```differences and ```, holds

    topic: name of a sequence, v4 v6           (the families; without them all of the sequence's)
    topic: name of another                     (what follows is so in both)
      the call as it stands in the sequence    (* is any word)
        Linux: what it says
        Tunic: what we say

Each must occur exactly so: in these runs, at these calls, and no others."""

import re


def is_call(listed, made):
    """Whether the call is the listed one, where * stands for any word."""
    listed, made = listed.split(" "), made.split(" ")
    return len(listed) == len(made) and all(a in ("*", b) for a, b in zip(listed, made))


class Listed:
    """{title of a run: [(call, Linux's words, ours)]}"""

    def __init__(self, path, sequences):
        self.runs, self.wrong = {}, []
        families = {f"{s.topic}: {s.name}": s.families for s in sequences}
        text = path.read_text() if path.exists() else ""
        for block in re.findall(r"^```differences\n(.*?)^```", text, re.M | re.S):
            self.read(block.splitlines(), families)

    def read(self, lines, families):
        titles, call, linux = [], "", ""
        begins = True  # a list of sequences
        for raw in lines:
            text = raw.strip()
            if not text:
                continue
            if not raw.startswith(" "):
                name, comma, which = text.rpartition(", ")
                if not comma or not set(which.split()) <= {"v4", "v6", "mapped"}:
                    name, which = text, ""
                if name not in families:
                    self.wrong.append(f"lists '{name}', which is no sequence")
                    continue
                titles = [] if begins else titles
                titles += [f"{name}, {family}" for family in (which.split() or families[name])]
                begins = False
            elif text.startswith("Linux: "):
                linux = text[7:]
            elif text.startswith("Tunic: "):
                begins = True
                for title in titles:
                    self.runs.setdefault(title, []).append((call, linux, text[7:]))
            else:
                call = text

    def judge(self, run, found):
        """What is wrong with the differences found: "" if they are those listed."""
        listed = list(self.runs.get(run.title, []))
        wrong = []
        for at, call, linux, tunic in found:
            its = next((d for d in listed if d[1:] == (linux, tunic) and is_call(d[0], call)), None)
            if its:
                listed.remove(its)
            else:
                wrong.append(f"{run.sequence.topic}.txt:{at} {call}\n      Linux: {linux}\n      Tunic: {tunic}")
        wrong += [f"is listed and did not occur: {call}\n      Linux: {linux}\n      Tunic: {tunic}" for call, linux, tunic in listed]
        return "\n    ".join(wrong)
