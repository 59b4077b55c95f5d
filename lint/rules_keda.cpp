// ScaledObjects as the API server and KEDA read them, what their triggers need, and the credentials that they
// name. What a trigger's source answers, only a cluster shows.
//
// Source: KEDA 2.21: config/crd, apis/keda/v1alpha1, pkg/scaling/scalers_builder.go (types), and of each
// trigger its file in pkg/scalers (tags `keda:"name=..., order=triggerMetadata"` without `optional`).
#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "hpasim/keda.hpp"
#include "lint/rules.hpp"
#include "lint/scaled_object.hpp"

namespace hpawalk::lint {

using diagnose::Certainty;

namespace {

// Of the metadata, what has to be there: itself, or where `from_env`, also as NAME + "FromEnv".
struct Needed {
  std::string_view type, names;  // names: blanks between them
  bool from_env = false;
};
constexpr Needed needed_metadata[] = {{"prometheus", "serverAddress query threshold"},
                                      {"loki", "serverAddress query threshold"},
                                      {"graphite", "serverAddress query queryTime"},
                                      {"cron", "start end timezone desiredReplicas"},
                                      {"cpu", "value"},
                                      {"memory", "value"},
                                      {"kafka", "bootstrapServers consumerGroup", true},
                                      {"rabbitmq", "queueName"},
                                      {"redis", "listName"},
                                      {"redis-cluster", "listName"},
                                      {"redis-sentinel", "listName"},
                                      {"aws-sqs-queue", "queueURL", true},
                                      {"azure-queue", "queueName"},
                                      {"nats-jetstream", "stream consumer"},
                                      {"pulsar", "adminURL topic subscription", true},
                                      {"postgresql", "query"},
                                      {"mysql", "query queryValue"},
                                      {"metrics-api", "url valueLocation"}};

// Metadata that is a number.
constexpr std::pair<std::string_view, std::string_view> numbers[] = {
    {"prometheus", "threshold"}, {"prometheus", "activationThreshold"},
    {"loki", "threshold"},       {"loki", "activationThreshold"},
    {"graphite", "threshold"},   {"graphite", "activationThreshold"},
    {"mysql", "queryValue"},     {"postgresql", "targetQueryValue"},
    {"kafka", "lagThreshold"},   {"kafka", "activationLagThreshold"},
    {"redis", "listLength"},     {"aws-sqs-queue", "queueLength"},
    {"cron", "desiredReplicas"}};

constexpr std::string_view trigger_types =
    "activemq apache-kafka arangodb artemis-queue aws-cloudwatch aws-dynamodb aws-dynamodb-streams "
    "aws-kinesis-stream aws-sqs-queue azure-app-insights azure-blob azure-cosmosdb azure-data-explorer "
    "azure-eventhub azure-log-analytics azure-monitor azure-pipelines azure-queue azure-servicebus "
    "beanstalkd "
    "cassandra clickhouse couchdb cpu cron datadog dynatrace elastic-forecast elasticsearch etcd external "
    "external-mock external-push forgejo-runner gcp-cloudtasks gcp-pubsub gcp-spanner gcp-stackdriver "
    "gcp-storage github-runner graphite huawei-cloudeye ibmmq influxdb kafka kubernetes-resource "
    "kubernetes-workload liiklus loki memory metrics-api mongodb mssql mysql nats-jetstream new-relic nsq "
    "opensearch openstack-metric openstack-swift postgresql predictkube prometheus pulsar rabbitmq redis "
    "redis-cluster redis-cluster-streams redis-sentinel redis-sentinel-streams redis-streams selenium-grid "
    "solace-direct-messaging solace-event-queue solarwinds solr splunk splunk-observability sumologic "
    "temporal";

constexpr std::string_view authentication_fields =
    "awsSecretManager azureKeyVault azureServicePrincipal boundServiceAccountToken configMapTargetRef env "
    "filePath gcpSecretManager hashiCorpVault oauth2 podIdentity secretTargetRef";

std::vector<std::string> words(std::string_view text) {
  return text::split(std::string(text), ' ');
}

// A ScaledObject, and where its findings go.
struct Asked {
  const Chains& chains;
  const Object& object;
  Findings& findings;

  std::string space() const { return diagnose::space_of(object.value); }

  Finding& add(std::string_view cause, const std::string& path, std::string sentence, std::string fix) const {
    findings.push_back(finding_at(cause, &object, path, std::move(sentence)));
    findings.back().fix = std::move(fix);
    findings.back().hpas = {hpa_title(object)};
    return findings.back();
  }
};

// One of its triggers.
struct Trigger {
  const Asked& a;
  const Json& value;
  std::string path, type;

  const Json& metadata() const { return at(value, "metadata"); }
  std::string text(const std::string& name) const { return text_at(metadata(), name); }
  bool has(const std::string& name) const { return metadata().is_object() && metadata().contains(name); }
  // KEDA refuses it: the ScaledObject does not become Ready.
  Finding& refused(const std::string& field, std::string sentence, std::string fix) const {
    return a.add(diagnose::cause::keda_scaledobject.id, path + field, std::move(sentence), std::move(fix));
  }
};

// --- fields

// Of a trigger's metadata, KEDA judges the values, and judge_metadata says it.
bool of_metadata(const hpasim::Mistake& mistake) {
  return mistake.path.find("].metadata.") != std::string::npos &&
         !mistake.what.starts_with("must be a string");
}

void judge_fields(const Asked& a) {
  std::vector<hpasim::Mistake> mistakes;
  auto read = hpasim::read_scaled_object(a.object.source, &mistakes);
  if (read) {
    // KEDA writes this HPA; what the API server refuses of it is in the ScaledObject.
    if (!hpasim::parse_spec(read->hpa, {a.chains.rules, nullptr, &mistakes})) {
      std::erase_if(mistakes,
                    [](const hpasim::Mistake& one) { return !one.path.starts_with("spec.behavior"); });
      for (hpasim::Mistake& one : mistakes)
        one.path.replace(0, 4, "spec.advanced.horizontalPodAutoscalerConfig");
    }
  }
  for (const hpasim::Mistake& mistake : mistakes) {
    if (of_metadata(mistake)) continue;
    a.add("keda-refused", mistake.path, mistake.path + ": " + mistake.what,
          "kubectl explain scaledobject.spec shows every field");
  }
}

void judge_pause(const Asked& a) {
  const Json& annotations = at(a.object.value, "metadata.annotations");
  if (!annotations.is_object()) return;
  for (const auto& [name, value] : annotations.items()) {
    if (!name.starts_with("autoscaling.keda.sh/paused")) continue;
    if (value == "false" && name != "autoscaling.keda.sh/paused-replicas") continue;
    a.add(diagnose::cause::keda_paused.id, "metadata.annotations",
          fmt::format("{} is paused by its annotation {}", a.object.ref(), name), "Remove the annotation")
        .level = Level::note;
  }
}

// --- triggers

bool known_type(const Trigger& t) {
  const std::vector<std::string> types = words(trigger_types);
  if (t.type.empty() || std::find(types.begin(), types.end(), t.type) != types.end()) return true;
  const auto near = text::nearest(t.type, types);
  Finding& finding = t.refused(".type",
                               fmt::format("KEDA 2.21 has no trigger of type {}{}", t.type,
                                           near ? ", did you mean " + *near + "?" : ""),
                               near ? "Write " + *near : "Use a type that the installed KEDA has");
  finding.certainty = near ? Certainty::likely : Certainty::possible;
  if (!near) finding.level = Level::warning;
  return false;
}

void judge_metadata(const Trigger& t) {
  for (const Needed& needed : needed_metadata) {
    if (needed.type != t.type) continue;
    for (const std::string& name : words(needed.names)) {
      if (t.has(name) || (needed.from_env && t.has(name + "FromEnv"))) continue;
      std::vector<std::string> names;
      if (t.metadata().is_object())
        for (const auto& [key, value] : t.metadata().items()) names.push_back(key);
      const auto near = text::nearest(name, names);
      t.refused(".metadata",
                fmt::format("The {} trigger has no {} in its metadata{}", t.type, name,
                            near ? fmt::format("; it has {}", *near) : ""),
                near ? fmt::format("Write {} instead of {}", name, *near) : "Add " + name);
    }
  }
  if (t.type == "rabbitmq" && !t.has("host") && !t.has("hostFromEnv") &&
      at(t.value, "authenticationRef").is_null())
    t.refused(".metadata", "The rabbitmq trigger has neither host nor hostFromEnv, and no authenticationRef",
              "Add host, hostFromEnv, or a TriggerAuthentication");
  for (const auto& [type, name] : numbers) {
    const std::string text = t.text(std::string(name));
    if (type != t.type || text.empty() || text::number(text)) continue;
    t.refused(fmt::format(".metadata.{}", name),
              fmt::format("{} of the {} trigger is no number: {}", name, t.type, text), "Write a number");
  }
}

// "http://NAME.NAMESPACE.svc:PORT/..." of a Service in a cluster.
struct ServiceUrl {
  std::string space, name;
  int port = 0;
};

std::optional<ServiceUrl> service_of(const std::string& url) {
  static const Pattern form = Pattern::constant(
      R"((https?)://(?:[^@/]*@)?([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?(?::([0-9]+))?(?:/.*)?)");
  const auto groups = form.match(url);
  if (!groups) return std::nullopt;
  const std::vector<std::string_view>& g = *groups;
  const std::string port(g[4]);
  return ServiceUrl{std::string(g[3]), std::string(g[2]),
                    port.empty() ? (g[1] == "https" ? 443 : 80) : std::atoi(port.c_str())};
}

void judge_address(const Trigger& t) {
  const std::string url = t.text("serverAddress");
  const auto address = service_of(url);
  if (!address) return;
  const Chains& chains = t.a.chains;
  const std::string path = ".metadata.serverAddress", name = address->space + "/" + address->name;
  auto leads_nowhere = [&](const std::string& why, std::string fix) -> Finding& {
    Finding& finding = t.a.add(diagnose::cause::keda_server_address.id, t.path + path,
                               "The trigger's serverAddress leads nowhere: " + why, std::move(fix));
    finding.evidence = {"serverAddress " + url};
    return finding;
  };
  if (const Json* service = chains.facts.object("services", address->space, address->name)) {
    std::vector<std::string> ports;
    for (const Json& port : list_at(*service, "spec.ports"))
      ports.push_back(std::to_string(int_at(port, "port")));
    if (std::find(ports.begin(), ports.end(), std::to_string(address->port)) != ports.end()) return;
    leads_nowhere(fmt::format("Service {} has no port {}", name, address->port),
                  fmt::format("Use a port that it has: {}", text::join(ports, ", ")));
    return;
  }
  std::vector<std::string> names;
  for (const Json* service : chains.facts.items("services", address->space))
    names.push_back(diagnose::name_of(*service));
  // The files need not hold it; a Service of nearly that name was meant.
  if (const auto near = text::nearest(address->name, names))
    leads_nowhere(fmt::format("Service {} not found", name),
                  fmt::format("Write {}.{}", *near, address->space))
        .certainty = Certainty::likely;
}

void judge_query(const Trigger& t) {
  const std::string query = t.text("query");
  if (query.empty()) return;
  const std::string path = t.path + ".metadata.query";
  if (const std::string why = refused_by_prometheus(query); !why.empty()) {
    t.a.add(diagnose::cause::keda_query_fails.id, path, "Prometheus rejects the trigger's query: " + why,
            "Correct the query")
        .evidence = {"query " + query};
    return;
  }
  static const Pattern
      by_first = Pattern::constant(
          R"(\s*(?:sum|avg|max|min|count)\s*by\s*\(\s*[^)\s][^)]*\)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*)"),
      by_last = Pattern::constant(
          R"(\s*(?:sum|avg|max|min|count)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*by\s*\(\s*[^)\s][^)]*\)\s*)");
  if (!by_first.matches(query) && !by_last.matches(query)) return;
  Finding& finding =
      t.a.add(diagnose::cause::keda_several_rows.id, path,
              "The trigger's query has a row for each value of the labels that it aggregates by, and KEDA "
              "needs one",
              "Aggregate without by, or select one value of each of these labels");
  finding.level = Level::warning;
  finding.certainty = Certainty::possible;
  finding.evidence = {"query " + query};
}

// --- credentials

void judge_authentication(const Trigger& t) {
  const Json& reference = at(t.value, "authenticationRef");
  const std::string name = text_at(reference, "name"),
                    kind = text_at(reference, "kind", "TriggerAuthentication");
  if (name.empty()) return;
  std::vector<std::string> names;
  for (const Object& object : t.a.chains.contents.objects) {
    bool reachable = kind != "TriggerAuthentication" || diagnose::space_of(object.value) == t.a.space();
    if (object.kind() == kind && reachable) names.push_back(diagnose::name_of(object.value));
  }
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  if (const auto near = text::nearest(name, names))
    t.refused(".authenticationRef.name",
              fmt::format("{} {} not found; the closest name is {}", kind, name, *near), "Write " + *near)
        .certainty = Certainty::likely;
}

bool holds_key(const Object& secret, const std::string& key) {
  for (const char* field : {"data", "stringData"}) {
    const Json& data = at(secret.value, field);
    if (data.is_object() && data.contains(key)) return true;
  }
  return false;
}

void judge_trigger_authentication(const Chains& chains, const Object& object, Findings& findings) {
  auto add = [&](std::string_view cause, const std::string& path, std::string sentence, std::string fix) {
    findings.push_back(finding_at(cause, &object, path, std::move(sentence)));
    findings.back().fix = std::move(fix);
  };
  const Json& spec = at(object.value, "spec");
  const std::vector<std::string> fields = words(authentication_fields);
  if (spec.is_object()) {
    for (const auto& [name, value] : spec.items()) {
      if (std::find(fields.begin(), fields.end(), name) != fields.end()) continue;
      const auto near = text::nearest(name, fields);
      add("keda-refused", "spec." + name,
          fmt::format("spec.{}: no such field{}", name, near ? "; did you mean " + *near + "?" : ""),
          "kubectl explain triggerauthentication.spec shows every field");
    }
  }
  const bool in_space = object.kind() == "TriggerAuthentication";  // else the Secrets are where KEDA is
  size_t index = 0;
  for (const Json& target : list_at(spec, "secretTargetRef")) {
    const std::string path = fmt::format("spec.secretTargetRef[{}]", index++), key = text_at(target, "key");
    for (const char* field : {"parameter", "name", "key"}) {
      if (text_at(target, field).empty())
        add("keda-refused", path, fmt::format("{}.{}: is required", path, field),
            fmt::format("Add {}", field));
    }
    const Object* secret =
        in_space ? chains.find("Secret", diagnose::space_of(object.value), text_at(target, "name")) : nullptr;
    if (secret == nullptr || key.empty() || holds_key(*secret, key)) continue;
    add(diagnose::cause::keda_scaledobject.id, path + ".key",
        fmt::format("{} has no key {}, so {} is empty in the triggers that use {}", secret->ref(), key,
                    text_at(target, "parameter"), object.ref()),
        fmt::format("Add {} to {}, or correct the key", key, secret->ref()));
  }
}

}  // namespace

void judge_keda(const Chains& chains, Findings& findings) {
  for (const Object& object : chains.contents.objects) {
    if (object.kind().ends_with("TriggerAuthentication") &&
        text_at(object.value, "apiVersion").starts_with("keda.sh/"))
      judge_trigger_authentication(chains, object, findings);
    if (object.kind() != "ScaledObject") continue;
    const Asked a{chains, object, findings};
    judge_fields(a);
    judge_pause(a);
    size_t index = 0;
    for (const Json& value : list_at(object.value, "spec.triggers")) {
      const Trigger t{a, value, fmt::format("spec.triggers[{}]", index++), text_at(value, "type")};
      if (!known_type(t)) continue;
      judge_metadata(t);
      judge_authentication(t);
      if (t.type != "prometheus") continue;
      judge_address(t);
      judge_query(t);
    }
  }
}

}  // namespace hpawalk::lint
