#include "world/https_probe.hpp"

#include <curl/curl.h>

namespace hpawalk::world {

static size_t ignore(char*, size_t size, size_t count, void*) {
  return size * count;
}

bool https_says_ok(const std::string& url, const std::filesystem::path& ca_file,
                   std::chrono::milliseconds limit) {
  CURL* handle = curl_easy_init();
  if (handle == nullptr) return false;
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, ignore);
  long status = 0;
  if (curl_easy_perform(handle) == CURLE_OK) curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(handle);
  return status == 200;
}

}  // namespace hpawalk::world
