#include "connections.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace promfake {
namespace {

constexpr Milliseconds linger_time = 2000;
constexpr size_t kept_capacity = 4096;  // what an idle connection may keep of its buffer

void finish(Connection& connection) {
  if (!connection.http.failed()) return connection.all.close(connection);
  // The client may still be sending. Closing now would answer that with a reset, which can overtake our
  // answer.
  shutdown(connection.fd, SHUT_WR);
  connection.lingering = true;
}

// Sends what there is. False: the connection is gone.
bool flush(Connection& connection) {
  std::string& output = connection.http.output();
  while (connection.sent < output.size()) {
    ssize_t done =
        send(connection.fd, output.data() + connection.sent, output.size() - connection.sent, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      event_add(&connection.writable, nullptr);
      event_del(&connection.readable);  // who does not take answers gets to ask nothing more
      return true;
    }
    if (done < 0) return connection.all.close(connection), false;
    connection.sent += static_cast<size_t>(done);
    connection.active = monotonic_now();
  }
  output.clear();
  if (output.capacity() > kept_capacity) output.shrink_to_fit();
  connection.sent = 0;
  return true;
}

void advance(Connection& connection) {
  for (;;) {
    if (!flush(connection)) return;
    if (connection.sent > 0 || !connection.http.output().empty()) return;  // waits until it can be written
    if (connection.http.closing()) return finish(connection);
    if (!connection.http.paused()) break;
    connection.http.resume();
  }
  if (!connection.http.in_request()) {
    connection.request_begin = 0;
  } else if (connection.request_begin == 0 || connection.request != connection.http.requests_begun()) {
    connection.request_begin = connection.active;
    connection.request = connection.http.requests_begun();
  }
}

void on_readable(evutil_socket_t fd, short, void* argument) {
  static char buffer[16 * 1024];  // one loop, one thread: all connections share it
  auto& connection = *static_cast<Connection*>(argument);
  ssize_t size = recv(fd, buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (size <= 0) return connection.all.close(connection);
  if (connection.lingering) return;
  connection.active = monotonic_now();
  connection.all.current = &connection;
  connection.http.feed({buffer, static_cast<size_t>(size)});
  advance(connection);
}

void on_writable(evutil_socket_t, short, void* argument) {
  auto& connection = *static_cast<Connection*>(argument);
  event_add(&connection.readable, nullptr);
  connection.all.current = &connection;
  advance(connection);
}

}  // namespace

Milliseconds monotonic_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<Milliseconds>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

void Connections::add(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  open.push_back(std::unique_ptr<Connection>(
      new Connection{*this, fd, open.size(), {}, {}, HttpConnection(shared), monotonic_now()}));
  Connection& connection = *open.back();
  event_assign(&connection.readable, base, fd, EV_READ | EV_PERSIST, on_readable, &connection);
  event_assign(&connection.writable, base, fd, EV_WRITE, on_writable, &connection);
  event_add(&connection.readable, nullptr);
  ++shared.app.self.connections_accepted;
  shared.app.self.connections_open = open.size();
}

void Connections::close(Connection& connection) {
  event_del(&connection.readable);
  event_del(&connection.writable);
  ::close(connection.fd);
  size_t place = connection.place;
  open[place].swap(open.back());
  open[place]->place = place;
  open.pop_back();
  shared.app.self.connections_open = open.size();
}

static bool idle(const Connection& connection) {
  return connection.request_begin == 0 && connection.http.output_empty() && !connection.lingering;
}

void Connections::close_idle() {
  for (size_t i = open.size(); i-- > 0;)
    if (idle(*open[i])) close(*open[i]);
}

Connection* Connections::longest_idle(Milliseconds at_least) {
  Connection* found = nullptr;
  for (auto& one : open)
    if (idle(*one) && (!found || one->active < found->active)) found = one.get();
  return found && monotonic_now() - found->active >= at_least ? found : nullptr;
}

void Connections::enforce_deadlines() {
  Milliseconds now = monotonic_now();
  Milliseconds patience = Milliseconds{config.request_timeout} * 1000;
  for (size_t i = open.size(); i-- > 0;) {
    Connection& one = *open[i];
    Milliseconds quiet = now - one.active;
    if (one.lingering) {
      // From the moment of the answer, whatever the client goes on sending.
      if (quiet > linger_time) close(one);
    } else if (!one.http.output_empty()) {
      if (quiet > patience) close(one);
    } else if (one.request_begin != 0) {
      if (now - one.request_begin <= patience) continue;
      current = &one;
      one.http.refuse(408, "the request did not arrive in time");
      advance(one);
    } else if (quiet > Milliseconds{config.idle_timeout} * 1000) {
      close(one);
    }
  }
}

}  // namespace promfake
