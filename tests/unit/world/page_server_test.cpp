// What the server of the playground's page answers to a request.
#include <doctest/doctest.h>

#include "world/page_server.hpp"

using namespace hpawalk;

namespace {

std::string respond(const std::string& line, const std::string& headers = "Host: 127.0.0.1:8090") {
  return world::page_response(line + "\r\n" + headers, "<!DOCTYPE html>page", 8090);
}

bool has(const std::string& response, std::string_view part) {
  return response.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("The page is served at / under this machine's own names, and nothing else") {
  std::string page = respond("GET / HTTP/1.1");
  CHECK(page.starts_with(
      "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 19\r\n"));
  CHECK(page.ends_with("\r\n\r\n<!DOCTYPE html>page"));
  CHECK(has(page, "frame-ancestors 'none'"));
  CHECK(has(page, "X-Content-Type-Options: nosniff"));
  CHECK(has(respond("GET /?x=1 HTTP/1.1", "user-agent: x\r\nHOST:localhost:8090"), " 200 OK"));
  std::string head = respond("HEAD / HTTP/1.1");
  CHECK(has(head, "Content-Length: 19\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  for (const char* path : {"/x", "//", "/index.html", "http://127.0.0.1:8090/", "/../etc/passwd", "*"})
    CHECK_MESSAGE(has(respond(std::string("GET ") + path + " HTTP/1.1"), " 404 "), path);
  std::string post = respond("POST / HTTP/1.1");
  CHECK(has(post, " 405 "));
  CHECK(has(post, "Allow: GET, HEAD\r\n"));
}

TEST_CASE("Who reaches the page's server by another name gets nothing") {
  for (const char* headers : {"Host: evil.example:8090", "Host: 127.0.0.1", "Host: 127.0.0.1:80",
                              "Host: 127.0.0.1.evil.example:8090", "Host:", "", "X: 1",
                              "Host: 127.0.0.1:8090\r\nHost: evil.example"}) {
    std::string response = respond("GET / HTTP/1.1", headers);
    CHECK_MESSAGE(has(response, " 421 "), headers);
    CHECK_MESSAGE(!has(response, "DOCTYPE"), headers);
  }
}

TEST_CASE("What is no request is refused") {
  for (const char* line : {"", "GET", "GET /", "GET / HTTP/2", "GET  / HTTP/1.1", "\x16\x03\x01"})
    CHECK_MESSAGE(has(respond(line), " 400 "), line);
}
