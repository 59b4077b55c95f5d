#include "tests/fakes/fake_kube_api.hpp"

#include <doctest/doctest.h>

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
  // A list of so few commas has no more items than a page: most need no reading.
  if (limit == 0 ||
      (start == 0 && static_cast<size_t>(std::count(whole.body.begin(), whole.body.end(), ',')) < limit))
    return whole;
  Json list = Json::parse(whole.body, nullptr, false);
  if (!list.is_object() || !list.contains("items") || !list["items"].is_array()) return whole;
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

static bool matches(std::string_view pattern, std::string_view text) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  if (pattern.empty()) return true;
  for (size_t at = star; at <= text.size(); ++at) {
    if (matches(pattern, text.substr(at))) return true;
  }
  return false;
}

FakeKubeApi::~FakeKubeApi() {
  for (const std::string& line : unscripted_) ADD_FAIL_CHECK_AT(__FILE__, __LINE__, "not scripted: " << line);
}

void FakeKubeApi::script(const std::string& line, world::HttpResponse response) {
  std::lock_guard lock(mutex_);
  if (line.find('*') == std::string::npos)
    answers[line] = std::move(response);
  else
    patterns_.emplace(patterns_.begin(), line, std::move(response));
}

static world::HttpResponse not_found(const std::string& line) {
  return {404, Json{{"kind", "Status"}, {"message", "not found: " + line}, {"code", 404}}.dump()};
}

void FakeKubeApi::absent(std::initializer_list<std::string> patterns) {
  for (const std::string& pattern : patterns) {
    std::string line = pattern.starts_with("/") || pattern.starts_with("*") ? "GET " + pattern : pattern;
    script(line, not_found(line));
  }
}

const world::HttpResponse* FakeKubeApi::scripted(const std::string& line) const {
  if (auto found = answers.find(line); found != answers.end()) return &found->second;
  for (const auto& [pattern, response] : patterns_) {
    if (matches(pattern, line)) return &response;
  }
  return nullptr;
}

world::HttpResponse FakeKubeApi::unscripted(const std::string& line) {
  unscripted_.insert(line);
  return not_found(line);
}

Result<world::HttpResponse> FakeKubeApi::send(const world::KubeRequest& request) {
  std::lock_guard lock(mutex_);
  std::string path = request.path;
  bool whole = answers.contains(request.method + " " + path);  // with a limit of its own
  std::string place = whole ? "" : take(path, "continue"), limit = whole ? "" : take(path, "limit");
  std::string line = request.method + " " + path;
  requests.push_back(place.empty() ? line : line + " from " + place);
  sent.push_back(request);
  if (auto found = at_request.find(++count_); found != at_request.end()) return found->second;
  if (lost_) return world::HttpResponse{500, "dial tcp 10.0.0.1:6443: connect: connection refused"};
  if (const world::HttpResponse* found = scripted(line)) {
    return page_of(*found, limit.empty() ? 0 : std::stoul(limit), place.empty() ? 0 : std::stoul(place));
  }
  return unscripted(line);
}

Result<world::HttpResponse> FakeKubeApi::stream(const std::string& path,
                                                const std::function<bool(std::string_view line)>& on_line) {
  std::vector<std::string> lines;
  {
    std::lock_guard lock(mutex_);
    requests.push_back("GET " + path);
    auto found = streams.find(path);
    if (found == streams.end()) {
      const world::HttpResponse* refused = scripted("WATCH " + path);
      return refused != nullptr ? *refused : unscripted("WATCH " + path);
    }
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
