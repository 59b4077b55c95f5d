// HTTP over a Unix socket or TCP, by libcurl. Connections are kept alive and shared by all threads' requests.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/error.hpp"
#include "world/clock.hpp"
#include "world/interrupt.hpp"

namespace hpawalk {

struct HttpRequest {
  std::string method = "GET";
  std::string url;                             // http://localhost/... when a socket is given
  std::string unix_socket = {};                // path; empty: TCP
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  Duration limit = std::chrono::seconds(10);   // for the whole exchange; 0: none (streams)
  bool even_interrupted = false;               // goes on after Ctrl-C: to put something back on the way out
  bool download = false;                       // from the internet: follows redirects, uses the user's proxy
};

struct HttpResponse {
  int status = 0;
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

class Http {
 public:
  virtual ~Http() = default;

  // An error only when no HTTP answer came (id `http`) or hpawalk was interrupted: a 404 is a response.
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;

  // Like send, but hands each line of a 2xx body to `on_line` as it comes, until that returns false, the
  // server ends the stream, or hpawalk is interrupted. `on_line` is also called with an empty line about once
  // a second while nothing comes, so that a watcher can look at the time or at a stop flag.
  virtual Result<HttpResponse> stream(const HttpRequest& request,
                                      const std::function<bool(std::string_view line)>& on_line) = 0;
};

class CurlHttp final : public Http {
 public:
  explicit CurlHttp(const Interrupt& interrupt);
  ~CurlHttp() override;
  CurlHttp(const CurlHttp&) = delete;
  CurlHttp& operator=(const CurlHttp&) = delete;
  Result<HttpResponse> send(const HttpRequest& request) override;
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>& on_line) override;

 private:
  struct Pool;
  const Interrupt& interrupt_;
  Pool* pool_;
};

}  // namespace hpawalk
