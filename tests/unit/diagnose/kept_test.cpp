// What of a cluster comes into facts, and so into files that are sent away.
#include "diagnose/kept.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "cli/diagnosis_report.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/diagnosis.hpp"
#include "observe/recording.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/sample.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;
using namespace hpawalk::diagnose;
using namespace hpawalk::observe;

namespace {

const std::filesystem::path folder = std::filesystem::path(TESTS_FOLDER) / "facts";

Json judged(const Facts& facts) {
  Json all = Json::array();
  for (const HpaDiagnosis& d : diagnose_hpas(facts)) all.push_back(to_json(d));
  return all;
}

Facts all_kept(Facts facts) {
  for (auto& [key, reading] : facts.readings) {
    if (reading.read()) reading.value = kept(key, reading.value);
  }
  keep_selected_labels(facts);
  return facts;
}

// --- secrets, wherever an object has room for them

const std::vector<std::string> arguments = {
    "--password",
    "hunter2-A1",
    "--password=hunter2-A2",
    "--db=postgres://user:hunter2-A3@db/x",
    "AWS_SECRET_ACCESS_KEY=hunter2-A4",
    "--passwd=hunter2-A5",
    "--pwd=hunter2-A6",
    "--api-key=hunter2-A7",
    "--apikey=hunter2-A8",
    "--sas=sv=2020&sig=hunter2-A9",
    "AccountKey=hunter2-A10;x",
    "eyJhbGciOiJIUzI1NiJ9.hunter2-A11.x",
    "-----BEGIN PRIVATE KEY-----\nhunter2-A12\n-----END PRIVATE KEY-----",
    "password: 'hunter2-A13 more hunter2-A14'",
    "password=ab,hunter2-A15",
    "--token hunter2-A16",
    "private_key=hunter2-A17",
    "client-secret=hunter2-A18",
    "client_secret: hunter2-A19",
    R"({"password":"hunter2-A20","passphrase":"hunter2-A21"})",
    "https://hooks.slack.com/services/T0/B0/hunter2-A22",
    "--prometheus-header=X-Key=hunter2-A23",
    "--prometheus-token-file=/hunter2-A24"};

void plant_in_pod(Json& spec) {
  for (Json& container : spec["containers"]) {
    for (const std::string& argument : arguments) container["args"].push_back(argument);
    container["command"] = {"sh", "-c", "curl -u admin:hunter2-B1 http://x"};
    container["livenessProbe"]["httpGet"] = {{"path", "/x?access_token=hunter2-B2"},
                                             {"httpHeaders",
                                              {{{"name", "X-Api-Key"}, {"value", "hunter2-B3"}},
                                               {{"name", "Authorization"}, {"value", "Basic hunter2-B4"}}}}};
    container["env"] = Json::array({{{"name", "PASSWORD"}, {"value", "hunter2-B11"}}});
  }
  spec["ephemeralContainers"] =
      Json::array({{{"name", "d"}, {"env", {{{"name", "PASSWORD"}, {"value", "hunter2-B5"}}}}}});
  for (const char* volume : {"azureFile", "nfs"})
    spec["volumes"].push_back({{"name", "x"}, {volume, {{"secretName", "hunter2-B9"}}}});
}

void plant(const std::string& key, Json& value) {
  if (key.starts_with("log ")) {
    value.push_back(
        "E1125 unable to connect to http://user:hunter2-D1@prom: Authorization: Basic hunter2-D2, "
        "cookie=hunter2-D3");
  }
  if (key.starts_with("configmaps/")) {
    value["data"]["other.yaml"] = "user: x\npassword: hunter2-C6\nconnectionString: hunter2-C7\n";
    value["data"]["broken.yaml"] = "password: hunter2-C8\n  - : [";
  }
  if (key.ends_with(" targets")) value[0]["labels"]["__param_key"] = "hunter2-C9";
  if (!value.is_object() || !value.contains("items")) return;
  for (Json& item : value["items"]) {
    if (!item.contains("metadata")) continue;
    item["metadata"]["annotations"]["x"] = "hunter2-B6";
    Json& spec = item["spec"];
    if (spec.is_object() && spec.contains("containers")) {
      plant_in_pod(spec);
      item["metadata"]["labels"]["l"] = "hunter2-B8";
    }
    if (spec.is_object() && spec.contains("template")) {
      plant_in_pod(spec["template"]["spec"]);
      spec["template"]["metadata"]["annotations"]["vault"] = "hunter2-B7";
      item["metadata"]["labels"]["l"] = "hunter2-B8";
    }
    if (key == "servicemonitors") spec["endpoints"][0]["params"] = {{"key", {"hunter2-C1"}}};
    if (key == "prometheuses") {
      spec["remoteWrite"] = Json::array(
          {{{"url", "https://u:hunter2-C2@rw"},
            {"headers", {{"X-Scope-OrgID", "hunter2-C3"}, {"Authorization", "Bearer hunter2-C4"}}}}});
      spec["containers"] =
          Json::array({{{"name", "p"}, {"env", {{{"name", "A"}, {"value", "hunter2-C5"}}}}}});
    }
    for (Json& c : item["status"].is_object() ? item["status"]["conditions"] : item["none"])
      c["message"] = c.value("message", "") + " password=hunter2-C10";
  }
}

// A cluster that answers what was once read from a real one, with secrets in it.
Facts collected(fakes::FakeKubeApi& api) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  Json document = fakes::healthy_document();
  size_t planted = 0;
  for (const auto& [key, reading] : document["readings"].items()) {
    if (!reading.contains("value")) continue;
    plant(key, reading["value"]);
    std::string text = reading["value"].dump();
    for (size_t at = 0; (at = text.find("hunter2", at)) != std::string::npos; ++at) ++planted;
  }
  fakes::answer_as_read(api, clock, document);
  CHECK(planted > 500);
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE(facts);
  return *facts;
}

}  // namespace

TEST_CASE("Facts reduced to the kept fields lead to the same diagnosis: no rule reads another field") {
  size_t count = 0;
  fakes::Sample some(10);
  for (const std::filesystem::path& file : fakes::facts_files()) {
    ++count;
    if (!some.takes()) continue;
    INFO(file.string());
    const Facts& facts = fakes::facts_of(file);
    Facts once = all_kept(facts);
    CHECK(judged(once) == judged(facts));
    CHECK(to_json(all_kept(once)) == to_json(once));
  }
  CHECK(count > 30);
}

TEST_CASE("No secret that is planted in a cluster's objects comes into a saved file or into a report") {
  fakes::FakeKubeApi api;
  Facts facts = collected(api);
  CHECK(facts.items("pods").size() > 1);
  CHECK(to_json(facts).dump().find("hunter2") == std::string::npos);
  std::vector<HpaDiagnosis> diagnoses = diagnose_hpas(facts);
  CHECK(diagnosis_markdown(diagnoses).find("hunter2") == std::string::npos);
  CHECK(judged(facts).dump().find("hunter2") == std::string::npos);
}

TEST_CASE("A file that was saved is judged as the cluster was") {
  fakes::FakeKubeApi api;
  Facts facts = collected(api);
  Result<Facts> saved = facts_from(to_json(facts).dump());
  REQUIRE(saved);
  CHECK(judged(*saved) == judged(facts));
}

TEST_CASE("Only arguments that rules read are kept, and of credentials only that they exist") {
  Json pod = {{"spec",
               {{"containers",
                 {{{"name", "c"},
                   {"args",
                    {"--v=4", "--prometheus-url", "http://u:pw@prom:9090/?key=x", "--config=/etc/c.yaml",
                     "--prometheus-header=Authorization=Bearer abc", "plain", "--metrics-max-age=1m"}}}}}}}};
  Json out = kept("pods/web", {{"items", {pod}}});
  CHECK(out["items"][0]["spec"]["containers"][0]["args"] ==
        Json({"[redacted]", "--prometheus-url", "http://[redacted]@prom:9090/?key=[redacted]",
              "--config=/etc/c.yaml", "--prometheus-header", "[redacted]",
              "--metrics-max-age=1m"}));  // each in its place
}

TEST_CASE(
    "Of managed fields and kubectl's last applied manifest, only who set the replicas, and to what, is "
    "kept") {
  Json deployment = {
      {"metadata",
       {{"name", "p"},
        {"annotations", {{"kubectl.kubernetes.io/last-applied-configuration", R"({"spec":{"replicas":3}})"}}},
        {"managedFields",
         {{{"manager", "kubectl"},
           {"time", "2026-01-01T00:00:00Z"},
           {"fieldsV1", {{"f:spec", {{"f:replicas", Json::object()}}}}}}}}}}};
  Json out = kept("deployments/web", {{"items", {deployment}}})["items"][0];
  CHECK(out.dump().find("last-applied") == std::string::npos);
  CHECK(out["metadata"]["hpawalkAppliedReplicas"] == 3);
  CHECK(out["metadata"]["hpawalkReplicaManagers"][0]["manager"] == "kubectl");
}

TEST_CASE("Nothing is kept of an unlisted kind, and JSON in an unexpected format is handled") {
  CHECK(kept("serviceaccounts/web", {{"items", {{{"data", "x"}}}}}).is_null());
  for (const Json& odd : {Json(), Json(5), Json("x"), Json::array({1, "x", Json()}),
                          Json{{"items", {1, Json()}}}, Json{{"metadata", 5}, {"spec", {1}}},
                          Json{{"items",
                                {{{"spec", {{"containers", {1, "x", {{"args", 5}}}}, {"volumes", 7}}},
                                  {"metadata", {{"managedFields", "x"}}}}}}}}) {
    for (const char* key : {"pods/web", "deployments/web", "configmaps/a/b", "hpas", "prom:a/b:1 targets",
                            "log a/b", "version", "api /x", "may x"}) {
      CHECK_NOTHROW(kept(key, odd));
    }
  }
}

TEST_CASE("A recording has the HPA's spec without annotations, and no secrets out of messages") {
  RecordingHead head;
  head.hpa = {{"apiVersion", "autoscaling/v2"},
              {"kind", "HorizontalPodAutoscaler"},
              {"metadata", {{"name", "web"}, {"namespace", "shop"}, {"annotations", {{"note", "hunter2"}}}}},
              {"spec", {{"maxReplicas", 3}}}};
  std::string line = head_line(head);
  CHECK(line.find("hunter2") == std::string::npos);
  CHECK(line.find("maxReplicas") != std::string::npos);
  Hops hops;
  hops.lost = "no answer: Authorization: Bearer hunter2";
  CHECK(change_line(head, hops, {Hop::lost, head.began, {}}).find("hunter2") == std::string::npos);
}
