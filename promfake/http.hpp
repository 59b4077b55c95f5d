// One request and one reply, as plain data: what the application sees of HTTP.
#pragma once

#include <string>
#include <string_view>

#include "self_metrics.hpp"

namespace promfake {

enum class Method { get, head, post, put, options, other };

struct Request {
  Method method = Method::other;
  std::string_view method_name;
  std::string target;  // as it was sent
  std::string host, accept, accept_encoding, content_encoding;
  std::string origin, fetch_site;  // only of requests that can set a value
  std::string body;
};

struct Reply {
  int code = 200;
  Route route = Route::other;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string_view headers;             // further header lines, each with its line end
  const std::string* shared = nullptr;  // a body that outlives the reply, instead of `own`
  std::string own;

  std::string_view body() const { return shared ? std::string_view(*shared) : own; }
};

inline Reply refusal(int code, Route route, std::string why) {
  Reply reply;
  reply.code = code;
  reply.route = route;
  reply.own = std::move(why) + "\n";
  return reply;
}

}  // namespace promfake
