// Candidate: libevent's core loop (no bufferevents), parser from llhttp.
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "llhttp_feed.h"
#include "reply.h"

struct Conn {
  event* ev;
  Feed feed;
};
static event_base* base;
static char buffer[16384];

static void on_readable(int fd, short, void* arg) {
  auto* conn = static_cast<Conn*>(arg);
  ssize_t got = recv(fd, buffer, sizeof buffer, 0);
  int replies = got > 0 ? feed_bytes(conn->feed, buffer, got) : -1;
  for (; replies > 0; --replies) (void)!send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
  if (replies < 0) event_free(conn->ev), close(fd), delete conn;
}

static void on_accept(int listener, short, void*) {
  int one = 1;
  for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    auto* conn = new Conn{};
    feed_init(conn->feed);
    conn->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    event_add(conn->ev, nullptr);
  }
}

int main(int, char** argv) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(atoi(argv[1]));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(listener, 511))
    return 1;
  event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base = event_base_new_with_config(config);
  event_add(event_new(base, listener, EV_READ | EV_PERSIST, on_accept, nullptr), nullptr);
  event_base_dispatch(base);
}
