// The open connections: reading, writing, closing, their deadlines. Knows nothing about signals and
// listening.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config.hpp"
#include "http_connection.hpp"

namespace promfake {

using Milliseconds = std::int64_t;
Milliseconds monotonic_now();

struct Connections;

struct Connection {
  Connections& all;
  int fd;
  size_t place;  // in Connections::open
  event readable{}, writable{};
  HttpConnection http;
  Milliseconds active;             // of the last byte in either direction
  Milliseconds request_begin = 0;  // 0: none is under way
  unsigned request = 0;            // which one that is
  size_t sent = 0;                 // of http.output()
  bool lingering = false;          // all is said; what the client still sends is thrown away
};

struct Connections {
  event_base* base;
  const Config& config;
  HttpConnection::Shared shared;
  Connection* current = nullptr;  // whose request is being answered, for the log
  std::vector<std::unique_ptr<Connection>> open = {};

  void add(int fd);
  void close(Connection& connection);
  void close_idle();
  void enforce_deadlines();
  // The one that waits longest for a request, if it has waited at all.
  Connection* longest_idle(Milliseconds at_least);
};

}  // namespace promfake
