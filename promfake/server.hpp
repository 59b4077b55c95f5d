// Sockets, time and signals around HttpConnection, on libevent's loop: accepting, time-outs, the connection
// limit, draining, reloading, the access log. Knows nothing about paths, metrics or how HTTP is written.
#pragma once

#include <functional>

#include "app.hpp"
#include "config.hpp"
#include "listener.hpp"

namespace promfake {

struct Server {
  App& app;
  const Config& config;
  Listener listener;
  std::function<void()> reload;  // on SIGHUP
};

// Serves until SIGTERM or SIGINT. False: the loop could not be set up.
bool serve(Server server);

}  // namespace promfake
