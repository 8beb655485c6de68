// http_client: fetches one page or file over our own stack.
#include <tunic.h>

#include <chrono>
#include <string>

#include "http_client/connection.h"
#include "http_client/fetch.h"
#include "http_client/sink.h"
#include "http_client/url.h"
#include "support/program.h"
#include "support/stop.h"

namespace {

using namespace apps;
using namespace http;

constexpr int most_redirections = 5;

/// For the person, never into the page: stdout is theirs only if the page goes elsewhere.
void tell(bool page_on_stdout, const std::string& line) {
  if (page_on_stdout)
    fmt::print(stderr, "{}\n", line);
  else
    say(line);
}

void run(const std::string& address, const std::string& output, Families families) {
  const Stop stop;
  Url url = parse_url(address);
  for (int i = 0; i <= most_redirections; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    Connection connection{url, families, stop};
    tell(output.empty(),
         fmt::format("http_client {} connected to {}", to_string(connection.local()), to_string(connection.remote())));
    Sink sink{output};
    const Response response = fetch(connection, url, sink);
    if (response.is_success()) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      const auto octets = static_cast<double>(sink.written());
      tell(output.empty(), fmt::format("http_client received {} in {:.2f} s, {:.2f} Gbit/s", human_size(octets),
                                       took.count(), octets * 8e-9 / took.count()));
      return;
    }
    if (!response.is_redirection())
      throw Failure{fmt::format("the server answered {} {} for {}", response.status, response.reason, url.target)};
    url = resolve(url, response.location);
  }
  throw Failure{fmt::format("{} redirections and no end", most_redirections)};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Fetches a page over HTTP/1.1 on Tunic's own TCP/IP stack.", "http_client"};
  std::string url, output;
  bool only_v4 = false, only_v6 = false;
  app.add_option("URL", url, "http://198.18.0.1:8080/page, http://[fd00:7::1]/page or http://name/page")
      ->required()
      ->type_name("");
  app.add_option("-o", output, "write to this file; without it, to standard output")->type_name("FILE");
  CLI::Option* v4 = app.add_flag("-4", only_v4, "use IPv4 alone");
  app.add_flag("-6", only_v6, "use IPv6 alone")->excludes(v4);
  app.footer("Names are looked up by the system's resolver, over the kernel's network.");

  return run_program(app, argc, argv, [&] { run(url, output, families_of(only_v4, only_v6)); });
}
