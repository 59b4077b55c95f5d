#include "world/page_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::world {

namespace {

constexpr size_t largest_head = 16 << 10;  // bytes
constexpr size_t most_connections = 64;
constexpr auto patience = std::chrono::seconds(20);  // for a request, and for a reader of the answer

std::string response(int status, std::string_view name, std::string_view type, std::string_view body,
                     bool with_body) {
  // The page brings its own policy about what it may load; who may frame it, only a header can say.
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
      "Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: frame-ancestors "
      "'none'\r\n{}\r\n{}",
      status, name, type, body.size(), status == 405 ? "Allow: GET, HEAD\r\n" : "", with_body ? body : "");
}

std::string refusal(int status, std::string_view name, std::string_view because) {
  return response(status, name, "text/plain", std::string(because) + "\n", true);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

}  // namespace

std::string page_response(std::string_view head, std::string_view page, int port) {
  std::vector<std::string> lines = text::lines(head);
  std::vector<std::string> words =
      lines.empty() ? std::vector<std::string>() : text::split(text::trim(lines[0]), ' ');
  if (words.size() != 3 || !words[2].starts_with("HTTP/1."))
    return refusal(400, "Bad Request", "This is not an HTTP request");
  std::vector<std::string> hosts;
  for (size_t i = 1; i < lines.size(); ++i) {
    size_t colon = lines[i].find(':');
    if (colon != std::string::npos && lower(lines[i].substr(0, colon)) == "host")
      hosts.push_back(lower(text::trim(std::string_view(lines[i]).substr(colon + 1))));
  }
  std::string own = fmt::format("127.0.0.1:{}", port);
  if (hosts.size() != 1 || (hosts[0] != own && hosts[0] != fmt::format("localhost:{}", port)))
    return refusal(421, "Misdirected Request", "This page is only at http://" + own + "/");
  if (words[0] != "GET" && words[0] != "HEAD")
    return refusal(405, "Method Not Allowed", "This page can only be read");
  if (words[1].substr(0, words[1].find('?')) != "/")
    return refusal(404, "Not Found", "Only the page at / is here");
  return response(200, "OK", "text/html", page, words[0] == "GET");
}

namespace {

using Instant = std::chrono::steady_clock::time_point;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

struct Connection {
  Descriptor socket;
  Instant until;
  std::string head = {};
  std::string answer = {};  // what has not been sent yet
  bool done = false;
};

void read_some(Connection& connection, std::string_view page, int port) {
  char buffer[4096];
  ssize_t size = recv(connection.socket.number(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    connection.done = true;
    return;
  }
  connection.head.append(buffer, static_cast<size_t>(size));
  size_t end = connection.head.find("\r\n\r\n");
  if (end == std::string::npos && connection.head.size() <= largest_head) return;
  connection.answer = end == std::string::npos
                          ? refusal(431, "Request Header Fields Too Large", "The request is too large")
                          : page_response(connection.head.substr(0, end), page, port);
  connection.until = std::chrono::steady_clock::now() + patience;
}

void write_some(Connection& connection) {
  ssize_t size =
      send(connection.socket.number(), connection.answer.data(), connection.answer.size(), MSG_NOSIGNAL);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) connection.answer.erase(0, static_cast<size_t>(size));
  connection.done = size < 0 || connection.answer.empty();
}

Result<Descriptor> listen_on(int port) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int one = 1;
  setsockopt(listener.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      listen(listener.number(), 16) == 0)
    return listener;
  return failure(ErrorClass::environment, "port-taken", fmt::format("Cannot listen on 127.0.0.1:{}", port),
                 std::generic_category().message(errno),
                 "Another --port may be free; without --port a free one is used");
}

int port_of(const Descriptor& listener) {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

Status serve_page(std::string_view page, int port, const Interrupt& interrupt,
                  const std::function<void(int port)>& ready) {
  auto listener = listen_on(port);
  if (!listener) return failure(listener.error());
  port = port_of(*listener);
  ready(port);
  std::vector<Connection> connections;
  while (!interrupt.requested()) {
    bool room = connections.size() < most_connections;
    std::vector<pollfd> waits = {{interrupt.fd(), POLLIN, 0}, {room ? listener->number() : -1, POLLIN, 0}};
    for (const Connection& connection : connections) {
      short events = connection.answer.empty() ? POLLIN : POLLOUT;
      waits.push_back({connection.socket.number(), events, 0});
    }
    poll(waits.data(), waits.size(), 1000);
    Instant now = std::chrono::steady_clock::now();
    for (size_t i = 0; i < connections.size(); ++i) {
      if (waits[i + 2].revents != 0)
        waits[i + 2].events == POLLIN ? read_some(connections[i], page, port) : write_some(connections[i]);
    }
    std::erase_if(connections, [&](const Connection& c) { return c.done || c.until < now; });
    if (waits[1].revents == 0) continue;
    int fd = accept4(listener->number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) connections.push_back({Descriptor(fd), now + patience});
  }
  return {};
}

}  // namespace hpawalk::world
