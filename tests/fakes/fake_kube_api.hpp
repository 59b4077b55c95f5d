// A Kubernetes API made of a map: "GET /api/v1/pods" -> answer. Paths are matched whole, with their query,
// but for limit and continue: what is asked for by pages is given by pages, out of the whole answer.
//
// A request that no test scripted fails the test, though it gets 404: the product takes 404 for "absent", and
// a wrong path would go unnoticed. What is absent is scripted as absent.
#pragma once

#include <deque>
#include <initializer_list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "world/kube_api.hpp"

namespace hpawalk::fakes {

class FakeKubeApi final : public world::KubeApi {
 public:
  FakeKubeApi() = default;
  ~FakeKubeApi() override;

  std::map<std::string, world::HttpResponse> answers;
  // The lines of each watch connection, in order; after the last one every connection ends at once.
  std::map<std::string, std::deque<std::vector<std::string>>> streams;
  std::vector<std::string> requests;  // "GET /path", as they came, without the limit of a first page
  std::map<size_t, world::HttpResponse>
      at_request;  // answered to the request of this number (from 1), whatever it is
  std::vector<world::KubeRequest> sent;

  void get(const std::string& path, const Json& object) { script("GET " + path, {200, object.dump()}); }
  void refuse(const std::string& path, int status, const std::string& message) {
    script("GET " + path, {status, Json{{"kind", "Status"}, {"message", message}, {"code", status}}.dump()});
  }
  // Also while other threads ask. `*` stands for any text ("GET /apis/keda.sh/*"); of these the last one that
  // fits counts, where `answers` has none for the very line.
  void script(const std::string& line, world::HttpResponse response);
  // Not found, without failing the test: paths of GET, or "METHOD PATH", with `*` as above.
  void absent(std::initializer_list<std::string> patterns);
  void absent(const std::string& pattern) { absent({pattern}); }
  // From now on nobody answers at all (or does again).
  void lose(bool lost) {
    std::lock_guard lock(mutex_);
    lost_ = lost;
  }

  Result<world::HttpResponse> send(const world::KubeRequest& request) override;
  Result<world::HttpResponse> stream(const std::string& path,
                                     const std::function<bool(std::string_view line)>& on_line) override;

 private:
  const world::HttpResponse* scripted(const std::string& line) const;
  world::HttpResponse unscripted(const std::string& line);
  std::mutex mutex_;
  std::vector<std::pair<std::string, world::HttpResponse>> patterns_;
  std::set<std::string> unscripted_;  // each fails the test
  bool lost_ = false;
  size_t count_ = 0;
};

}  // namespace hpawalk::fakes
