#include "world/page_server.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "world/http_server.hpp"

namespace hpawalk::world {
namespace {

// The page brings its own policy about what it may load; who may frame it, only a header can say.
constexpr std::string_view policy =
    "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"
    "Content-Security-Policy: frame-ancestors 'none'\r\n";

std::string refusal(int status, std::string_view because, std::string_view more = {}) {
  return plain_response(status, because, std::string(policy) + std::string(more));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

}  // namespace

std::string page_response(std::string_view head, std::string_view page, int port) {
  std::optional<RequestLine> request = request_line(head);
  if (!request) return refusal(400, "This is not an HTTP request");
  std::vector<std::string> lines = text::lines(head), hosts;
  for (size_t i = 1; i < lines.size(); ++i) {
    size_t colon = lines[i].find(':');
    if (colon != std::string::npos && lower(lines[i].substr(0, colon)) == "host")
      hosts.push_back(lower(text::trim(std::string_view(lines[i]).substr(colon + 1))));
  }
  std::string own = fmt::format("127.0.0.1:{}", port);
  if (hosts.size() != 1 || (hosts[0] != own && hosts[0] != fmt::format("localhost:{}", port)))
    return refusal(421, "This page is only at http://" + own + "/");
  if (request->method != "GET" && request->method != "HEAD")
    return refusal(405, "This page can only be read", "Allow: GET, HEAD\r\n");
  if (request->path != "/") return refusal(404, "Only the page at / is here");
  std::string response = response_head(200, "text/html", page.size(), policy);
  if (request->method == "GET") response += page;
  return response;
}

Status serve_page(std::string_view page, int port, const Interrupt& interrupt,
                  const std::function<void(int port)>& ready) {
  int bound = 0;
  Status served = serve_http(
      {"127.0.0.1", port}, interrupt,
      [&](int own) {
        bound = own;
        ready(own);
      },
      [&](std::string_view head) { return HttpAnswer{page_response(head, page, bound)}; });
  if (!served && served.error().is("port-taken"))
    served.error().hint = "Another --port may be free; without --port a free one is used";
  return served;
}

}  // namespace hpawalk::world
