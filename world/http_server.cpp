#include "world/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
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

using Instant = std::chrono::steady_clock::time_point;

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    default: return "Service Unavailable";  // 503
  }
}

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
  std::string head = {};   // of the request
  HttpAnswer answer = {};  // once the request is there
  bool answered = false;
  size_t sent = 0;  // bytes of the answer
  bool done = false;

  std::string_view unsent() const {
    if (sent < answer.head.size()) return std::string_view(answer.head).substr(sent);
    return answer.body ? std::string_view(*answer.body).substr(sent - answer.head.size()) : "";
  }
};

void read_some(Connection& connection, const std::function<HttpAnswer(std::string_view head)>& respond) {
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
  connection.answer = end == std::string::npos ? HttpAnswer{plain_response(431, "The request is too large")}
                                               : respond(std::string_view(connection.head).substr(0, end));
  connection.answered = true;
  connection.until = std::chrono::steady_clock::now() + patience;
}

void write_some(Connection& connection) {
  std::string_view rest = connection.unsent();
  ssize_t size = send(connection.socket.number(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) connection.sent += static_cast<size_t>(size);
  connection.done = size < 0 || connection.unsent().empty();
}

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

SocketAddress any_v4(int port) {
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<in_port_t>(port));
  address.size = sizeof v4;
  return address;
}

SocketAddress any_v6(int port) {
  SocketAddress address;
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<in_port_t>(port));
  address.size = sizeof v6;
  return address;
}

// Those to try, one after the other: a kernel without IPv6 has no [::].
std::vector<SocketAddress> addresses_of(const ListenAddress& address) {
  SocketAddress v4 = any_v4(address.port), v6 = any_v6(address.port);
  if (address.host.empty()) return {v6, v4};
  if (inet_pton(AF_INET, address.host.c_str(), &reinterpret_cast<sockaddr_in&>(v4.storage).sin_addr) == 1)
    return {v4};
  (void)inet_pton(AF_INET6, address.host.c_str(), &reinterpret_cast<sockaddr_in6&>(v6.storage).sin6_addr);
  return {v6};
}

Result<Descriptor> listen_on(const ListenAddress& address) {
  int number = 0;
  for (const SocketAddress& tried : addresses_of(address)) {
    Descriptor listener(socket(tried.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int one = 1;
    setsockopt(listener.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener.number(), reinterpret_cast<const sockaddr*>(&tried.storage), tried.size) == 0 &&
        listen(listener.number(), 16) == 0)
      return listener;
    number = errno;
  }
  return failure(ErrorClass::environment, "port-taken", "Cannot listen on " + to_text(address),
                 std::generic_category().message(number));
}

int port_of(const Descriptor& listener) {
  SocketAddress address;
  address.size = sizeof address.storage;
  getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  // The port is at the same place for both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

}  // namespace

Result<ListenAddress> listen_address(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  ListenAddress address{std::string(host), -1};
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  bool number = error == std::errc() && end == port.data() + port.size() && !port.empty();
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) address.host = host.substr(1, host.size() - 2);
  in6_addr parsed = {};
  bool known =
      address.host.empty() || inet_pton(bracketed ? AF_INET6 : AF_INET, address.host.c_str(), &parsed) == 1;
  if (number && known && address.port >= 0 && address.port <= 65535) return address;
  return failure(ErrorClass::usage, "usage", fmt::format("{} is not an address to listen on", text), {},
                 "Give an IP address and a port: 127.0.0.1:9797, [::1]:9797, or :9797 for all addresses");
}

std::string to_text(const ListenAddress& address) {
  bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port)
            : fmt::format("{}:{}", address.host, address.port);
}

std::optional<RequestLine> request_line(std::string_view head) {
  std::vector<std::string> words = text::split(text::trim(head.substr(0, head.find('\n'))), ' ');
  if (words.size() != 3 || !words[2].starts_with("HTTP/1.")) return std::nullopt;
  return RequestLine{words[0], words[1].substr(0, words[1].find('?'))};
}

std::string response_head(int status, std::string_view type, size_t length, std::string_view more) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{}\r\n",
      status, reason_of(status), type, length, more);
}

std::string plain_response(int status, std::string_view text, std::string_view more) {
  return fmt::format("{}{}\n", response_head(status, "text/plain", text.size() + 1, more), text);
}

Status serve_http(const ListenAddress& address, const Interrupt& interrupt,
                  const std::function<void(int port)>& ready,
                  const std::function<HttpAnswer(std::string_view head)>& respond) {
  auto listener = listen_on(address);
  if (!listener) return failure(listener.error());
  ready(port_of(*listener));
  std::vector<Connection> connections;
  while (!interrupt.requested()) {
    bool room = connections.size() < most_connections;
    std::vector<pollfd> waits = {{interrupt.fd(), POLLIN, 0}, {room ? listener->number() : -1, POLLIN, 0}};
    for (const Connection& connection : connections) {
      short events = connection.answered ? POLLOUT : POLLIN;
      waits.push_back({connection.socket.number(), events, 0});
    }
    poll(waits.data(), waits.size(), 1000);
    Instant now = std::chrono::steady_clock::now();
    for (size_t i = 0; i < connections.size(); ++i) {
      if (waits[i + 2].revents != 0)
        waits[i + 2].events == POLLIN ? read_some(connections[i], respond) : write_some(connections[i]);
    }
    std::erase_if(connections, [&](const Connection& c) { return c.done || c.until < now; });
    if (waits[1].revents == 0) continue;
    int fd = accept4(listener->number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) connections.push_back({Descriptor(fd), now + patience});
  }
  return {};
}

}  // namespace hpawalk::world
