#include "tests/fakes/fake_kube_api.hpp"

#include <algorithm>

namespace hpawalk::fakes {

// Takes the parameter out of the path's query.
static std::string take(std::string& path, const std::string& name) {
  for (size_t at = path.find('?'); at != std::string::npos; at = path.find('&', at + 1)) {
    if (path.compare(at + 1, name.size() + 1, name + "=") != 0) continue;
    size_t end = std::min(path.find('&', at + 1), path.size());
    std::string value = path.substr(at + name.size() + 2, end - at - name.size() - 2);
    bool first = path[at] == '?';
    if (first && end < path.size())
      path.erase(at + 1, end - at);
    else
      path.erase(at, end - at);
    return value;
  }
  return {};
}

static world::HttpResponse page_of(const world::HttpResponse& whole, size_t limit, size_t start) {
  Json list = Json::parse(whole.body, nullptr, false);
  if (limit == 0 || !list.is_object() || !list.contains("items") || !list["items"].is_array()) return whole;
  Json& items = list["items"];
  size_t end = std::min(items.size(), start + limit);
  if (start == 0 && end == items.size()) return whole;
  if (end < items.size()) {
    list["metadata"]["continue"] = std::to_string(end);
    list["metadata"]["remainingItemCount"] = items.size() - end;
  }
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(end), items.end());
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(start));
  return {whole.status, list.dump()};
}

Result<world::HttpResponse> FakeKubeApi::send(const world::KubeRequest& request) {
  std::lock_guard lock(mutex_);
  std::string path = request.path;
  bool scripted = answers.contains(request.method + " " + path);  // with a limit of its own
  std::string place = scripted ? "" : take(path, "continue"), limit = scripted ? "" : take(path, "limit");
  std::string line = request.method + " " + path;
  requests.push_back(place.empty() ? line : line + " from " + place);
  sent.push_back(request);
  if (auto found = at_request.find(++count_); found != at_request.end()) return found->second;
  if (lost_) return world::HttpResponse{500, "dial tcp 10.0.0.1:6443: connect: connection refused"};
  if (auto found = answers.find(line); found != answers.end()) {
    return page_of(found->second, limit.empty() ? 0 : std::stoul(limit),
                   place.empty() ? 0 : std::stoul(place));
  }
  return world::HttpResponse{
      404, Json{{"kind", "Status"}, {"message", "no answer scripted for " + line}, {"code", 404}}.dump()};
}

Result<world::HttpResponse> FakeKubeApi::stream(const std::string& path,
                                                const std::function<bool(std::string_view line)>& on_line) {
  std::vector<std::string> lines;
  {
    std::lock_guard lock(mutex_);
    requests.push_back("GET " + path);
    auto found = streams.find(path);
    if (found == streams.end()) return world::HttpResponse{410, {}};
    if (!found->second.empty()) {
      lines = std::move(found->second.front());
      found->second.pop_front();
    }
  }
  for (const std::string& line : lines) {
    if (!on_line(line)) break;
  }
  return world::HttpResponse{200, {}};
}

}  // namespace hpawalk::fakes
