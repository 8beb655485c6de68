"""Sockets on our stack, used from a test as if they were Python's own: tests/interop/programs/remote.c makes the calls.

    remote = Remote()                       # the program runs, the stack in it starts with the first socket
    s = remote.connect((address, port))     # a RemoteSocket; a call that fails raises OSError, as socket's would
    sending = s.begin("send", path)         # what blocks goes on beside the test ...
    sending.result(20)                      # ... until it is asked for"""

import concurrent.futures
import os
import socket
import subprocess
import threading

import netns
from netns import Failure

SOURCE = netns.ROOT / "tests/interop/programs/remote.c"
PROGRAM = netns.FOLDER / "remote"
SECONDS = 20


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def compile_program():
    netns.run(["cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", SOURCE, "-o", PROGRAM, f"-I{netns.BUILD}/include",
               f"-L{netns.BUILD}/lib", "-ltunic", "-lpthread", f"-Wl,-rpath,{netns.BUILD}/lib"])


class Remote:
    """The program, and the answers that it still owes."""

    def __init__(self, env=None, **more):
        if not PROGRAM.exists():
            compile_program()
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, **netns.STACK, **(env or {})}, **more)
        self._owed, self._next, self._lock = {}, 0, threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, call, *arguments):
        """A future of the call's result."""
        answer = concurrent.futures.Future()
        with self._lock:
            self._next += 1
            self._owed[self._next] = answer
            self.process.stdin.write(" ".join(map(str, [self._next, call, *arguments])) + "\n")
        return answer

    def call(self, call, *arguments, seconds=SECONDS):
        return result(self.begin(call, *arguments), seconds, call)

    def socket(self, address):
        return RemoteSocket(self, self.call("socket", int(family_of(address))))

    def listen(self, address, port=0, backlog=1024):
        listener = self.socket(address)
        listener.call("set", int(socket.SOL_SOCKET), int(socket.SO_REUSEADDR), 1)   # whatever is left in TIME-WAIT there
        listener.call("bind", address, port)
        listener.call("listen", backlog)
        return listener

    def connect(self, to):
        s = self.socket(to[0])
        try:
            s.call("connect", *to)
        except OSError:
            s.close()
            raise
        return s

    def leave(self):
        """Has it return from main(); its sockets are as they are."""
        with self._lock:
            self.process.stdin.write("exit\n")

    def stop(self, seconds=10):
        """... and waits for its end: its status."""
        if self.process.poll() is None:
            self.leave()
        return self.wait(seconds)

    def wait(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"the program did not end within {seconds} s") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def _listen(self):
        for line in self.process.stdout:
            number, value, error = map(int, line.split())
            answer = self._owed.pop(number)
            if value < 0:
                answer.set_exception(OSError(error, os.strerror(error)))   # as the right class, ConnectionResetError say
            else:
                answer.set_result(value)
        for answer in list(self._owed.values()):
            answer.set_exception(Failure("the program ended"))


def result(answer, seconds, what):
    try:
        return answer.result(seconds)
    except concurrent.futures.TimeoutError:
        raise Failure(f"{what} took more than {seconds} s") from None


class RemoteSocket:
    def __init__(self, remote, fd):
        self.remote, self.fd, self.closed = remote, fd, False

    def begin(self, call, *arguments):
        return self.remote.begin(call, self.fd, *arguments)

    def call(self, call, *arguments, seconds=SECONDS):
        return self.remote.call(call, self.fd, *arguments, seconds=seconds)

    def accept(self):
        return RemoteSocket(self.remote, self.call("accept"))

    def port(self):
        return self.call("local_port")

    def shutdown(self, how=socket.SHUT_WR):
        self.call("shutdown", int(how))

    def close(self):
        """Once: its number may soon be another's."""
        if not self.closed:
            self.closed = True
            self.call("close")

    def abort(self):
        self.call("linger", 0)
        self.close()
