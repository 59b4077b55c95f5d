#include "tests/fakes/fake_kube_api.hpp"

namespace hpawalk::fakes {

Result<HttpResponse> FakeKubeApi::send(const KubeRequest& request) {
  std::lock_guard lock(mutex_);
  std::string line = request.method + " " + request.path;
  requests.push_back(line);
  sent.push_back(request);
  if (lost_) return HttpResponse{500, "dial tcp 10.0.0.1:6443: connect: connection refused"};
  if (auto found = answers.find(line); found != answers.end()) return found->second;
  return HttpResponse{404, Json{{"kind", "Status"}, {"message", "no answer scripted for " + line}, {"code", 404}}.dump()};
}

Result<HttpResponse> FakeKubeApi::stream(const std::string& path,
                                         const std::function<bool(std::string_view line)>& on_line) {
  std::vector<std::string> lines;
  {
    std::lock_guard lock(mutex_);
    requests.push_back("GET " + path);
    auto found = streams.find(path);
    if (found == streams.end()) return HttpResponse{410, {}};
    if (!found->second.empty()) {
      lines = std::move(found->second.front());
      found->second.pop_front();
    }
  }
  for (const std::string& line : lines) {
    if (!on_line(line)) break;
  }
  return HttpResponse{200, {}};
}

}  // namespace hpawalk::fakes
