#include "world/tls_roots.hpp"

namespace hpawalk::world {

TlsRoots tls_roots(const Environment& environment, Files& files) {
  auto set = [&](const char* name) {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  TlsRoots named{set("SSL_CERT_FILE"), set("SSL_CERT_DIR")};
  if (!named.file.empty() || !named.folder.empty()) return named;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine
                           "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora
                           "/etc/ssl/ca-bundle.pem",                             // openSUSE
                           "/etc/pki/tls/cacert.pem",                            // OpenELEC
                           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL
                           "/etc/ssl/cert.pem"}) {                               // Alpine
    if (files.exists(file)) return {file, {}};
  }
  return {};
}

}  // namespace hpawalk::world
