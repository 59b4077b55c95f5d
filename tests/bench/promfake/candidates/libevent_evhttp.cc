// Candidate: libevent's own HTTP server, evhttp.
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <cstdlib>

#include "reply.h"

int main(int, char** argv) {
  event_base* base = event_base_new();
  evhttp* http = evhttp_new(base);
  evhttp_set_gencb(
      http,
      [](evhttp_request* request, void*) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                          "text/plain; version=0.0.4; charset=utf-8");
        evbuffer_add_reference(evhttp_request_get_output_buffer(request), body.data(), body.size(), nullptr,
                               nullptr);
        evhttp_send_reply(request, 200, "OK", nullptr);
      },
      nullptr);
  if (evhttp_bind_socket(http, "127.0.0.1", atoi(argv[1]))) return 1;
  event_base_dispatch(base);
}
