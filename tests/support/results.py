"""Results of tests, one a line: `ok - name`, `not ok - name: why`, `skip - name: why`.

Checks of the tree and tests against the kernel print them through a Report; tools/test reads them with parse()."""


class Report:
    """Prints results as they come; finish() is the exit status."""

    def __init__(self):
        self.failed = 0
        self.count = 0

    def ok(self, name):
        self._print(f"ok - {name}")

    def not_ok(self, name, why):
        self.failed += 1
        self._print(f"not ok - {name}: {why}")

    def skip(self, name, why):
        self._print(f"skip - {name}: {why}")

    def check(self, name, wrong):
        """`wrong` is what is wrong, as text or a list of texts; empty if nothing is."""
        if isinstance(wrong, str):
            wrong = [wrong] if wrong else []
        if wrong:
            more = f" (and {len(wrong) - 10} more)" if len(wrong) > 10 else ""
            self.not_ok(name, "; ".join(wrong[:10]) + more)
        else:
            self.ok(name)

    def finish(self):
        """For sys.exit(): 0 if something was tested and nothing failed."""
        return 1 if self.failed or not self.count else 0

    def _print(self, line):
        self.count += 1
        print(" ".join(line.split("\n")), flush=True)


def parse(text):
    """Counts {"passed": n, "failed": n, "skipped": n} of what a Report printed."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    words = {"ok - ": "passed", "not ok - ": "failed", "skip - ": "skipped"}
    for line in text.splitlines():
        for word, kind in words.items():
            if line.startswith(word):
                counts[kind] += 1
    return counts


