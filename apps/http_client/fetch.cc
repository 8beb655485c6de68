#include "http_client/fetch.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>
#include <limits>

#include "support/page_buffer.h"

namespace http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;

/// A Body in Beast's sense that keeps nothing: what the parser finds goes straight to a Sink.
struct SinkBody {
  using value_type = Sink*;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(beast_http::header<is_request, Fields>&, value_type& sink) : sink_{sink} {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      std::size_t taken = 0;
      for (const auto& b : boost::beast::buffers_range_ref(buffers)) {
        sink_->write({static_cast<const char*>(b.data()), b.size()});
        taken += b.size();
      }
      return taken;
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& sink_;
  };
};

using Parser = beast_http::response_parser<SinkBody>;

/// What has come and is not parsed yet. The parser wants a header in one piece, so what it leaves stays at the front.
class Input {
 public:
  explicit Input(Connection& connection) : connection_{connection} {}

  /// Takes in more; false at the end of the stream.
  bool receive() {
    const std::size_t n = connection_.receive(buffer_.data() + size_, buffer_.size() - size_);
    size_ += n;
    return n > 0;
  }
  bool empty() const { return size_ == 0; }
  /// Gives the parser what is there; whether it wants more before it can go on.
  bool feed(Parser& parser) {
    error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(buffer_.data(), size_), error);
    size_ -= used;
    std::memmove(buffer_.data(), buffer_.data() + used, size_);
    if (error && error != beast_http::error::need_more)
      throw apps::Failure{"the answer is not HTTP: " + error.message()};
    return error == beast_http::error::need_more;
  }

 private:
  Connection& connection_;
  apps::PageBuffer buffer_{256 * 1024};
  std::size_t size_ = 0;
};

void read_header(Input& input, Parser& parser) {
  parser.header_limit(64 * 1024);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  bool wants_more = input.empty();
  while (!parser.is_header_done()) {
    if (wants_more && !input.receive())
      throw apps::Failure{"the server closed the connection before its answer was complete"};
    wants_more = input.feed(parser) || input.empty();
  }
}

void read_body(Input& input, Parser& parser, Sink& sink) {
  parser.get().body() = &sink;
  parser.eager(true);
  bool wants_more = input.empty();
  while (!parser.is_done()) {
    if (wants_more && !input.receive()) {
      error_code error;
      parser.put_eof(error);  // the end of the connection is the end of a body without a length, and of no other
      if (error) throw apps::Failure{fmt::format("the body ended early, after {} octets", sink.written())};
      return;
    }
    wants_more = input.feed(parser) || input.empty();
  }
}

}  // namespace

Response fetch(Connection& connection, const Url& url, Sink& sink) {
  connection.send(fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tunic-http_client\r\nAccept: */*\r\nConnection: close\r\n\r\n",
      url.target, url.authority()));
  Input input{connection};
  std::optional<Parser> parser;
  do {  // interim answers, such as 100 Continue, come before the one that counts (RFC 9110 §15.2)
    parser.emplace();
    read_header(input, *parser);
  } while (parser->get().result_int() / 100 == 1);

  const auto& head = parser->get();
  const Response response{.status = static_cast<int>(head.result_int()),
                          .reason = std::string{head.reason()},
                          .location = std::string{head[beast_http::field::location]}};
  if (response.is_success()) {
    const auto length = parser->content_length();
    sink.begin(length ? std::optional{*length} : std::nullopt);
    read_body(input, *parser, sink);
    sink.end();
  }
  return response;
}

}  // namespace http
