#include "world/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/redact.hpp"
#include "base/text.hpp"

namespace hpawalk::world {

// Idle handles, each with its open connections. A request takes one and gives it back. Each is driven through
// a multi handle of its own, which is what makes a wait end at once: at Ctrl-C, and at the exact end of a
// silence.
struct CurlHttp::Pool {
  struct Handle {
    CURLM* multi = nullptr;
    CURL* easy = nullptr;
  };
  std::mutex mutex;
  std::vector<Handle> idle;

  Handle take() {
    std::lock_guard lock(mutex);
    if (idle.empty()) return {curl_multi_init(), curl_easy_init()};
    Handle handle = idle.back();
    idle.pop_back();
    return handle;
  }
  void give_back(Handle handle) {
    curl_easy_reset(handle.easy);  // options only: the connection stays open
    std::lock_guard lock(mutex);
    idle.push_back(handle);
  }
  ~Pool() {
    for (Handle& handle : idle) {
      curl_easy_cleanup(handle.easy);
      curl_multi_cleanup(handle.multi);
    }
  }
};

namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr Duration tick = 900ms;  // an empty line to a stream's reader
constexpr size_t largest_download = 32U << 20U;

enum class End { none, done, stopped, interrupted, silence, too_long, too_large };

struct Exchange {
  const Interrupt& interrupt;
  const HttpRequest& request;
  CURL* handle = nullptr;
  const std::function<bool(std::string_view)>* on_line = nullptr;  // null: keep the body
  std::string body = {};                                           // or the unfinished line of a stream
  End end = End::none;
  Steady::time_point start = Steady::now(), last_byte = start, last_tick = start;

  size_t largest() const { return request.download ? largest_download : largest_answer; }

  bool stoppable() const { return !request.even_interrupted; }

  // How the exchange ends now, if not by itself.
  End look() {
    if (end != End::none) return end;
    Steady::time_point now = Steady::now();
    if (stoppable() && interrupt.requested()) return End::interrupted;
    if (request.limit > 0ms && now - last_byte >= request.limit) return End::silence;
    if (on_line == nullptr && now - start >= longest_exchange) return End::too_long;
    if (on_line != nullptr && now - last_tick >= tick) {
      last_tick = now;
      if (!(*on_line)({})) return End::stopped;
    }
    return End::none;
  }

  // For so long nothing has to be looked at.
  int pause() const {
    Duration longest = tick;
    if (request.limit > 0ms) {
      auto left = request.limit - std::chrono::duration_cast<Duration>(Steady::now() - last_byte);
      longest = std::clamp<Duration>(left, 1ms, longest);
    }
    return static_cast<int>(longest.count());
  }
};

size_t on_header(char*, size_t, size_t size, void* user) {
  static_cast<Exchange*>(user)->last_byte = Steady::now();
  return size;
}

size_t on_data(char* data, size_t, size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.last_byte = Steady::now();
  if (exchange.body.size() + size > exchange.largest()) {
    exchange.end = End::too_large;
    return 0;
  }
  exchange.body.append(data, size);
  long status = 0;
  curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
  if (exchange.on_line == nullptr || status < 200 || status >= 300) return size;
  size_t start = 0;
  for (size_t end; (end = exchange.body.find('\n', start)) != std::string::npos; start = end + 1) {
    if (!(*exchange.on_line)(std::string_view(exchange.body).substr(start, end - start))) {
      exchange.end = End::stopped;
      return 0;
    }
  }
  exchange.body.erase(0, start);
  return size;
}

void set_options(CURL* handle, const HttpRequest& request, Exchange& exchange, curl_slist* headers,
                 char* reason) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // no folding of ".."
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  if (request.download) {
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "https");
  } else {
    curl_easy_setopt(handle, CURLOPT_PROXY, "");  // a cluster's socket or a local port: never through a proxy
  }
  if (!request.unix_socket.empty())
    curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (!request.client_certificate.empty())
    curl_easy_setopt(handle, CURLOPT_SSLCERT, request.client_certificate.c_str());
  if (!request.client_key.empty()) curl_easy_setopt(handle, CURLOPT_SSLKEY, request.client_key.c_str());
  if (!request.ca.empty()) {  // these alone, not those of the system beside them
    curl_easy_setopt(handle, CURLOPT_CAINFO, request.ca.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
}

// Until it is done, or `exchange.look` ends it.
CURLcode drive(CURLM* multi, Exchange& exchange) {
  curl_multi_add_handle(multi, exchange.handle);
  CURLcode code = CURLE_OK;
  for (int running = 1; exchange.end == End::none;) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      code = CURLE_FAILED_INIT;
      break;
    }
    int left = 0;
    if (CURLMsg* message = running == 0 ? curl_multi_info_read(multi, &left) : nullptr; message != nullptr) {
      code = message->data.result;
      if (exchange.end == End::none) exchange.end = End::done;
      break;
    }
    exchange.end = exchange.look();
    if (exchange.end != End::none) break;
    curl_waitfd interrupt{exchange.interrupt.fd(), CURL_WAIT_POLLIN, 0};
    bool watch = exchange.stoppable() && interrupt.fd >= 0;
    curl_multi_poll(multi, watch ? &interrupt : nullptr, watch ? 1 : 0, exchange.pause(), nullptr);
  }
  curl_multi_remove_handle(multi, exchange.handle);  // an unfinished one's connection is closed
  return code;
}

Result<HttpResponse> failed(const HttpRequest& request, const Exchange& exchange, const std::string& reason) {
  std::string url = text::redact(request.url);  // it may carry a login
  auto environment = [&](ErrorId id, const std::string& because) {
    return failure(ErrorClass::environment, id, "No response from " + url, text::redact(because));
  };
  switch (exchange.end) {
    case End::interrupted: return interrupted("waiting for " + url);
    case End::silence: {
      std::string got = exchange.body.empty() ? "" : " after " + text::bytes(exchange.body.size());
      return environment("http-slow",
                         fmt::format("no data arrived for {}{}", text::duration(request.limit), got));
    }
    case End::too_long:
      return environment("http-slow",
                         "the response was not complete after " + text::duration(longest_exchange));
    case End::too_large:
      return environment("http-too-large", "the response is larger than " + text::bytes(exchange.largest()));
    default: return environment("http", reason);
  }
}

Result<HttpResponse> perform(CURLM* multi, const HttpRequest& request, Exchange& exchange) {
  curl_slist* headers = nullptr;
  for (const auto& [name, value] : request.headers)
    headers = curl_slist_append(headers, (name + ": " + value).c_str());
  char reason[CURL_ERROR_SIZE] = "";
  set_options(exchange.handle, request, exchange, headers, reason);
  CURLcode code = drive(multi, exchange);
  long status = 0;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(exchange.handle, CURLINFO_RETRY_AFTER, &retry_after);
  curl_slist_free_all(headers);
  bool whole = exchange.end == End::done && code == CURLE_OK;
  if (!whole && exchange.end != End::stopped) {
    return failed(request, exchange, reason[0] != '\0' ? reason : curl_easy_strerror(code));
  }
  HttpResponse response{static_cast<int>(status), std::move(exchange.body)};
  if (retry_after > 0) response.retry_after = std::chrono::seconds(retry_after);
  return response;
}

}  // namespace

CurlHttp::CurlHttp(const Interrupt& interrupt, TlsRoots roots)
    : interrupt_(interrupt), roots_(std::move(roots)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  pool_ = new Pool;
}

CurlHttp::~CurlHttp() {
  delete pool_;
  curl_global_cleanup();
}

Result<HttpResponse> CurlHttp::exchange(const HttpRequest& request,
                                        const std::function<bool(std::string_view)>* on_line) {
  Pool::Handle handle = pool_->take();
  Exchange exchange{interrupt_, request, handle.easy, on_line};
  if (!roots_.file.empty()) curl_easy_setopt(handle.easy, CURLOPT_CAINFO, roots_.file.c_str());
  if (!roots_.folder.empty()) curl_easy_setopt(handle.easy, CURLOPT_CAPATH, roots_.folder.c_str());
  Result<HttpResponse> response = perform(handle.multi, request, exchange);
  pool_->give_back(handle);
  return response;
}

Result<HttpResponse> CurlHttp::send(const HttpRequest& request) {
  return exchange(request, nullptr);
}

Result<HttpResponse> CurlHttp::stream(const HttpRequest& request,
                                      const std::function<bool(std::string_view line)>& on_line) {
  return exchange(request, &on_line);
}

std::vector<std::string> http_libraries() {
  std::vector<std::string> libraries = text::split(curl_version(), ' ');
  std::erase_if(libraries,
                [](const std::string& word) { return word.starts_with('('); });  // "(+libidn2/2.3.3)"
  return libraries;
}

}  // namespace hpawalk::world
