// One client of the server: requests come in, replies go out, in order, over one connection that may carry many of
// both.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http_server/answer.h"
#include "http_server/site.h"
#include "support/endpoint.h"
#include "support/owned.h"
#include "support/page_buffer.h"

namespace http {

using Clock = std::chrono::steady_clock;

/// Where a server tells what it does; silent unless asked for.
class Log {
 public:
  explicit Log(bool wanted) : wanted_{wanted} {}
  void accepted(const apps::Socket& socket, const apps::Endpoint& remote) const;
  void answered(const std::string& remote, const Request& request, const Reply& reply) const;

 private:
  bool wanted_;
};

/// Never blocks: advance() does what can be done now, events() says what to wait for.
class Client {
 public:
  Client(apps::Socket socket, const apps::Endpoint& remote, const Site& site, const Log& log, Clock::time_point now);

  int fd() const { return socket_.fd(); }
  /// What poll() should wait for.
  short events() const;
  /// When advance() should be called even if nothing comes.
  Clock::time_point deadline() const { return deadline_; }
  /// Goes as far as the peer allows, within limits, for others wait too. False: the connection is over.
  bool advance(Clock::time_point now);

 private:
  enum class Phase { reading, writing, draining };
  enum class Step { again, wait, over };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  Step read_request(Clock::time_point now);
  Step receive();
  /// Whether a whole request, or one that is refused already, stands at the front of what came.
  bool parse();
  Request request() const;
  Step start(Reply reply, const Request& request, Clock::time_point now);
  Step write_reply(Clock::time_point now);
  /// Puts the next octets of the reply into the empty block; false if a file fell short of what its header promised.
  bool fill();
  Step reply_done(Clock::time_point now);
  Step drain();
  void expect(Clock::time_point now, std::chrono::seconds time) { deadline_ = now + time; }
  Step expired(Clock::time_point now);

  apps::Socket socket_;
  std::string remote_;
  const Site& site_;
  const Log& log_;
  Phase phase_ = Phase::reading;
  Clock::time_point deadline_;

  std::string input_;             // what came and is not parsed yet
  bool unexamined_ = false;       // ... and may hold a whole request
  std::optional<Parser> parser_;  // of the request that is being read
  std::optional<Reply> refusal_;  // for a request that is not one

  Reply reply_;
  std::unique_ptr<apps::PageBuffer> block_;  // exists while a reply is sent
  std::size_t begin_ = 0, end_ = 0;          // the octets of the block not yet sent
};

}  // namespace http
