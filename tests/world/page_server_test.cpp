// The page's server on a real port of 127.0.0.1.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "world/page_server.hpp"

using namespace hpawalk;

namespace {

class Stop final : public world::Interrupt {
 public:
  bool requested() const override { return asked_; }
  int fd() const override { return event_; }
  void request() {
    asked_ = true;
    (void)eventfd_write(event_, 1);
  }
  ~Stop() override { close(event_); }

 private:
  int event_ = eventfd(0, EFD_CLOEXEC);
  std::atomic<bool> asked_ = false;
};

class Client {
 public:
  explicit Client(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Client() { close(fd_); }
  void say(const std::string& text) {
    REQUIRE(send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  std::string hear() {  // until the server closes
    std::string all;
    char buffer[65536];
    for (ssize_t size; (size = recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      all.append(buffer, static_cast<size_t>(size));
    return all;
  }

 private:
  int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

}  // namespace

TEST_CASE("The page's server serves whole pages, slow readers and silent connections beside one another") {
  Stop stop;
  std::string page = "<!DOCTYPE html>" + std::string(3 << 20, 'x');
  std::promise<int> bound;
  std::thread server(
      [&] { CHECK(world::serve_page(page, 0, stop, [&](int port) { bound.set_value(port); })); });
  int port = bound.get_future().get();
  std::string request = "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n\r\n";
  {
    Client silent(port), slow(port), in_parts(port);  // browsers open connections that they do not use
    slow.say(request);
    in_parts.say(request.substr(0, 9));
    Client quick(port);
    quick.say(request);
    CHECK(quick.hear().ends_with(page));
    in_parts.say(request.substr(9));
    CHECK(in_parts.hear().ends_with(page));
    CHECK(slow.hear().ends_with(page));
    Client endless(port);
    endless.say("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x'));
    CHECK(endless.hear().starts_with("HTTP/1.1 431 "));
  }
  Status taken = world::serve_page(page, port, stop, [](int) {});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().is("port-taken"));
  stop.request();
  server.join();
}
