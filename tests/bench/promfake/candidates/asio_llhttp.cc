// Candidate: Boost.Asio's loop, parser from llhttp.
#include <utility>  // Asio of Boost 1.74 forgets it

#include <boost/asio.hpp>
#include <cstdlib>
#include <memory>

#include "llhttp_feed.h"
#include "reply.h"

namespace asio = boost::asio;

struct Session : std::enable_shared_from_this<Session> {
  asio::ip::tcp::socket socket;
  Feed feed;
  char buffer[4096];
  explicit Session(asio::ip::tcp::socket s) : socket(std::move(s)) { feed_init(feed); }

  void read() {
    socket.async_read_some(asio::buffer(buffer),
                           [self = shared_from_this()](boost::system::error_code error, size_t got) {
                             int replies = error ? -1 : feed_bytes(self->feed, self->buffer, got);
                             for (; replies > 0; --replies)
                               self->socket.write_some(asio::buffer(reply), error);
                             if (replies == 0) self->read();
                           });
  }
};

static void accept(asio::ip::tcp::acceptor& acceptor) {
  acceptor.async_accept([&](boost::system::error_code error, asio::ip::tcp::socket socket) {
    if (error) return;
    socket.set_option(asio::ip::tcp::no_delay(true));
    std::make_shared<Session>(std::move(socket))->read();
    accept(acceptor);
  });
}

int main(int, char** argv) {
  asio::io_context context(1);
  asio::ip::tcp::acceptor acceptor(
      context, {asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(atoi(argv[1]))});
  accept(acceptor);
  context.run();
}
