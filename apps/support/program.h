// How our programs end: 0 when all went well, 1 with one sentence on stderr when something is wrong, 2 when the command
// line is.
#pragma once

#include <fmt/core.h>
#include <tunic.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace apps {

/// What went wrong, as a sentence for the person at the terminal.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "Connection refused" for ECONNREFUSED.
inline std::string reason(int error) { return std::generic_category().message(error); }

/// A Failure that says what could not be done, and errno's reason.
[[noreturn]] inline void fail(const std::string& what) { throw Failure{fmt::format("{}: {}", what, reason(errno))}; }

/// A Failure for a socket() that gave none: the stack knows best why it could not start.
[[noreturn]] inline void fail_without_socket() {
  const int error = errno;
  const char* sentence = tunic_start_error();
  if (sentence != nullptr && *sentence != '\0') throw Failure{sentence};
  errno = error;
  fail("cannot make a socket");
}

/// Prints a line that others may be waiting for, so it must not stay in a buffer.
inline void say(const std::string& line) {
  std::fputs(line.c_str(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

/// Reads the command line, runs `body` and turns how it ended into an exit status.
template <class Body>
int run_program(CLI::App& app, int argc, char** argv, Body body) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an EPIPE, not the end of us
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "{}: out of memory\n", app.get_name());
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), e.what());
  }
  return 1;
}

}  // namespace apps
