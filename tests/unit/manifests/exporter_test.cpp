// The exporter's objects: what they may, what a restricted namespace lets run; and its dashboard.
#include "manifests/exporter.hpp"

#include <doctest/doctest.h>
#include <re2/re2.h>

#include <map>
#include <set>

#include "base/text.hpp"
#include "config/pod_security.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/created.hpp"
#include "diagnose/diagnosis.hpp"
#include "oncall/exposition.hpp"
#include "tests/fakes/facts_files.hpp"
#include "world/kube_api.hpp"

using namespace hpawalk;
using namespace hpawalk::manifests;

namespace {

using Objects = std::vector<yaml::Value>;

Objects objects_of(const ExporterPlace& place) {
  Result<std::string> text = render_exporter(place);
  REQUIRE_MESSAGE(text, (text ? "" : text.error().because));
  return yaml::parse_all(*text).value();
}

std::vector<std::string> kinds_of(const Objects& objects) {
  std::vector<std::string> kinds;
  for (const yaml::Value& object : objects) kinds.push_back(object["kind"]);
  return kinds;
}

const yaml::Value& object(const Objects& objects, const std::string& kind) {
  for (const yaml::Value& one : objects) {
    if (one["kind"] == kind) return one;
  }
  FAIL("no " << kind);
  return objects.front();
}

// "list pods", "get services/proxy", "list horizontalpodautoscalers.autoscaling"
std::set<std::string> granted(const Objects& objects) {
  std::set<std::string> rights;
  for (const yaml::Value& role : objects) {
    if (role["kind"] != "ClusterRole") continue;
    for (const yaml::Value& rule : role["rules"]) {
      for (const std::string group : rule["apiGroups"]) {
        for (const std::string resource : rule["resources"]) {
          for (const std::string verb : rule["verbs"])
            rights.insert(verb + " " + resource + (group.empty() ? "" : "." + group));
        }
      }
    }
  }
  return rights;
}

// The granted right that this one is an instance of.
std::string right_for(const std::string& needed, const std::set<std::string>& rights) {
  if (rights.contains(needed)) return needed;
  std::string verb = needed.substr(0, needed.find(' '));
  for (const char* group : {".custom.metrics.k8s.io", ".external.metrics.k8s.io"}) {
    if (needed.ends_with(group)) return rights.contains(verb + " *" + group) ? verb + " *" + group : "";
  }
  if (needed.find("/scale.") != std::string::npos && rights.contains("get */scale.*")) return "get */scale.*";
  return {};
}

// Everything that was ever read of a cluster for the facts files, and what their fixes would make hpawalk
// read.
std::set<std::string> rights_of_all_facts() {
  std::set<std::string> rights;
  auto add = [&](const std::string& method, const std::string& path) {
    std::string right = world::right_needed(method, path);
    right = right.substr(0, right.find(" in "));
    if (right.find(" /") == std::string::npos) rights.insert(right);  // "get /version": for everybody
  };
  for (const auto& file : fakes::facts_files()) {
    const diagnose::Facts& facts = fakes::facts_of(file);
    for (const auto& [key, reading] : facts.readings) {
      bool elsewhere = reading.path.starts_with("/api/v1/query");  // a Prometheus at a URL
      if (reading.path.starts_with("/api") && !elsewhere)
        add(key.starts_with("may ") ? "POST" : "GET", reading.path);
    }
    for (const diagnose::HpaDiagnosis& hpa : diagnose::diagnose_hpas(facts)) {
      for (const diagnose::ChainDiagnosis& chain : hpa.chains) {
        for (const diagnose::Finding& finding : chain.findings) {
          for (const diagnose::CreatedObject& created : diagnose::created_by(finding.fix))
            add("GET", created.path);
        }
      }
    }
  }
  // The HPA controller's questions to the metrics APIs, of which the facts files have few.
  for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io"}) {
    const world::AccessQuestion question = diagnose::hpa_question(group, "shop");
    rights.insert(question.verb + " " + question.resource + "." + group);
  }
  rights.erase("get pods/proxy");            // docs/diagnose.md: optional
  rights.erase("get secrets");               // likewise: the right to metadata is that to values
  rights.erase("get trinkets.lab.example");  // a workload of a kind that nobody knows before
  return rights;
}

}  // namespace

TEST_CASE("The exporter's role has the rights that diagnose needs, and no others") {
  const std::set<std::string> rights = granted(objects_of({.image = "r/hpawalk:1"}));
  std::set<std::string> used;
  for (const std::string& needed : rights_of_all_facts()) {
    std::string right = right_for(needed, rights);
    CHECK_MESSAGE(!right.empty(), "missing: ", needed);
    used.insert(right);
  }
  for (const std::string& right : rights) CHECK_MESSAGE(used.contains(right), "not needed: ", right);
}

TEST_CASE("The exporter's pod runs in a namespace that enforces Pod Security restricted") {
  Objects objects = objects_of({.image = "r/hpawalk:1"});
  const yaml::Value& pod = object(objects, "Deployment")["spec"]["template"]["spec"];
  const yaml::Value& container = pod["containers"][0];
  yaml::Value context = pod["securityContext"];  // what the container does not say itself
  context.update(container["securityContext"]);
  CHECK(config::missing_for_restricted(context) == std::vector<std::string>{});
  CHECK(context["readOnlyRootFilesystem"] == true);
  CHECK(container["image"] == "r/hpawalk:1");
  CHECK(container["resources"]["limits"].contains("memory"));
  CHECK(container.contains("livenessProbe"));
  CHECK(container.contains("readinessProbe"));
  CHECK_FALSE(pod.contains("volumes"));
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) CHECK_FALSE(pod.contains(field));
  CHECK(object(objects, "Namespace")["metadata"]["labels"][config::enforce_label] == "restricted");
}

TEST_CASE(
    "In a namespace that exists no Namespace is changed, and with a URL of Prometheus there is no proxy") {
  Objects own = objects_of({.image = "i"});
  CHECK(kinds_of(own) == std::vector<std::string>{"Namespace", "ServiceAccount", "ClusterRole",
                                                  "ClusterRoleBinding", "Deployment", "Service",
                                                  "ServiceMonitor", "ClusterRole", "ClusterRoleBinding"});
  Objects there = objects_of({.image = "i",
                              .space = "monitoring",
                              .every = "2m",
                              .prometheus_url = "http://prometheus:9090",
                              .monitor_labels = {{"release", "kps"}}});
  CHECK(kinds_of(there) == std::vector<std::string>{"ServiceAccount", "ClusterRole", "ClusterRoleBinding",
                                                    "Deployment", "Service", "ServiceMonitor"});
  CHECK_FALSE(granted(there).contains("get services/proxy"));
  for (const yaml::Value& one : there) {
    if (std::string(one["kind"]).starts_with("Cluster")) continue;
    CHECK(one["metadata"]["namespace"] == "monitoring");
  }
  CHECK(object(there, "ClusterRoleBinding")["subjects"][0]["namespace"] == "monitoring");
  CHECK(object(there, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"] ==
        yaml::Value{"exporter", "--listen=:9797", "--every=2m", "--prometheus=http://prometheus:9090"});
  const yaml::Value& monitor = object(there, "ServiceMonitor");
  CHECK(monitor["metadata"]["labels"]["release"] == "kps");
  CHECK(monitor["spec"]["endpoints"][0]["honorLabels"] == true);
  CHECK(object(there, "Service")["metadata"]["labels"] == monitor["spec"]["selector"]["matchLabels"]);
}

// Source: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
TEST_CASE("The dashboard has the fields of Grafana's JSON model, and asks for series that the exporter has") {
  Json dashboard = parse_json(exporter_dashboard(), "The dashboard").value();
  for (const char* field :
       {"id", "uid", "title", "tags", "timezone", "editable", "graphTooltip", "panels", "time", "timepicker",
        "templating", "annotations", "refresh", "schemaVersion", "version", "links"})
    CHECK_MESSAGE(dashboard.contains(field), field);
  CHECK(
      dashboard["id"].is_null());  // Grafana's own; with a number, an import would replace another dashboard
  CHECK(dashboard["time"].contains("from"));
  CHECK(dashboard["templating"]["list"].is_array());
  std::set<std::string> variables;
  for (const Json& variable : dashboard["templating"]["list"]) {
    for (const char* field : {"name", "type", "query", "refresh", "includeAll", "multi", "current"})
      CHECK_MESSAGE(variable.contains(field), field);
    variables.insert(variable["name"]);
  }

  const diagnose::Facts& facts = fakes::facts_of(fakes::facts_files().front());
  std::string page = oncall::hpa_metrics(facts, diagnose::diagnose_hpas(facts)) + oncall::health_metrics({});
  std::set<int> ids;
  std::map<std::pair<int, int>, int> taken;  // (x, y) of the grid
  for (const Json& panel : dashboard["panels"]) {
    for (const char* field :
         {"id", "type", "title", "datasource", "gridPos", "targets", "fieldConfig", "options"})
      CHECK_MESSAGE(panel.contains(field), field);
    CHECK(ids.insert(panel["id"].get<int>()).second);
    const Json& place = panel["gridPos"];
    CHECK(place["x"].get<int>() + place["w"].get<int>() <= 24);
    for (int x = 0; x < place["w"]; ++x) {
      for (int y = 0; y < place["h"]; ++y)
        CHECK(taken[{place["x"].get<int>() + x, place["y"].get<int>() + y}]++ == 0);
    }
    std::set<std::string> references;
    for (const Json& target : panel["targets"]) {
      CHECK(references.insert(target["refId"].get<std::string>()).second);
      const std::string asked = target["expr"].get<std::string>();
      std::string name, variable;
      static const re2::RE2 metric("(hpawalk_[a-z_]+)"), used("\\$([a-z]+)");
      for (re2::StringPiece rest(asked); re2::RE2::FindAndConsume(&rest, metric, &name);)
        CHECK_MESSAGE(page.find("# TYPE " + name + " ") != std::string::npos, name);
      for (re2::StringPiece rest(asked); re2::RE2::FindAndConsume(&rest, used, &variable);)
        CHECK_MESSAGE(variables.contains(variable), variable);
    }
    CHECK_FALSE(references.empty());
  }
}
