#include "tests/fakes/facts_files.hpp"

#include <fstream>
#include <map>
#include <stdexcept>

#include "world/times.hpp"

namespace hpawalk::fakes {

namespace fs = std::filesystem;

static const fs::path folder = fs::path(TESTS_FOLDER) / "facts";

static Json content(const fs::path& file) {
  std::ifstream in(file);
  return Json::parse(in);
}

std::vector<fs::path> facts_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  return files;
}

const Json& healthy_document() {
  static const Json document = content(folder / "healthy.json");
  return document;
}

Json facts_document(const fs::path& file) {
  Json read = content(file);
  if (read.contains("hpawalkFacts")) return read;
  Json document = healthy_document();
  document.merge_patch(read);
  return document;
}

const diagnose::Facts& facts_of(const fs::path& file) {
  static std::map<fs::path, diagnose::Facts> read;
  auto found = read.find(file);
  if (found != read.end()) return found->second;
  Result<diagnose::Facts> facts = diagnose::facts_from(facts_document(file).dump());
  if (!facts) throw std::runtime_error(file.string() + ": " + facts.error().because);
  return read.emplace(file, std::move(*facts)).first->second;
}

static Json targets_of(const Json& kept) {
  Json targets = Json::array();
  for (const Json& t : kept) {
    targets.push_back({{"labels", t["labels"]},
                       {"scrapePool", t["pool"]},
                       {"scrapeUrl", t["url"]},
                       {"health", t["health"]},
                       {"lastError", t["lastError"]},
                       {"lastScrape", t["lastScrape"]},
                       {"scrapeInterval", t["interval"]}});
  }
  return {{"activeTargets", targets}};
}

static Json samples_of(const Json& kept) {
  Json rows = Json::array();
  for (const Json& row : kept)
    rows.push_back({{"metric", row["labels"]}, {"value", {row["time"], row["value"]}}});
  return {{"resultType", "vector"}, {"result", rows}};
}

static Json counts_of(const Json& kept, const std::string& label) {
  Json rows = Json::array();
  for (const auto& [name, count] : kept.items())
    rows.push_back({{"metric", {{label, name}}}, {"value", {0, count}}});
  return {{"resultType", "vector"}, {"result", rows}};
}

Exchange exchange(const std::string& key, const Json& reading) {
  std::string path = reading["path"];
  if (key.starts_with("may ")) return {"POST " + path, {201, R"({"status":{"allowed":true}})"}};
  if (!reading.contains("value")) {
    const Json& error = reading["error"];
    int status = error["id"] == "kube-not-found" ? 404 : error["id"] == "kube-forbidden" ? 403 : 500;
    Json said = {{"kind", "Status"}, {"message", error["message"]}, {"code", status}};
    return {"GET " + path, {status, said.dump()}};
  }
  const Json& value = reading["value"];
  if (key.starts_with("log ")) {
    std::string lines;
    for (const Json& line : value) lines += line.get<std::string>() + "\n";
    return {"GET " + path, {200, lines}};
  }
  if (!key.starts_with("prom:")) return {"GET " + path, {200, value.dump()}};
  std::string question = key.substr(key.find(' ') + 1), request = "GET " + path;
  Json data = value;
  // These queries name every metric of every HPA, and healthy.json was cut to one; any way to Prometheus
  // leads to it.
  const std::string query = "GET */proxy/api/v1/query?query=";
  if (question == "targets") data = targets_of(value);
  if (question == "samples") data = samples_of(value), request = query + "%7B__name__%3D~*";
  if (question == "counts") data = counts_of(value, "__name__"), request = query + "count%20by%20*";
  if (question == "rule counts")
    data = counts_of(value, "hpawalk"), request = query + "label_replace%28count*";
  if (question == "recording") data = {{"groups", {{{"rules", value}}}}};
  if (question.starts_with("eval "))
    data = samples_of(value), request += "?query=" + world::query_value(question.substr(5));
  return {request, {200, Json{{"status", "success"}, {"data", data}}.dump()}};
}

void answer_as_read(FakeKubeApi& api, FakeClock& clock, const Json& document) {
  clock.elapsed += *world::parse_time(document["taken"].get<std::string>()) - clock.wall_now();
  for (const auto& [key, reading] : document["readings"].items()) {
    Exchange answer = exchange(key, reading);
    api.script(answer.request, answer.response);
  }
  for (const char* review : {"selfsubjectaccessreviews", "subjectaccessreviews"}) {
    api.script(std::string("POST /apis/authorization.k8s.io/v1/") + review,
               {201, R"({"status":{"allowed":true}})"});
  }
  // What was not asked when the facts were saved.
  api.absent({"/version",
              "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-controller-manager",
              "/apis/azmonitoring.coreos.com/v1", "/api/v1/pods?labelSelector=app*",
              "/api/v1/events?fieldSelector=reason%3DSuccessfulRescale",
              "/api/v1/events?fieldSelector=reason%3DFailedCreate", "/apis/apps/v1/namespaces/*/daemonsets",
              "/apis/monitoring.coreos.com/v1/prometheusrules", "/apis/monitoring.coreos.com/v1/probes",
              "/apis/monitoring.coreos.com/v1alpha1/scrapeconfigs", "*/proxy/api/v1/query?query=max%20by%20*",
              "*/proxy/metrics", "*/proxy/api/v1/label/__name__/values?start=*&match%5B%5D=%7Bjob%3D*"});
}

}  // namespace hpawalk::fakes
