#include "world/http.hpp"

#include <curl/curl.h>

#include <chrono>
#include <mutex>
#include <vector>

namespace hpawalk {

// Idle handles, each with its open connection. A request takes one and gives it back.
struct CurlHttp::Pool {
  std::mutex mutex;
  std::vector<CURL*> idle;

  CURL* take() {
    std::lock_guard lock(mutex);
    if (idle.empty()) return curl_easy_init();
    CURL* handle = idle.back();
    idle.pop_back();
    return handle;
  }
  void give_back(CURL* handle) {
    curl_easy_reset(handle);  // options only: the connection stays open
    std::lock_guard lock(mutex);
    idle.push_back(handle);
  }
};

namespace {

struct Exchange {
  const Interrupt& interrupt;
  CURL* handle = nullptr;
  bool even_interrupted = false;
  const std::function<bool(std::string_view)>* on_line = nullptr;  // null: keep the body
  std::string body = {};                                           // or the unfinished line of a stream
  bool stopped = false;                                            // by on_line
  std::chrono::steady_clock::time_point last_tick = std::chrono::steady_clock::now();

  bool interrupted() const { return interrupt.requested() && !even_interrupted; }
};

size_t on_data(char* data, size_t, size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.body.append(data, size);
  long status = 0;
  curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
  if (exchange.on_line == nullptr || status < 200 || status >= 300) return size;
  size_t start = 0;
  for (size_t end; (end = exchange.body.find('\n', start)) != std::string::npos; start = end + 1) {
    if (!(*exchange.on_line)(std::string_view(exchange.body).substr(start, end - start))) {
      exchange.stopped = true;
      return 0;
    }
  }
  exchange.body.erase(0, start);
  return size;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.interrupted()) return 1;
  auto now = std::chrono::steady_clock::now();
  if (exchange.on_line != nullptr && now - exchange.last_tick > std::chrono::milliseconds(900)) {
    exchange.last_tick = now;
    if (!(*exchange.on_line)({})) {
      exchange.stopped = true;
      return 1;
    }
  }
  return 0;
}

Result<HttpResponse> perform(CURL* handle, const HttpRequest& request, Exchange& exchange) {
  curl_slist* headers = nullptr;
  for (const auto& [name, value] : request.headers) headers = curl_slist_append(headers, (name + ": " + value).c_str());
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // no folding of ".."
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  if (request.download) {
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 10L);
  } else {
    curl_easy_setopt(handle, CURLOPT_PROXY, "");  // a cluster's socket or a local port: never through a proxy
  }
  if (!request.unix_socket.empty()) curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  if (code == CURLE_OK || exchange.stopped) return HttpResponse{static_cast<int>(status), std::move(exchange.body)};
  if (exchange.interrupted()) return interrupted("waiting for " + request.url);
  return failure(ErrorClass::environment, "http", "No answer from " + request.url,
                 reason[0] != '\0' ? reason : curl_easy_strerror(code));
}

}  // namespace

CurlHttp::CurlHttp(const Interrupt& interrupt) : interrupt_(interrupt), pool_(new Pool) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

CurlHttp::~CurlHttp() {
  for (CURL* handle : pool_->idle) curl_easy_cleanup(handle);
  delete pool_;
  curl_global_cleanup();
}

Result<HttpResponse> CurlHttp::send(const HttpRequest& request) {
  CURL* handle = pool_->take();
  Exchange exchange{interrupt_, handle, request.even_interrupted};
  Result<HttpResponse> response = perform(handle, request, exchange);
  pool_->give_back(handle);
  return response;
}

Result<HttpResponse> CurlHttp::stream(const HttpRequest& request,
                                      const std::function<bool(std::string_view line)>& on_line) {
  CURL* handle = pool_->take();
  Exchange exchange{interrupt_, handle, request.even_interrupted, &on_line};
  Result<HttpResponse> response = perform(handle, request, exchange);
  pool_->give_back(handle);
  return response;
}

}  // namespace hpawalk
