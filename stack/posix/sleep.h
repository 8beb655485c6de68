// The system calls in which a thread sleeps, and those that wake it. Those in which it sleeps are raw calls and no
// points of cancellation: what a call that waits has put up would be left behind.
#pragma once

#include <poll.h>
#include <sys/epoll.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"

namespace tunic {

enum class Slept : std::uint8_t { woken, timed_out, interrupted };

/// Sleeps until `word` is not 0, or `until`. With `never` a signal handler with SA_RESTART does not interrupt.
Slept sleep_on(std::atomic<std::uint32_t>& word, Instant until);
/// `word` may be gone by now: then nothing happens, or somebody else wakes for nothing.
void wake(std::atomic<std::uint32_t>* word);

/// ppoll(2): waits for one of `set`, or `until`, under the signal mask `mask`, if any. Any signal handler interrupts
/// it.
Slept sleep_on(std::span<pollfd> set, Instant until, const sigset_t* mask = nullptr);

/// epoll_pwait2(2) on `epoll`, `count` events of which are in `out` afterwards. A signal handler interrupts it, and so
/// does stopping the process and continuing it. Nothing: `epoll` is none any more, since the program has closed what is
/// not its own.
std::optional<Slept> sleep_on(int epoll, std::span<epoll_event> out, int& count, Instant until, const sigset_t* mask);

/// A doorbell: an eventfd, or -1 with errno.
int make_doorbell();
/// False when it is no more: the program has closed descriptors that are not its own.
bool ring(int doorbell);
/// Forgets that it has rung.
void quiet(int doorbell);

}  // namespace tunic
