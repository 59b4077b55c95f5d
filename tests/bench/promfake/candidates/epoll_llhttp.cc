// Candidate: plain epoll, parser from llhttp.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "llhttp_feed.h"
#include "reply.h"

struct Conn {
  int fd;
  Feed feed;
};

int main(int, char** argv) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(atoi(argv[1]));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(listener, 511))
    return 1;
  int loop = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  static char buffer[16384];
  for (epoll_event events[256];;) {
    int n = epoll_wait(loop, events, 256, -1);
    for (int i = 0; i < n; ++i) {
      auto* conn = static_cast<Conn*>(events[i].data.ptr);
      if (!conn) {
        for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          auto* fresh = new Conn{fd, {}};
          feed_init(fresh->feed);
          event.events = EPOLLIN;
          event.data.ptr = fresh;
          epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
        }
        continue;
      }
      ssize_t got = recv(conn->fd, buffer, sizeof buffer, 0);
      int replies = got > 0 ? feed_bytes(conn->feed, buffer, got) : -1;
      for (; replies > 0; --replies) (void)!send(conn->fd, reply.data(), reply.size(), MSG_NOSIGNAL);
      if (replies < 0) close(conn->fd), delete conn;
    }
  }
}
