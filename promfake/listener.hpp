// A listening TCP socket, and why there is none. Knows nothing about what is served on it.
#pragma once

#include <string>

#include "config.hpp"

namespace promfake {

struct Listener {
  int fd = -1;
  Address bound;              // with the real port, when port 0 was asked for
  std::string because, hint;  // when fd is -1
};

Listener open_listener(const Address& address);

// "10.0.0.1:4242", for the access log.
std::string peer_of(int fd);

}  // namespace promfake
