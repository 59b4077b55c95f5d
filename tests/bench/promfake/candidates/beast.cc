// Candidate: Boost.Beast on Boost.Asio, one thread, asynchronous.
#include <utility>  // Asio of Boost 1.74 forgets it

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdlib>
#include <memory>

#include "reply.h"

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

struct Session : std::enable_shared_from_this<Session> {
  asio::ip::tcp::socket socket;
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::response<http::string_body> response;
  explicit Session(asio::ip::tcp::socket s) : socket(std::move(s)) {}

  void read() {
    request = {};
    http::async_read(socket, buffer, request, [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->write();
    });
  }
  void write() {
    response = {http::status::ok, request.version()};
    response.set(http::field::date, "Tue, 24 Nov 2026 02:00:54 GMT");
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.body() = body;
    response.prepare_payload();
    http::async_write(socket, response, [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->read();
    });
  }
};

static void accept(asio::ip::tcp::acceptor& acceptor) {
  acceptor.async_accept([&](beast::error_code error, asio::ip::tcp::socket socket) {
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
