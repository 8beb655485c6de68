// A connection of the client: it waits for the peer and for Ctrl-C at the same time, and turns errors into sentences.
#pragma once

#include <string>
#include <string_view>

#include "http_client/url.h"
#include "support/endpoint.h"
#include "support/owned.h"
#include "support/resolve.h"
#include "support/stop.h"

namespace http {

class Connection {
 public:
  /// Connects to the first address of the URL's host that answers. Throws Failure.
  Connection(const Url& url, apps::Families families, const apps::Stop& stop);

  void send(std::string_view text);
  /// At least one octet, or 0 at the end of the stream.
  std::size_t receive(char* to, std::size_t room);
  /// The pair that this connection is: its own endpoint, and the peer's.
  apps::Endpoint local() const { return apps::local_end(socket_.fd()); }
  const apps::Endpoint& remote() const { return remote_; }

 private:
  /// 0, or errno.
  int try_connect(const apps::Endpoint& to);
  void wait(short events);

  const apps::Stop& stop_;
  apps::Socket socket_;
  apps::Endpoint remote_;
};

}  // namespace http
