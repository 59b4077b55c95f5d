// Addresses to listen on, and what the server reads of a request.
#include "world/http_server.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;
using namespace hpawalk::world;

TEST_CASE("An address to listen on is an IP address and a port, or a port alone") {
  struct {
    const char *text, *host;
    int port;
  } good[] = {{"127.0.0.1:9797", "127.0.0.1", 9797},
              {"[::1]:80", "::1", 80},
              {":9797", "", 9797},
              {"0.0.0.0:0", "0.0.0.0", 0}};
  for (const auto& [text, host, port] : good) {
    Result<ListenAddress> address = listen_address(text);
    REQUIRE_MESSAGE(address, text);
    CHECK(address->host == host);
    CHECK(address->port == port);
    CHECK(to_text(*address) == text);
  }
  for (const char* text :
       {"", "9797", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
        "localhost:9797", "::1:80", "[127.0.0.1]:80", "[]:80", "127.0.0.1:80 "}) {
    Result<ListenAddress> address = listen_address(text);
    REQUIRE_FALSE_MESSAGE(address, text);
    CHECK(address.error().kind == ErrorClass::usage);
  }
}

TEST_CASE("A request line has a method and a path without its query") {
  std::optional<RequestLine> line = request_line("GET /metrics?name[]=x HTTP/1.1\r\nHost: a");
  REQUIRE(line);
  CHECK(line->method == "GET");
  CHECK(line->path == "/metrics");
  for (const char* head : {"", "GET", "GET /", "GET / HTTP/2", "GET  / HTTP/1.1", "\x16\x03\x01"})
    CHECK_FALSE_MESSAGE(request_line(head), head);
}

TEST_CASE("A response says its length, and that the connection ends with it") {
  CHECK(plain_response(404, "no") ==
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n"
        "Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\nno\n");
}
