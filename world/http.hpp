// HTTP over a Unix socket or TCP, by libcurl. Connections are kept alive and shared by all threads' requests.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "world/clock.hpp"
#include "world/interrupt.hpp"
#include "world/tls_roots.hpp"

namespace hpawalk::world {

struct HttpRequest {
  std::string method = "GET";
  std::string url;               // http://localhost/... when a socket is given
  std::string unix_socket = {};  // path; empty: TCP
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  Duration limit =
      std::chrono::seconds(10);   // of silence: so long no byte of the answer may come; 0: none (streams)
  bool even_interrupted = false;  // goes on after Ctrl-C: to put something back on the way out
  bool download = false;          // from the internet: follows redirects, uses the user's proxy
  int attempt = 1;                // 2: the same again, after it was answered "later"
  // PEM files of this client (the key may be in the certificate's file), and of those that the server's
  // certificate may be from; empty: no client certificate, the system's authorities.
  std::string client_certificate = {}, client_key = {}, ca = {};
};

// An answer that still comes is waited for, but neither for ever nor for any size.
inline constexpr Duration longest_exchange = std::chrono::minutes(5);
inline constexpr size_t largest_answer = size_t{256} << 20;

struct HttpResponse {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after =
      {};  // the header of that name, if it is a number of seconds
  bool ok() const { return status >= 200 && status < 300; }
};

class Http {
 public:
  virtual ~Http() = default;

  // An error only when no whole HTTP answer came, or hpawalk was interrupted: a 404 is a response. Ids:
  //   http            nobody there, or the connection broke
  //   http-slow       silence of `limit`, or longer than longest_exchange
  //   http-too-large  more than largest_answer
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;

  // Like send, but hands each line of a 2xx body to `on_line` as it comes, until that returns false, the
  // server ends the stream, or hpawalk is interrupted. `on_line` is also called with an empty line about once
  // a second while nothing comes, so that a watcher can look at the time or at a stop flag.
  virtual Result<HttpResponse> stream(const HttpRequest& request,
                                      const std::function<bool(std::string_view line)>& on_line) = 0;
};

class CurlHttp final : public Http {
 public:
  // `roots`: whom TLS trusts.
  explicit CurlHttp(const Interrupt& interrupt, TlsRoots roots = {});
  ~CurlHttp() override;
  CurlHttp(const CurlHttp&) = delete;
  CurlHttp& operator=(const CurlHttp&) = delete;
  Result<HttpResponse> send(const HttpRequest& request) override;
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>& on_line) override;

 private:
  struct Pool;
  Result<HttpResponse> exchange(const HttpRequest& request,
                                const std::function<bool(std::string_view line)>* on_line);
  const Interrupt& interrupt_;
  TlsRoots roots_;
  Pool* pool_;
};

// The libraries that HTTP and TLS come from, with their versions: "libcurl/7.88.1", "OpenSSL/3.0.17", ...
std::vector<std::string> http_libraries();

}  // namespace hpawalk::world
