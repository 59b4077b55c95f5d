#include "listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace promfake {
namespace {

union AnyAddress {
  sockaddr general;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Address readable(const AnyAddress& any) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (any.general.sa_family == AF_INET) {
    inet_ntop(AF_INET, &any.v4.sin_addr, text, sizeof text);
    return {text, ntohs(any.v4.sin_port)};
  }
  inet_ntop(AF_INET6, &any.v6.sin6_addr, text, sizeof text);
  return {text, ntohs(any.v6.sin6_port)};
}

socklen_t fill(AnyAddress& any, const Address& address, bool v6) {
  any = {};
  auto port = htons(static_cast<in_port_t>(address.port));
  if (v6) {
    any.v6.sin6_family = AF_INET6;
    any.v6.sin6_port = port;
    any.v6.sin6_addr = in6addr_any;
    if (!address.host.empty()) inet_pton(AF_INET6, address.host.c_str(), &any.v6.sin6_addr);
    return sizeof any.v6;
  }
  any.v4.sin_family = AF_INET;
  any.v4.sin_port = port;
  if (!address.host.empty()) inet_pton(AF_INET, address.host.c_str(), &any.v4.sin_addr);
  return sizeof any.v4;
}

Listener refused(int fd, int error, const Address& address) {
  Listener none;
  if (fd >= 0) close(fd);
  if (error == EADDRINUSE) {
    none.because = "another program is already listening there";
    none.hint = "use another port, like --listen " + to_string({address.host, address.port % 65535 + 1}) +
                ", or find that program: ss -ltnp 'sport = :" + std::to_string(address.port) + "'";
  } else if (error == EACCES) {
    none.because = "this user is not permitted to listen on that port";
    none.hint = "use a port from 1024 upwards, like --listen " + to_string({address.host, 8080});
  } else if (error == EADDRNOTAVAIL) {
    none.because = "this machine does not have that address";
    none.hint = "--listen 0.0.0.0:" + std::to_string(address.port) +
                " listens on all addresses; `ip address` lists them";
  } else {
    none.because = std::strerror(error);
    none.hint = "--listen ADDRESS:PORT chooses another address";
  }
  return none;
}

}  // namespace

Listener open_listener(const Address& address) {
  bool v6 = address.host.empty() || address.host.find(':') != std::string::npos;
  int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && address.host.empty()) {  // a kernel without IPv6
    v6 = false;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  if (fd < 0) return refused(fd, errno, address);
  int one = 1, both = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
  AnyAddress any;
  socklen_t size = fill(any, address, v6);
  if (bind(fd, &any.general, size) != 0 || listen(fd, 4096) != 0) return refused(fd, errno, address);
  Listener listener;
  listener.fd = fd;
  size = sizeof any;
  getsockname(fd, &any.general, &size);
  listener.bound = readable(any);
  return listener;
}

std::string peer_of(int fd) {
  AnyAddress any{};
  socklen_t size = sizeof any;
  if (getpeername(fd, &any.general, &size) != 0) return "-";
  return to_string(readable(any));
}

}  // namespace promfake
