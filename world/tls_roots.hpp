// Which certificate authorities TLS trusts: those of the machine, wherever its distribution keeps them. Not
// left to libcurl, which knows only the place of the distribution that it was built for.
#pragma once

#include <string>

#include "world/files.hpp"
#include "world/process.hpp"

namespace hpawalk::world {

// Paths. Both empty: as libcurl was built.
struct TlsRoots {
  std::string file = {};    // certificates in PEM, one behind the other
  std::string folder = {};  // one certificate a file, named by OpenSSL's hash
};

// As OpenSSL and Go do: $SSL_CERT_FILE and $SSL_CERT_DIR, where they are set. Else the first place that
// exists of Go's list for Linux (crypto/x509/root_linux.go): Debian, Ubuntu, Fedora, RHEL, openSUSE, Alpine.
TlsRoots tls_roots(const Environment& environment, Files& files);

}  // namespace hpawalk::world
