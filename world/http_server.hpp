// A small HTTP/1.1 server for what is only read: one thread, one request a connection, and limits for the
// number of connections, the size of a request, and the time that a client may take. Knows nothing about what
// it serves.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "world/interrupt.hpp"

namespace hpawalk::world {

struct ListenAddress {
  std::string host;  // an IPv4 or IPv6 address; empty: all addresses of this machine
  int port = 0;      // 0: a free one
};
// "127.0.0.1:9797", "[::1]:9797", ":9797"; an error of class usage where it is none of these.
Result<ListenAddress> listen_address(std::string_view text);
std::string to_text(const ListenAddress& address);

// A response as it is sent: `head`, then `body`, which several clients can share, as a slow one keeps it.
struct HttpAnswer {
  std::string head;  // the status line, the headers, the empty line; what follows is the body's beginning
  std::shared_ptr<const std::string> body = {};  // or none
};

struct RequestLine {
  std::string method, path;  // the path is without its query
};
// Of a request's head; nothing: it is not HTTP/1.
std::optional<RequestLine> request_line(std::string_view head);

// The status line and the headers of a response with a body of this length, which the connection ends with.
// `more`: further header lines, each with its line end.
std::string response_head(int status, std::string_view type, size_t length, std::string_view more = {});
// A whole response in plain text.
std::string plain_response(int status, std::string_view text, std::string_view more = {});

// Serves until it is interrupted. `ready` is told the port, once it accepts connections. `respond` gets a
// request's head, without the empty line; it runs on the caller's thread. The error `port-taken`: it cannot
// listen there.
Status serve_http(const ListenAddress& address, const Interrupt& interrupt,
                  const std::function<void(int port)>& ready,
                  const std::function<HttpAnswer(std::string_view head)>& respond);

}  // namespace hpawalk::world
