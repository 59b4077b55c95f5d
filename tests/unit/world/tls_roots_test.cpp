#include <doctest/doctest.h>

#include "tests/fakes/fakes.hpp"
#include "world/tls_roots.hpp"

using namespace hpawalk;

TEST_CASE("TLS trusts whom the environment names, else the machine's first list, else whom libcurl trusts") {
  fakes::MemoryFiles debian, fedora, alpine, bare;
  debian.content["/etc/ssl/certs/ca-certificates.crt"] = "";
  debian.content["/etc/ssl/cert.pem"] = "";
  fedora.content["/etc/pki/tls/certs/ca-bundle.crt"] = "";
  alpine.content["/etc/ssl/cert.pem"] = "";
  CHECK(world::tls_roots({}, debian).file == "/etc/ssl/certs/ca-certificates.crt");
  CHECK(world::tls_roots({}, fedora).file == "/etc/pki/tls/certs/ca-bundle.crt");
  CHECK(world::tls_roots({}, alpine).file == "/etc/ssl/cert.pem");
  CHECK(world::tls_roots({}, bare).file.empty());

  world::TlsRoots named = world::tls_roots({{"SSL_CERT_FILE", "mine.pem"}}, debian);
  CHECK((named.file == "mine.pem" && named.folder.empty()));
  named = world::tls_roots({{"SSL_CERT_DIR", "/mine"}}, debian);
  CHECK((named.file.empty() && named.folder == "/mine"));
}
