// The aggregation layer: is the API group registered, is its adapter reached, and is it the right one?
#include "diagnose/rules_api.hpp"

#include <set>

namespace hpawalk::diagnose {

const Cause cause::apiservice_missing = {.id = "apiservice-missing",
                                         .link = Link::api_service,
                                         .symptom = "no custom metrics API ... registered",
                                         .reason = "No APIService registers the group",
                                         .detection = "The list of APIServices",
                                         .fix = "Create it, or install the adapter"};

const Cause cause::two_adapters = {
    .id = "two-adapters",
    .link = Link::api_service,
    .symptom = "The metric is missing although its adapter is running",
    .reason = "Two adapters claim one API group; only one receives requests",
    .detection = "The Services of the APIServices, and adapters without an APIService",
    .fix = "Choose one"};

const Cause cause::api_version_mismatch = {
    .id = "api-version-mismatch",
    .link = Link::api_service,
    .symptom = "no known available metric versions found",
    .reason =
        "Only versions that the controller does not support are registered, or the preferred version is "
        "unavailable",
    .detection = "Versions, priorities and conditions of the APIServices",
    .fix = "Register v1beta1 and v1beta2"};

const Cause cause::empty_discovery = {
    .id = "empty-discovery",
    .link = Link::api_service,
    .symptom = "kubectl get --raw shows resources: []",
    .reason =
        "Some adapters list no metrics but serve them; for other adapters, the cause is earlier in the chain",
    .detection = "The list against what the HPA reads",
    .fix = "Nothing, if the HPA works"};

std::string api_condition(const Json& api_service) {
  const Json& available = condition(api_service, "Available");
  return fmt::format("APIService {}: Available is {}: {}: {}", name_of(api_service),
                     text_at(available, "status", "unset"), text_at(available, "reason"),
                     text_at(available, "message"));
}

// The port of the adapter's Service that an APIService should name: its only one, or that of HTTPS.
std::optional<long long> api_port(const Context& c) {
  if (c.adapter.service == nullptr) return std::nullopt;
  const Json& ports = list_at(*c.adapter.service, "spec.ports");
  for (const Json& port : ports) {
    if (ports.size() == 1 || int_at(port, "port") == 443 || text_at(port, "name") == "https")
      return int_at(port, "port");
  }
  return std::nullopt;
}

namespace {

// Registers the adapter that runs; nothing if it is not known where it is.
std::optional<Fix> registration(const Context& c, const std::string& group) {
  std::optional<long long> port = api_port(c);
  if (!port) return std::nullopt;
  std::string name = "v1beta1." + group;
  Json manifest = {
      {"apiVersion", "apiregistration.k8s.io/v1"},
      {"kind", "APIService"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"group", group},
        {"version", "v1beta1"},
        {"groupPriorityMinimum", 100},
        {"versionPriority", 100},
        {"insecureSkipTLSVerify", true},
        {"service", {{"namespace", c.adapter.space}, {"name", c.adapter.service_name}, {"port", *port}}}}}};
  return create({"apiservice", "", name}, manifest,
                fmt::format("Register Service {}/{} for {}", c.adapter.space, c.adapter.service_name, group),
                "the API server does not verify the certificate of that Service (insecureSkipTLSVerify; use "
                "a caBundle to verify it)");
}

// Nothing registers the group, and this adapter would not serve it: it has no rules of that type.
Fix serve_and_register(const Context& c) {
  return advice(
      fmt::format("Add {} to ConfigMap {}/{}, restart the adapter, and create APIService v1beta1.{}",
                  c.need.external() ? "externalRules" : "rules", c.adapter.space, c.adapter.config_map,
                  c.need.api_group()),
      look_at("get", {"configmap", c.adapter.space, c.adapter.config_map}));
}

void missing(const Context& c, Report& report) {
  const Reading* listing = c.facts.find("apiservices");
  if (listing == nullptr || listing->refused()) {
    report.set(Link::api_service, Mark::unknown, why_unread(listing));
    return;
  }
  std::string group = c.need.api_group();
  if (report.has(cause::metric_type_mismatch)) {
    report.set(Link::api_service, Mark::broken, "no APIService registers " + group);
    return;
  }
  Fix fix = advice("Install an adapter that serves it");
  const Reading* pods = c.facts.find(adapter_pods_by_name);
  bool none = pods != nullptr && pods->read() && c.facts.items(adapter_pods).empty();
  std::string what =
      none ? "no prometheus-adapter is running" : "hpawalk does not know which adapter could serve it";
  if (group == "metrics.k8s.io") {
    what = "metrics-server is not installed";
    fix = advice("Install metrics-server: https://github.com/kubernetes-sigs/metrics-server");
  } else if (!c.adapter.service_name.empty()) {
    bool without_rules = c.adapter.config && c.adapter.rules(c.need.external()).empty();
    what = fmt::format("{} prometheus-adapter is running behind Service {}/{}{}",
                       without_rules ? "a" : "although", c.adapter.space, c.adapter.service_name,
                       !without_rules      ? ""
                       : c.need.external() ? ", but has no externalRules"
                                           : ", but has only externalRules");
    fix = without_rules ? serve_and_register(c)
                        : registration(c, group).value_or(
                              advice(fmt::format("Create an APIService v1beta1.{} for it", group)));
  }
  report.broken(cause::apiservice_missing, fmt::format("No APIService registers {}: {}", group, what),
                {seen(*listing, "none of group " + group)}, fix);
}

void no_supported_version(const Context& c, Report& report) {
  std::vector<std::string> versions;
  for (const Json* s : c.adapter.api_services) versions.push_back(text_at(*s, "spec.version"));
  std::string group = c.need.api_group();
  std::optional<Fix> fix;
  if (c.adapter.kind == AdapterKind::prometheus_adapter) fix = registration(c, group);
  report.broken(
      cause::api_version_mismatch,
      fmt::format("{} is registered only as {}, and HPA controllers support v1beta1 and v1beta2", group,
                  text::join(versions, ", ")),
      {"APIService " + name_of(*c.adapter.api_services.front())},
      fix.value_or(advice(fmt::format(
          "Install an adapter that serves {} as v1beta1 or v1beta2, and register it with an APIService",
          group))));
}

// Another APIService of the group that is available, in a version that HPA controllers know.
const Json* other_available(const Context& c) {
  const Json* other = nullptr;
  for (const Json* s : c.adapter.api_services) {
    std::string version = text_at(*s, "spec.version");
    bool preferred = s == c.adapter.api_services.front();
    if (!preferred && (version == "v1beta1" || version == "v1beta2") && api_service_available(*s).ready)
      other = s;
  }
  return other;
}

void preferred_unavailable(Report& report, const Json& preferred, const Json& other) {
  std::string name = name_of(preferred);
  report.broken(cause::api_version_mismatch,
                fmt::format("Clients use the preferred version {}, which is not Available, although {} is",
                            name, name_of(other)),
                {api_condition(preferred), api_condition(other)},
                remove(ref_of("apiservice", preferred),
                       fmt::format("Make clients use {}, or fix the adapter behind {}", name_of(other), name),
                       fmt::format("{} is unavailable until it is registered again", name))
                    .value_or(advice("Fix the adapter behind " + name)));
}

// More than one adapter, where only one gets the requests.
void several_adapters(const Context& c, Report& report) {
  auto backend_of = [](const Json& s) {
    return text_at(s, "spec.service.namespace") + "/" + text_at(s, "spec.service.name");
  };
  std::set<std::string> backends;
  for (const Json* s : c.adapter.api_services) backends.insert(backend_of(*s));
  std::vector<std::string> others = c.other_adapters();
  if (backends.size() <= 1 && others.empty()) return;
  std::vector<std::string> evidence;
  for (const Json* s : c.adapter.api_services)
    evidence.push_back(fmt::format("APIService {} -> Service {}", name_of(*s), backend_of(*s)));
  for (const std::string& pod : others) evidence.push_back("another adapter is running: pod " + pod);
  std::string sentence = fmt::format("More than one adapter claims {}; only {}/{} receives requests",
                                     c.need.api_group(), c.adapter.space, c.adapter.service_name);
  Fix fix = advice("Keep one adapter for this API group, with all the rules");
  if (c.registered() == false)
    report.broken(cause::two_adapters, sentence + ", and it does not have this metric", evidence, fix);
  else
    report.note(cause::two_adapters, sentence, evidence, fix);
}

// The condition is of the adapter's own answer; the API server can lack the way to it.
void not_routed(const Context& c, Report& report, const Reading& discovery) {
  const Json& preferred = *c.adapter.api_services.front();
  std::string name = name_of(preferred);
  report.broken(
      cause::api_group_not_served,
      fmt::format("The API server responds with 404 for {}, although APIService {} is Available",
                  discovery.path, name),
      {seen(discovery, discovery.error), api_condition(preferred)},
      advice(fmt::format("Wait for a minute. If it stays so, delete APIService {} and, when the group is "
                         "no longer in kubectl api-versions, create it again",
                         name),
             look_at("get", ref_of("apiservice", preferred))),
      Certainty::likely);
}

void lists_nothing(const Context& c, Report& report) {
  const Reading* discovery = c.facts.find(discovery_key(c.need.api_group()));
  if (discovery == nullptr || !discovery->read() || !list_at(discovery->value, "resources").empty()) return;
  report.note(cause::empty_discovery,
              c.works() ? "The API lists no metrics, but serves them: this is normal for this adapter"
                        : "The API lists no metrics; the cause is earlier in the chain",
              {seen(*discovery, "resources: []")});
}

}  // namespace

void judge_api(const Context& c, Report& report) {
  if (c.adapter.api_services.empty()) return missing(c, report);
  if (version_of(c.adapter).empty() && !c.need.resource_metric()) return no_supported_version(c, report);
  const Json& preferred = *c.adapter.api_services.front();
  if (!api_service_available(preferred).ready) {
    if (const Json* other = other_available(c)) return preferred_unavailable(report, preferred, *other);
    const Json& why = condition(preferred, "Available");
    return judge_unavailable(
        c, report, {preferred, text_at(why, "reason"), text_at(why, "message"), {api_condition(preferred)}});
  }
  // The condition can be older than the trouble: an answer that hpawalk just got counts more.
  const Reading* discovery = c.facts.find(discovery_key(c.need.api_group()));
  std::optional<Reading> probe = c.probe();
  bool served = probe && probe->read();  // then the adapter is there
  if (discovery != nullptr && discovery->failed_with("kube-unavailable") && !served) {
    return judge_unavailable(
        c, report,
        {preferred, "", discovery->error, {seen(*discovery, discovery->error), api_condition(preferred)}});
  }
  if (discovery != nullptr && discovery->absent() && !served) return not_routed(c, report, *discovery);
  report.set(Link::api_service, Mark::ok, api_service_available(preferred).text);
  several_adapters(c, report);
  lists_nothing(c, report);
}

}  // namespace hpawalk::diagnose
