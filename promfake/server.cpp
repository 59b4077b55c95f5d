#include "server.hpp"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "access_log.hpp"
#include "connections.hpp"

namespace promfake {
namespace {

constexpr Milliseconds tick = 250;
constexpr Milliseconds grace = 1000;  // after SIGTERM: still listening, until everybody has heard that we go
constexpr Milliseconds drain_limit = 4500;  // after SIGTERM: whatever is still open is cut
constexpr Milliseconds evictable = 1000;    // idle at least as long: may go when there are too many

struct Loop : RequestObserver {
  Server& server;
  event_base* base;
  Connections connections;
  event accept_event{}, tick_event{}, signals[3]{};
  int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);  // given up for a moment when file descriptors run out
  size_t max_connections = 0;
  Milliseconds draining_since = 0;
  bool listening = true;

  Loop(Server& s, event_base* b)
      : server(s), base(b), connections{b, s.config, {s.app, {}, nullptr, http_date(std::time(nullptr))}} {}

  void answered(std::string_view method, std::string_view target, const Reply& reply) override {
    std::string peer = connections.current ? peer_of(connections.current->fd) : "-";
    std::string line = log_line(std::time(nullptr), peer, method, target, reply);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }

  void on_accept();
  void on_tick();
  void on_signal(int signal);
  void stop_listening();
};

// As many descriptors as the system allows; what is left bounds the connections.
size_t raise_descriptor_limit(size_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, wanted + 64));
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return std::min<size_t>(wanted, limit.rlim_cur > 64 ? limit.rlim_cur - 32 : 1);
}

void Loop::on_accept() {
  constexpr int at_once = 64;  // then the others get their turn
  for (int i = 0; i < at_once; ++i) {
    int fd = accept4(server.listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
      close(spare);
      if (int extra = accept(server.listener.fd, nullptr, nullptr); extra >= 0) close(extra);
      spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
      ++server.app.self.connections_refused;
      continue;
    }
    if (fd < 0) return;
    connections.add(fd);
    if (connections.open.size() <= max_connections) continue;
    if (Connection* oldest = connections.longest_idle(evictable)) {
      connections.close(*oldest);
    } else {
      Reply busy = refusal(503, Route::other, "too many connections");
      ++server.app.self.connections_refused;
      server.app.self.count(busy.route, busy.code);
      constexpr char answer[] =
          "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
          "close\r\n\r\n";
      (void)!send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
      connections.close(*connections.open.back());
    }
  }
}

void Loop::on_tick() {
  connections.shared.date = http_date(std::time(nullptr));
  connections.enforce_deadlines();
  if (draining_since == 0) return;
  Milliseconds passed = monotonic_now() - draining_since;
  if (passed >= grace) {
    stop_listening();
    connections.close_idle();
  }
  if (passed >= drain_limit || (!listening && connections.open.empty())) event_base_loopbreak(base);
}

void Loop::stop_listening() {
  if (!std::exchange(listening, false)) return;
  event_del(&accept_event);
  close(server.listener.fd);
}

void Loop::on_signal(int signal) {
  if (signal == SIGHUP) {
    server.reload();
    return;
  }
  if (draining_since != 0) {  // asked twice
    event_base_loopbreak(base);
    return;
  }
  server.app.draining = true;
  draining_since = monotonic_now();
  if (signal == SIGINT) draining_since -= grace;  // a person at a terminal does not wait
  on_tick();
}

template <void (Loop::*Method)()>
void call(evutil_socket_t, short, void* loop) {
  (static_cast<Loop*>(loop)->*Method)();
}

void signalled(evutil_socket_t signal, short, void* loop) {
  static_cast<Loop*>(loop)->on_signal(static_cast<int>(signal));
}

void run(Server& server, event_base* base) {
  Loop loop(server, base);
  if (server.config.log_requests) loop.connections.shared.observer = &loop;
  loop.max_connections = raise_descriptor_limit(static_cast<size_t>(server.config.max_connections));
  event_assign(&loop.accept_event, base, server.listener.fd, EV_READ | EV_PERSIST, call<&Loop::on_accept>,
               &loop);
  event_add(&loop.accept_event, nullptr);
  event_assign(&loop.tick_event, base, -1, EV_PERSIST, call<&Loop::on_tick>, &loop);
  timeval every{tick / 1000, tick % 1000 * 1000};
  event_add(&loop.tick_event, &every);
  constexpr int handled[] = {SIGTERM, SIGINT, SIGHUP};
  for (size_t i = 0; i < std::size(handled); ++i) {
    event_assign(&loop.signals[i], base, handled[i], EV_SIGNAL | EV_PERSIST, signalled, &loop);
    event_add(&loop.signals[i], nullptr);
  }
  event_base_dispatch(base);
  for (event& signal : loop.signals) event_del(&signal);
  event_del(&loop.tick_event);
  loop.stop_listening();
  while (!loop.connections.open.empty()) loop.connections.close(*loop.connections.open.back());
  close(loop.spare);
}

}  // namespace

bool serve(Server server) {
  event_config* settings = event_config_new();
  if (!settings) return false;
  event_config_set_flag(settings, EVENT_BASE_FLAG_NOLOCK);  // one thread
  event_base* base = event_base_new_with_config(settings);
  event_config_free(settings);
  if (!base) return false;
  std::signal(SIGPIPE, SIG_IGN);
  run(server, base);
  event_base_free(base);
  return true;
}

}  // namespace promfake
