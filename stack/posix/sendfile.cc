// sendfile(): from a file of the kernel's to a socket of ours. What the socket does not take is not passed over in the
// file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "posix/blocking.h"

namespace tunic {

namespace {

constexpr std::size_t most = 0x7fff'f000;  // that Linux moves in one call: MAX_RW_COUNT
constexpr std::size_t room_size = 65'536;  // of a file, moved at once

std::unexpected<Error> kernel_error() { return fail(static_cast<Error>(errno)); }

/// Where to read from, with Linux's errors.
Result<off_t> begin_of(int in, const off_t* offset, std::size_t count) {
  const int mode = ::fcntl(in, F_GETFL);
  if (mode < 0) return kernel_error();
  if ((mode & O_ACCMODE) == O_WRONLY || (mode & O_PATH) != 0) return fail(Error::bad_handle);
  const off_t here = ::lseek(in, 0, SEEK_CUR);
  if (here < 0) return offset != nullptr ? fail_as(ESPIPE) : fail(Error::invalid);  // a pipe, a socket, a terminal
  const off_t from = offset != nullptr ? *offset : here;
  if (from < 0 || static_cast<ssize_t>(count) < 0) return fail(Error::invalid);
  return from;
}

/// Whether the file goes on there: what waits for more at its end would wait in vain.
bool has_more(int in, off_t at) {
  std::byte next;
  return ::pread(in, &next, 1, at) > 0;
}

}  // namespace

ssize_t Sockets::sendfile(Handle h, int in, off_t* offset, std::size_t count) {
  const auto from = begin_of(in, offset, count);
  if (!from) return answer(Result<ssize_t>{fail(from.error())});
  if (!h.is_current()) return answer(Status{fail(Error::bad_handle)});
  count = std::min(count, most);
  const auto room = std::make_unique_for_overwrite<std::byte[]>(room_size);  // threads may have little stack
  std::size_t done = 0;
  ssize_t last = 0;
  while (done < count) {
    const std::size_t wanted = std::min(room_size, count - done);
    last = ::pread(in, room.get(), wanted, *from + static_cast<off_t>(done));
    if (last < 0 && errno == EISDIR) errno = EINVAL;
    if (last <= 0) break;
    const iovec piece{room.get(), static_cast<std::size_t>(last)};
    const bool more = done + wanted < count && has_more(in, *from + static_cast<off_t>(done + piece.iov_len));
    last = send(h, {&piece, 1}, more ? MSG_MORE : 0);
    if (last < 0) break;
    done += static_cast<std::size_t>(last);
    if (static_cast<std::size_t>(last) < piece.iov_len) break;
  }
  if (done == 0) return last < 0 ? -1 : 0;
  const off_t end = *from + static_cast<off_t>(done);
  if (offset != nullptr)
    *offset = end;
  else
    ::lseek(in, end, SEEK_SET);
  return static_cast<ssize_t>(done);
}

}  // namespace tunic
