#include "http_server/client.h"

#include <poll.h>
#include <tunic.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>

#include "http_server/text.h"

namespace http {
namespace {

namespace beast_http = boost::beast::http;
using namespace std::chrono_literals;

constexpr std::size_t block_size = 256 * 1024;
constexpr std::uint32_t header_limit = 16 * 1024;
constexpr std::uint64_t body_limit = 64 * 1024;  // no resource here takes a body; a small one is read and left alone
constexpr int steps_at_once = 8;
constexpr std::chrono::seconds idle_time = 60s, drain_time = 5s;

int status_for(const boost::beast::error_code& error) {
  if (error == beast_http::error::header_limit) return 431;
  if (error == beast_http::error::body_limit) return 413;
  if (error == beast_http::error::bad_version) return 505;
  return 400;
}

/// Methods that get 405 or 501, whatever comes after their header.
bool is_refused(beast_http::verb method) { return method != beast_http::verb::get && method != beast_http::verb::head; }

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

void Log::accepted(const apps::Socket& socket, const apps::Endpoint& remote) const {
  if (wanted_)
    apps::say(fmt::format("pair local {} remote {}", to_string(apps::local_end(socket.fd())), to_string(remote)));
}

void Log::answered(const std::string& remote, const Request& request, const Reply& reply) const {
  if (!wanted_) return;
  const std::string what = request.method.empty() ? "-" : escape_log(request.method) + " " + escape_log(request.target);
  apps::say(fmt::format("request {} {} {}", remote, what, reply.status));
}

Client::Client(apps::Socket socket, const apps::Endpoint& remote, const Site& site, const Log& log,
               Clock::time_point now)
    : socket_{std::move(socket)}, remote_{to_string(remote)}, site_{site}, log_{log} {
  expect(now, idle_time);
}

short Client::events() const {
  // A pipelined request that is here already would never make the socket readable; one that is writable wakes us at
  // once.
  if (phase_ == Phase::writing || (phase_ == Phase::reading && unexamined_)) return POLLOUT;
  return POLLIN;
}

bool Client::advance(Clock::time_point now) {
  for (int i = 0; i < steps_at_once; ++i) {
    Step step = Step::over;
    switch (phase_) {
      case Phase::reading:
        step = read_request(now);
        break;
      case Phase::writing:
        step = write_reply(now);
        break;
      case Phase::draining:
        step = drain();
        break;
    }
    if (step == Step::wait && now >= deadline_) step = expired(now);
    if (step == Step::over) return false;
    if (step == Step::wait) return true;
  }
  return true;
}

Client::Step Client::expired(Clock::time_point now) {
  if (phase_ != Phase::reading || input_.empty()) return Step::over;  // an idle connection is closed without a word
  return start(error_reply(408, {}), {}, now);
}

// ---- requests in ----

Client::Step Client::read_request(Clock::time_point now) {
  if (!unexamined_)
    if (const Step got = receive(); got != Step::again) return got;
  unexamined_ = false;
  if (!parse()) return Step::again;
  if (refusal_) return start(std::move(*refusal_), {}, now);
  const Request asked = request();
  return start(answer(site_, asked), asked, now);
}

Client::Step Client::receive() {
  const std::size_t had = input_.size();
  input_.resize(had + header_limit);
  const ssize_t n = tunic_read(fd(), input_.data() + had, header_limit);
  input_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n > 0) {
    unexamined_ = true;
    return Step::again;
  }
  return n < 0 && would_block() ? Step::wait : Step::over;
}

bool Client::parse() {
  if (!parser_) {
    // Some clients end a body with an empty line too many (RFC 9112 §2.2).
    while (input_.starts_with("\r\n")) input_.erase(0, 2);
    if (input_.empty() || input_ == "\r") return false;
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(header_limit);
    parser_->body_limit(body_limit);
  }
  while (!parser_->is_done() && !input_.empty()) {
    boost::beast::error_code error;
    const std::size_t used = parser_->put(boost::asio::buffer(input_), error);
    input_.erase(0, used);
    if (error == beast_http::error::need_more) break;
    if (error == beast_http::error::body_limit && is_refused(parser_->get().method())) return true;
    if (error) {
      refusal_ = error_reply(status_for(error), {});
      return true;
    }
  }
  if (!parser_->is_header_done()) return false;
  const auto& head = parser_->get();
  if (head.version() == 11 && head.count(beast_http::field::host) != 1) {  // RFC 9112 §3.2
    refusal_ = error_reply(400, {});
    return true;
  }
  return parser_->is_done() || is_refused(head.method()) || head.count(beast_http::field::expect) != 0;
}

Request Client::request() const {
  const auto& head = parser_->get();
  const auto field = [&](beast_http::field name) { return std::string{head[name]}; };
  return {.method = std::string{head.method_string()},
          .target = std::string{head.target()},
          .range = field(beast_http::field::range),
          .if_range = field(beast_http::field::if_range),
          .version = static_cast<int>(head.version()),
          // What is left of a body that we did not wait for would be taken for the next request.
          .keep_alive = head.keep_alive() && parser_->is_done()};
}

// ---- replies out ----

Client::Step Client::start(Reply reply, const Request& asked, Clock::time_point now) {
  log_.answered(remote_, asked, reply);
  reply_ = std::move(reply);
  refusal_.reset();
  parser_.reset();
  block_ = std::make_unique<apps::PageBuffer>(block_size);
  begin_ = end_ = 0;
  phase_ = Phase::writing;
  expect(now, idle_time);
  return Step::again;
}

bool Client::fill() {
  begin_ = 0;
  end_ = reply_.text.copy(block_->data(), block_->size());
  reply_.text.erase(0, end_);
  const std::uint64_t wanted = std::min<std::uint64_t>(block_->size() - end_, reply_.length);
  if (wanted == 0) return true;
  const ssize_t n = ::pread(reply_.file.fd(), block_->data() + end_, wanted, static_cast<off_t>(reply_.offset));
  if (n <= 0) return end_ > 0;  // what is in the block goes out first
  end_ += static_cast<std::size_t>(n);
  reply_.offset += static_cast<std::uint64_t>(n);
  reply_.length -= static_cast<std::uint64_t>(n);
  return true;
}

Client::Step Client::write_reply(Clock::time_point now) {
  // A file that shrank cannot be made good: the early end tells the client that octets are missing.
  if (begin_ == end_ && !fill()) return Step::over;
  const ssize_t n = tunic_write(fd(), block_->data() + begin_, end_ - begin_);
  if (n < 0) return would_block() ? Step::wait : Step::over;
  begin_ += static_cast<std::size_t>(n);
  expect(now, idle_time);
  if (begin_ < end_ || !reply_.text.empty() || reply_.length > 0) return Step::again;
  return reply_done(now);
}

Client::Step Client::reply_done(Clock::time_point now) {
  const bool keep_alive = reply_.keep_alive;
  reply_ = {};
  block_.reset();
  if (keep_alive) {
    phase_ = Phase::reading;
    unexamined_ = !input_.empty();
    return Step::again;
  }
  // Closing with octets unread would send a reset, which may overtake the reply (RFC 9112 §9.6): finish our direction,
  // and read the peer's to its end first.
  if (tunic_shutdown(fd(), SHUT_WR) != 0) return Step::over;
  phase_ = Phase::draining;
  expect(now, drain_time);
  return Step::again;
}

Client::Step Client::drain() {
  char nowhere[16 * 1024];
  const ssize_t n = tunic_read(fd(), nowhere, sizeof nowhere);
  if (n > 0) return Clock::now() < deadline_ ? Step::again : Step::over;
  return n < 0 && would_block() ? Step::wait : Step::over;
}

}  // namespace http
