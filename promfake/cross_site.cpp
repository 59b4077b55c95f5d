#include "cross_site.hpp"

#include <arpa/inet.h>

#include "text.hpp"

namespace promfake {
namespace {

std::string without_port(std::string_view host) {
  bool brackets = host.starts_with('[');
  size_t end = host.find(brackets ? ']' : ':');
  if (end == std::string_view::npos) return std::string(host);
  return std::string(brackets ? host.substr(1, end - 1) : host.substr(0, end));
}

// A name that belongs to somebody on the internet can be made to point here (DNS rebinding): then Origin and
// Host agree. It always has a dot; an address is no name.
bool can_be_rebound(const std::string& name) {
  unsigned char binary[16];
  bool address =
      inet_pton(AF_INET, name.c_str(), binary) == 1 || inet_pton(AF_INET6, name.c_str(), binary) == 1;
  return !address && name.find('.') != std::string::npos;
}

}  // namespace

std::string refused_origin(const Request& request) {
  std::string_view site = trimmed(request.fetch_site), origin = trimmed(request.origin),
                   host = trimmed(request.host);
  // A browser's own word, which no page can change. It is given to https and to localhost only, where names
  // cannot be rebound. What lies between may have changed Host by then, as kubectl proxy does.
  if (site == "same-origin" || site == "none") return {};
  if (site.empty() && origin.empty()) return {};
  size_t scheme = origin.find("://");
  std::string_view asker = scheme == std::string_view::npos ? "" : origin.substr(scheme + 3);
  std::string page = origin.empty() ? "another site" : quoted(origin);
  if (!site.empty() || !equal_ignoring_case(asker, host))
    return "a page of " + page +
           " must not set values here; only prom-fake's own page and programs that send no Origin can";
  if (can_be_rebound(without_port(host)))
    return "a page under the name " + quoted(host) +
           " cannot set values over plain HTTP: anybody could give this server that name; open the page by "
           "its IP address, or over HTTPS";
  return {};
}

}  // namespace promfake
