// Candidate: libuv, parser from llhttp.
#include <uv.h>

#include <cstdlib>

#include "llhttp_feed.h"
#include "reply.h"

struct Conn {
  uv_tcp_t tcp;
  Feed feed;
};
static char buffer[16384];

static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t*) {
  auto* conn = static_cast<Conn*>(stream->data);
  if (got == 0) return;
  int replies = got > 0 ? feed_bytes(conn->feed, buffer, got) : -1;
  uv_buf_t out = uv_buf_init(const_cast<char*>(reply.data()), reply.size());
  for (; replies > 0; --replies) uv_try_write(stream, &out, 1);
  if (replies < 0)
    uv_close(reinterpret_cast<uv_handle_t*>(stream),
             [](uv_handle_t* handle) { delete static_cast<Conn*>(handle->data); });
}

int main(int, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t server;
  uv_tcp_init(loop, &server);
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
  uv_tcp_bind(&server, reinterpret_cast<sockaddr*>(&address), 0);
  if (uv_listen(reinterpret_cast<uv_stream_t*>(&server), 511, [](uv_stream_t* listener, int) {
        auto* conn = new Conn{};
        uv_tcp_init(listener->loop, &conn->tcp);
        conn->tcp.data = conn;
        feed_init(conn->feed);
        auto* stream = reinterpret_cast<uv_stream_t*>(&conn->tcp);
        uv_accept(listener, stream);
        uv_tcp_nodelay(&conn->tcp, 1);
        uv_read_start(
            stream, [](uv_handle_t*, size_t, uv_buf_t* buf) { *buf = uv_buf_init(buffer, sizeof buffer); },
            on_read);
      }))
    return 1;
  uv_run(loop, UV_RUN_DEFAULT);
}
