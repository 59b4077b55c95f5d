// The adapter: its pods, the Prometheus that it asks, its rules and whether it has read them.
#include <algorithm>
#include <set>

#include "chain/collect.hpp"
#include "chain/rules.hpp"

namespace hpawalk {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// klog's "E1124 02:15:33.123456": does the line belong to the last `age` before the facts were taken?
bool recent(const std::string& line, WallTime taken, Duration age) {
  int month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(line.c_str(), "%*c%2d%2d %2d:%2d:%2d", &month, &day, &hour, &minute, &second) != 5) return true;
  std::string year = rfc3339(taken).substr(0, 4);
  std::optional<WallTime> when = parse_time(fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, hour, minute, second));
  return !when || taken - *when <= age;
}

class AdapterRules {
 public:
  AdapterRules(const Context& c, Report& report) : c_(c), adapter_(c.adapter), report_(report) {}

  void judge() {
    if (adapter_.kind == AdapterKind::keda) return keda();
    if (adapter_.service_name.empty()) {
      report_.set(Link::adapter, Mark::unknown, "no adapter is registered");
      return;
    }
    if (!pods_ready()) return;
    if (adapter_.kind == AdapterKind::other) {
      report_.set(Link::adapter, Mark::note, "Service " + adapter_.space + "/" + adapter_.service_name + ": an adapter that hpawalk does not know");
      return;
    }
    report_.set(Link::adapter, Mark::ok, where());
    if (!prometheus_url()) return;
    if (!adapter_.config) return no_config();
    relist();
    naming();
    stale_config();
    ages();
    const Reading* probe = c_.probe();
    bool served = probe != nullptr && probe->read();  // some adapters list nothing and serve all the same
    if (report_.mark(Link::adapter) == Mark::ok && report_.mark(Link::series) == Mark::ok && c_.registered() == false && !served) not_listed();
  }

 private:
  std::string where() const { return "prometheus-adapter " + adapter_.space + "/" + adapter_.service_name; }
  std::string restart() const {
    return fmt::format("kubectl rollout restart deployment -n {} {}", adapter_.space, deployment());
  }
  std::string deployment() const {
    for (const Json* pod : adapter_.pods) {
      for (const Json& owner : list_at(*pod, "metadata.ownerReferences")) {
        std::string name = text_at(owner, "name");
        size_t dash = name.rfind('-');
        if (text_at(owner, "kind") == "ReplicaSet" && dash != std::string::npos) return name.substr(0, dash);
      }
    }
    return adapter_.service_name;
  }
  std::string edit_rules() const { return fmt::format("kubectl edit configmap {} -n {}\n{}", adapter_.config_map, adapter_.space, restart()); }

  void keda() {
    report_.set(Link::adapter, Mark::note, "KEDA serves this metric; hpawalk looks no further than its ScaledObject");
    for (const Json* object : c_.facts.items("scaledobjects", c_.hpa.space)) {
      const Json& ready = condition(*object, "Ready");
      bool ours = "keda-hpa-" + name_of(*object) == c_.hpa.name || text_at(*object, "status.hpaName") == c_.hpa.name;
      if (!ours || text_at(ready, "status") != "False") continue;
      report_.broken("keda-scaledobject", Link::adapter, fmt::format("KEDA's ScaledObject {} is not Ready: {}", name_of(*object), text_at(ready, "message")),
                     {fmt::format("ScaledObject {}: Ready is False: {}", full_name(*object), text_at(ready, "reason"))},
                     fmt::format("kubectl describe scaledobject {} -n {}", name_of(*object), c_.hpa.space));
    }
  }

  bool pods_ready() {
    const Reading* pods = c_.facts.listing("pods", adapter_.space);
    if (pods == nullptr || pods->refused()) {
      report_.set(Link::adapter, Mark::unknown, why_unread(pods));
      return adapter_.service != nullptr && !adapter_.pods.empty();
    }
    if (adapter_.service == nullptr) {  // judge_api says so
      report_.set(Link::adapter, Mark::broken, fmt::format("there is no Service {}/{}", adapter_.space, adapter_.service_name));
      return false;
    }
    if (std::any_of(adapter_.pods.begin(), adapter_.pods.end(), [](const Json* p) { return pod_ready(*p); })) return true;
    std::vector<std::string> evidence = {fmt::format("Service {}/{}: {}, none ready", adapter_.space, adapter_.service_name, plural_count(adapter_.pods.size(), "pod"))};
    std::string why = adapter_.pods.empty() ? "has no pods" : "has no ready pod";
    if (!adapter_.pods.empty()) {
      for (const Json& s : list_at(*adapter_.pods.front(), "status.containerStatuses")) {
        for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
          std::string reason = text_at(at(s, state), "reason");
          if (!reason.empty()) evidence.push_back(fmt::format("pod {}: {} {}", name_of(*adapter_.pods.front()), reason, text_at(at(s, state), "message")));
        }
      }
    }
    for (const std::string& line : c_.log()) {
      if (line.starts_with('F') || has(line, "unable to") || has(line, "panic")) evidence.push_back("log: " + line);
    }
    if (evidence.size() > 6) evidence.erase(evidence.begin() + 2, evidence.end() - 4);
    std::string cause = "adapter-not-ready";
    for (const std::string& line : evidence) {
      if (has(line, "max age must not be less than relist interval")) {
        cause = "adapter-max-age";
        why = fmt::format("does not start: --metrics-max-age ({}) is below --metrics-relist-interval ({})", text::duration(adapter_.max_age.value_or(Duration(0))),
                          text::duration(adapter_.relist.value_or(Duration(0))));
      }
    }
    std::string fix = adapter_.pods.empty() ? fmt::format("kubectl get deployments -n {}; does the Service's selector {} match its pods?", adapter_.space, labels_text(at(*adapter_.service, "spec.selector")))
                                            : fmt::format("kubectl logs -n {} {} --previous --tail 20", adapter_.space, name_of(*adapter_.pods.front()));
    report_.broken(cause, Link::adapter, fmt::format("The adapter behind {}/{} {}", adapter_.space, adapter_.service_name, why), evidence, fix);
    return cause == "adapter-not-ready" && !adapter_.pods.empty();
  }

  std::string fix_url(const std::string& url) const {
    return fmt::format("Set --prometheus-url={} (the chart: --set prometheus.url=..., prometheus.port=...):\nkubectl edit deployment {} -n {}", url, deployment(), adapter_.space);
  }

  bool url_broken(std::string sentence, std::vector<std::string> evidence, const std::string& right_url, Certainty certainty = Certainty::certain) {
    evidence.insert(evidence.begin(), fmt::format("Deployment {}/{}: --prometheus-url={}", adapter_.space, deployment(), adapter_.prometheus_url));
    report_.broken("adapter-prometheus-url", Link::adapter, std::move(sentence), std::move(evidence), fix_url(right_url), certainty);
    return false;
  }

  // Where Prometheus is, as far as this cluster knows: its governing Service, or one before its pods.
  std::string likely_url() const {
    for (const Json* service : c_.facts.items("services")) {
      for (const Json* pod : c_.prometheus.pods) {
        if (space_of(*pod) != space_of(*service) || !map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels"))) continue;
        if (name_of(*service) == "prometheus-operated") continue;
        const Json& ports = list_at(*service, "spec.ports");
        std::string port = ports.empty() ? "9090" : text_at(ports.front(), "port");
        return fmt::format("http://{}.{}.svc:{}", name_of(*service), space_of(*service), port);
      }
    }
    if (c_.prometheus.resource != nullptr) return fmt::format("http://prometheus-operated.{}.svc:9090", space_of(*c_.prometheus.resource));
    return "http://SERVICE.NAMESPACE.svc:9090";
  }

  bool prometheus_url() {
    if (!adapter_.url_in_cluster) return asked_outside();
    const Reading* services = c_.facts.listing("services", adapter_.url_space);
    if (c_.prometheus.service == nullptr) {
      if (services == nullptr || services->refused()) {
        report_.set(Link::adapter, Mark::unknown, "the Service of " + adapter_.prometheus_url + " could not be read: " + why_unread(services));
        return true;
      }
      return url_broken(fmt::format("The adapter asks {}, but there is no Service {} in namespace {}", adapter_.prometheus_url, adapter_.url_service, adapter_.url_space),
                        {fmt::format("Services of namespace {}: no {}", adapter_.url_space, adapter_.url_service)}, likely_url());
    }
    std::vector<std::string> ports;
    bool found = false;
    for (const Json& port : list_at(*c_.prometheus.service, "spec.ports")) {
      ports.push_back(text_at(port, "port"));
      found |= int_at(port, "port") == adapter_.url_port;
    }
    if (!found) {
      return url_broken(fmt::format("The adapter asks port {} of Service {}/{}, which has only port {}", adapter_.url_port, adapter_.url_space, adapter_.url_service, text::join(ports, ", ")),
                        {fmt::format("Service {}/{}: ports {}", adapter_.url_space, adapter_.url_service, text::join(ports, ", "))},
                        fmt::format("{}://{}:{}{}", adapter_.url_scheme, adapter_.url_host, ports.empty() ? "9090" : ports.front(), adapter_.url_prefix));
    }
    if (ready_endpoints(c_.facts, *c_.prometheus.service) == 0) {
      const Reading* slices = c_.facts.listing("endpointslices", adapter_.url_space);
      if (slices != nullptr && slices->read()) {
        bool prometheus_runs = std::any_of(c_.prometheus.pods.begin(), c_.prometheus.pods.end(), [](const Json* p) { return pod_ready(*p); });
        if (prometheus_runs || c_.prometheus.resource == nullptr || pods_of_service(c_.facts, *c_.prometheus.service).empty()) {
          return url_broken(fmt::format("The adapter asks Service {}/{}, behind which there is no ready pod", adapter_.url_space, adapter_.url_service),
                            {fmt::format("EndpointSlices of Service {}/{}: no ready address", adapter_.url_space, adapter_.url_service)}, likely_url());
        }
      }
    }
    const Reading* runtime = c_.prometheus_reading("runtime");
    if (runtime != nullptr && runtime->error_id == "prometheus-http") {
      std::string said = runtime->error.empty() ? "" : ": " + runtime->error.substr(0, 120);
      if (has(runtime->error, "401") || has(runtime->error, "nauthorized") || has(runtime->error, "orbidden")) {
        return auth_broken({seen(*runtime, said)});
      }
      return url_broken(fmt::format("What answers at {} is not Prometheus's API{}", adapter_.prometheus_url, said), {seen(*runtime, "no answer of Prometheus" + said)}, likely_url(), Certainty::likely);
    }
    return connection_by_log();
  }

  bool auth_broken(std::vector<std::string> evidence) {
    std::string token = std::any_of(adapter_.args.begin(), adapter_.args.end(), [](const std::string& a) { return has(a, "token-file") || has(a, "prometheus-header") || has(a, "auth"); })
                            ? "its flags carry a login, which Prometheus does not accept"
                            : "it sends no login";
    report_.broken("adapter-prometheus-auth", Link::adapter, fmt::format("Prometheus (or the proxy before it) refuses the adapter: {}", token), std::move(evidence),
                   fmt::format("Give the adapter a login: --prometheus-token-file=... or --prometheus-header=..., or exempt it:\nkubectl edit deployment {} -n {}", deployment(), adapter_.space));
    return false;
  }

  // hpawalk cannot ask a Prometheus outside of the cluster, but the adapter's log says whether it can.
  bool asked_outside() {
    std::string host = adapter_.url_host;
    if (host == "localhost" || host.starts_with("127.")) {
      return url_broken("The adapter asks Prometheus at localhost, which is its own pod: no --prometheus-url was given", {}, likely_url());
    }
    if (!connection_by_log()) return false;
    report_.set(Link::adapter, Mark::unknown, adapter_.prometheus_url + " is outside of this cluster; the adapter's log shows no trouble with it");
    return true;
  }

  // What the adapter's own log says about reaching Prometheus, lately.
  bool connection_by_log() {
    Duration age = std::max<Duration>(adapter_.relist.value_or(Duration(0)) * 2, std::chrono::seconds(20));
    std::string line;
    for (const std::string& l : c_.log()) {
      if ((has(l, "unable to update list of all metrics") || has(l, "unable to fetch metrics from prometheus")) && recent(l, c_.facts.taken, age)) line = l;
    }
    if (line.empty()) return true;
    std::vector<std::string> evidence = {"adapter's log: " + line.substr(0, 400)};
    // An answer of Prometheus that hpawalk gets itself says that it is up: then the way to it is to blame.
    if (has(line, " 401") || has(line, " 403") || has(line, "nauthorized") || has(line, "orbidden")) return auth_broken(evidence);
    if (has(line, "no such host")) return url_broken("The adapter cannot resolve Prometheus's name", evidence, likely_url());
    if (has(line, "HTTP response to HTTPS client") || has(line, "malformed HTTP response") || has(line, "HTTP request to an HTTPS server")) {
      return url_broken("The adapter speaks the wrong scheme (http or https) to Prometheus", evidence, likely_url());
    }
    bool timeout = has(line, "i/o timeout") || has(line, "deadline exceeded") || has(line, "Client.Timeout");
    if (timeout) {
      if (std::optional<std::string> policy = blocking_policy()) {
        evidence.push_back("NetworkPolicy " + *policy + " selects Prometheus's pods and lets in nobody from namespace " + adapter_.space);
        report_.broken("adapter-network-policy", Link::adapter, fmt::format("NetworkPolicy {} keeps the adapter from Prometheus", *policy), evidence,
                       fmt::format("kubectl create -f - <<'EOF'\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: allow-adapter, namespace: {}}}\nspec:\n"
                                   "  podSelector: {}\n  ingress:\n  - from:\n    - namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {}}}}}\nEOF",
                                   adapter_.url_space, c_.prometheus.service != nullptr ? Json{{"matchLabels", at(*c_.prometheus.service, "spec.selector")}}.dump() : "{}", adapter_.space));
        return false;
      }
      if (too_broad(evidence)) return true;
      return url_broken("The adapter's questions to Prometheus time out", evidence, likely_url(), Certainty::likely);
    }
    if (has(line, "connection refused") || has(line, "no route to host") || has(line, "EOF") || has(line, "404")) {
      // After Prometheus has just come back, the last line is still the old one.
      const Reading* runtime = c_.prometheus_reading("runtime");
      if (runtime != nullptr && runtime->read() && c_.registered() == true) return true;
      return url_broken("The adapter does not get an answer from Prometheus", evidence, likely_url(), Certainty::likely);
    }
    return true;  // bad_data and the like: relist() finds the rule
  }

  std::optional<std::string> blocking_policy() const {
    if (c_.prometheus.service == nullptr) return std::nullopt;
    for (const Json* policy : c_.facts.items("networkpolicies", adapter_.url_space)) {
      const Json& spec = at(*policy, "spec");
      std::vector<std::string> types = text_list(list_at(spec, "policyTypes"));
      if (!types.empty() && std::find(types.begin(), types.end(), "Ingress") == types.end()) continue;
      bool selects = std::any_of(c_.prometheus.pods.begin(), c_.prometheus.pods.end(),
                                 [&](const Json* p) { return matches(at(spec, "podSelector"), at(*p, "metadata.labels")); });
      if (!selects) continue;
      bool lets_in = false;
      Json adapter_space = namespace_labels(c_.facts, adapter_.space);
      for (const Json& rule : list_at(spec, "ingress")) {
        if (list_at(rule, "from").empty()) lets_in = true;
        for (const Json& from : list_at(rule, "from")) {
          const Json& spaces = at(from, "namespaceSelector");
          bool space_fits = spaces.is_null() ? adapter_.space == adapter_.url_space : matches(spaces, adapter_space);
          const Json& pods = at(from, "podSelector");
          bool pod_fits = pods.is_null() || (!adapter_.pods.empty() && matches(pods, at(*adapter_.pods.front(), "metadata.labels")));
          if (at(from, "ipBlock").is_null() && space_fits && pod_fits) lets_in = true;
        }
      }
      if (!lets_in) return full_name(*policy);
    }
    return std::nullopt;
  }

  void no_config() {
    if (!adapter_.config_error.empty()) {
      report_.broken("adapter-config-invalid", Link::adapter, adapter_.config_error, {fmt::format("ConfigMap {}/{}", adapter_.space, adapter_.config_map)}, edit_rules());
      return;
    }
    report_.set(Link::adapter, Mark::unknown, adapter_.config_map.empty() ? "its rules are in no ConfigMap that hpawalk can find"
                                                                          : "its rules could not be read: " + why_unread(adapter_.config_reading));
  }

  std::string rule_place(const AdapterRule& rule) const { return fmt::format("ConfigMap {}/{}, {}", adapter_.space, adapter_.config_map, rule.title()); }

  // One seriesQuery that Prometheus refuses aborts the listing of all.
  void relist() {
    for (const AdapterRule& rule : adapter_.rules(c_.need.external())) {
      const Reading* names = c_.prometheus.address ? c_.facts.find(names_key(*c_.prometheus.address, rule.series_query)) : nullptr;
      if (names == nullptr || names->error_id != "prometheus-query" || has(names->error, "timeout")) continue;
      std::vector<std::string> evidence = {rule_place(rule) + ": seriesQuery " + rule.series_query, seen(*names, names->error)};
      std::string sentence = fmt::format("Prometheus refuses the seriesQuery of {}, and one refused query makes the adapter give up listing all metrics", rule.title());
      if (c_.registered() == true) {
        report_.note("adapter-relist-aborted", Link::adapter, sentence + "; it still has the list of before", evidence, edit_rules());
      } else {
        report_.broken("adapter-relist-aborted", Link::adapter, sentence, evidence, edit_rules());
      }
      return;
    }
    too_broad({});
  }

  bool too_broad(std::vector<std::string> evidence) {
    const Reading* counts = c_.prometheus_reading("rule counts");
    for (const AdapterRule& rule : adapter_.rules(false)) {
      const Reading* names = c_.prometheus.address ? c_.facts.find(names_key(*c_.prometheus.address, rule.series_query)) : nullptr;
      long long count = counts != nullptr ? std::atoll(text_at(counts->value, std::to_string(rule.index)).c_str()) : 0;
      bool slow = names != nullptr && (names->ms > 10'000 || has(names->error, "timeout") || has(names->error, "timed out"));
      bool suspect = slow || count > 200'000 || (!evidence.empty() && count > 50'000);
      if (!suspect) continue;
      evidence.insert(evidence.begin(), fmt::format("{}: matches {} series", rule_place(rule), count > 0 ? std::to_string(count) : "very many"));
      if (slow) evidence.push_back(seen(*names, names->error.empty() ? "took " + text::duration(Duration(names->ms)) : names->error));
      std::string sentence = fmt::format("{} is so broad that listing its series takes too long", rule.title());
      bool matters = c_.registered() != true;
      std::string fix = "Leave out the chart's default rules (rules.default: false) and name the metrics that are needed\n" + edit_rules();
      if (matters) report_.broken("adapter-rules-too-broad", Link::adapter, sentence, evidence, fix, Certainty::likely);
      else report_.note("adapter-rules-too-broad", Link::adapter, sentence, evidence, fix);
      return true;
    }
    return false;
  }

  // Does a rule lead to the metric that the HPA asks for?
  void naming() {
    if (c_.candidates.empty()) return no_rule();
    const Candidate& candidate = *c_.candidate();
    const AdapterRule& rule = *candidate.rule;
    std::vector<Row> rows = c_.samples(candidate.series);
    bool any_seen = std::any_of(c_.candidates.begin(), c_.candidates.end(), [](const Candidate& x) { return x.seen; });
    if (!any_seen && !rows.empty()) {
      Json labels = rows.front().labels;
      labels.erase("__name__");
      report_.broken("rule-matches-no-series", Link::adapter,
                     fmt::format("The series {} exists, but the seriesQuery of {} does not match it", candidate.series, rule.title()),
                     {rule_place(rule) + ": seriesQuery " + rule.series_query, fmt::format("Prometheus has {}{{{}}}", candidate.series, labels_text(labels))}, edit_rules());
      return;
    }
    if (rows.empty() || c_.need.external()) return;
    labels(candidate, rows);
    overlap();
  }

  void no_rule() {
    if (c_.registered() == false && !c_.other_adapters().empty()) {  // judge_api: the wrong one is asked
      report_.set(Link::adapter, Mark::broken, where() + " has no rule for this metric");
      return;
    }
    const Reading* all = c_.prometheus_reading("names");
    if (all == nullptr || !all->read()) return;
    std::set<std::string> api_names;
    std::vector<std::string> names = text_list(all->value);
    for (const AdapterRule& rule : adapter_.rules(c_.need.external())) {
      std::set<std::string> found;
      const Reading* seen_names = c_.facts.find(names_key(*c_.prometheus.address, rule.series_query));
      for (const std::string& name : seen_names != nullptr ? text_list(seen_names->value) : std::vector<std::string>{}) found.insert(name);
      for (const std::string& name : literal_names(rule.series_query)) found.insert(name);
      for (const std::string& name : found) {
        if (!accepts(rule, name)) continue;
        std::optional<std::string> derived = api_name(rule, name);
        if (!derived) continue;
        if (name == c_.need.metric) return renamed(rule, name, *derived);
        api_names.insert(*derived);
      }
    }
    bool exists = std::find(names.begin(), names.end(), c_.need.metric) != names.end() && !c_.samples(c_.need.metric).empty();
    if (exists) {
      std::vector<std::string> evidence = {fmt::format("Prometheus has {}: {}", c_.need.metric, plural_count(c_.samples(c_.need.metric).size(), "sample"))};
      for (const AdapterRule& rule : adapter_.rules(c_.need.external())) {
        if (evidence.size() < 6) evidence.push_back(rule_place(rule));
      }
      report_.broken("rule-matches-no-series", Link::adapter,
                     fmt::format("Prometheus has the series {}, but no rule of the adapter takes it", c_.need.metric), evidence,
                     fmt::format("Add a rule:\n- seriesQuery: '{}{{namespace!=\"\"}}'\n  resources: {{template: \"<<.Resource>>\"}}\n  metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)'\n{}",
                                 c_.need.metric, edit_rules()));
      return;
    }
    std::optional<std::string> near = text::nearest(c_.need.metric, {api_names.begin(), api_names.end()});
    if (near) return renamed_near(*near);
    report_.broken("metric-unknown", Link::adapter,
                   fmt::format("No rule of the adapter leads to {}, and Prometheus has no series of that name", c_.need.metric),
                   {fmt::format("{} of the adapter, {} names in Prometheus", plural_count(adapter_.rules(c_.need.external()).size(), "rule"), names.size())},
                   fmt::format("What there is: kubectl get --raw /apis/{}/{}", c_.need.api_group(), version_of(adapter_).empty() ? "v1beta1" : version_of(adapter_)));
  }

  std::string patch_metric(const std::string& name) const {
    std::string field = c_.need.type;
    field[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(field[0])));
    return fmt::format("kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/metrics/{}/{}/metric/name\",\"value\":\"{}\"}}]'", c_.hpa.name,
                       c_.hpa.space, c_.need.index, field, name);
  }

  void renamed(const AdapterRule& rule, const std::string& series, const std::string& name) {
    report_.set(Link::series, Mark::ok, series + " is there");
    report_.broken("metric-renamed", Link::adapter,
                   fmt::format("The HPA asks for {}, but {} gives that series the name {} in the API", c_.need.metric, rule.title(), name),
                   {fmt::format("{}: name.matches {:?}, name.as {:?}", rule_place(rule), rule.matches, rule.as)}, patch_metric(name));
  }
  void renamed_near(const std::string& near) {
    report_.broken("metric-renamed", Link::adapter, fmt::format("The adapter serves no metric {}; the nearest name is {}", c_.need.metric, near),
                   {fmt::format("{}: no rule leads to {}", where(), c_.need.metric)}, patch_metric(near), Certainty::likely);
  }

  // Do the labels of the series say which object a sample belongs to?
  void labels(const Candidate& candidate, const std::vector<Row>& rows) {
    const AdapterRule& rule = *candidate.rule;
    std::optional<std::string> object = label_for(rule, c_.need.resource), space = label_for(rule, {"", "namespaces"});
    bool only_cluster = std::any_of(rule.overrides.begin(), rule.overrides.end(), [](const auto& o) { return o.second.resource == "namespaces"; });
    std::string listed;
    for (const std::string& name : c_.listed_names()) {
      if (name.ends_with("/" + c_.need.metric)) listed += (listed.empty() ? "" : ", ") + name;
    }
    if (!space || (!object && only_cluster)) {
      std::string sentence = !space ? fmt::format("{} says no label for the namespace, so the metric cannot be asked for in one", rule.title())
                                    : fmt::format("{} ties the metric to namespaces only, so the API has it without a namespace (namespaced: false), and not for {}", rule.title(), c_.need.resource.text());
      report_.broken("rule-not-namespaced", Link::adapter, sentence,
                     {rule_place(rule) + ": resources " + resources_text(rule), "the API lists " + (listed.empty() ? "nothing of that name" : listed)},
                     fmt::format("resources:\n  overrides:\n    namespace: {{resource: namespace}}\n    {}: {{resource: {}}}\n{}", singular(c_.need.resource.resource), singular(c_.need.resource.resource), edit_rules()));
      return;
    }
    auto on_any = [&](const std::string& label) { return std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.labels.contains(label); }); };
    std::vector<std::string> missing;
    if (!object) missing.push_back("a label for " + c_.need.resource.text() + " (the rule names none)");
    else if (!on_any(*object)) missing.push_back("label " + *object);
    if (!on_any(*space)) missing.push_back("label " + *space);
    Json row = rows.front().labels;
    row.erase("__name__");
    if (!missing.empty()) {
      std::string alternatives;
      for (const std::string& other : {"exported_" + object.value_or(singular(c_.need.resource.resource)), singular(c_.need.resource.resource), c_.need.resource.resource,
                                       "kubernetes_" + singular(c_.need.resource.resource), "exported_" + *space}) {
        if (on_any(other) && other != object.value_or("")) alternatives = other;
      }
      report_.broken("rule-labels-mismatch", Link::adapter,
                     fmt::format("{} expects labels that the series {} does not have: {}", rule.title(), candidate.series, text::join(missing, " and ")),
                     {rule_place(rule) + ": resources " + resources_text(rule), fmt::format("Prometheus has {}{{{}}}", candidate.series, labels_text(row))},
                     (alternatives.empty() ? "" : "Name the label " + alternatives + " in resources.overrides:\n") + edit_rules());
      return;
    }
    std::vector<std::string> wanted = c_.object_names();
    std::vector<std::string> values;
    for (const Row& r : rows) {
      auto in = r.labels.find(*space), of = r.labels.find(*object);
      if (of == r.labels.end() || in == r.labels.end()) continue;
      if (in->second == c_.hpa.space && std::find(wanted.begin(), wanted.end(), of->second) != wanted.end()) return;
      if (values.size() < 5) values.push_back(in->second + "/" + of->second);
    }
    if (report_.broken_before(Link::adapter) || wanted.empty()) return;
    report_.broken("object-not-in-series", Link::adapter,
                   fmt::format("No sample of {} has {}={} in namespace {}; there are {}", candidate.series, *object, wanted.front(), c_.hpa.space, text::join(values, ", ")),
                   {fmt::format("Prometheus has {}{{{}}}", candidate.series, labels_text(row)), rule_place(rule) + ": resources " + resources_text(rule)},
                   c_.need.type == "Object" ? "Name an object that the samples are labelled with, or map another label in resources.overrides" : "Are these pods scraped? See the links before");
  }

  static std::string resources_text(const AdapterRule& rule) {
    std::vector<std::string> parts;
    if (!rule.resource_template.empty()) parts.push_back("template \"" + rule.resource_template + "\"");
    for (const auto& [label, resource] : rule.overrides) parts.push_back(label + "=" + resource.text());
    return text::join(parts, ", ");
  }

  // Several rules that yield one name: the last one wins.
  void overlap() {
    std::vector<const Candidate*> live;
    for (const Candidate& candidate : c_.candidates) {
      if (candidate.seen && label_for(*candidate.rule, c_.need.resource)) live.push_back(&candidate);
    }
    if (live.size() < 2) return;
    std::set<std::string> values;
    std::vector<std::string> evidence;
    for (const Candidate* candidate : live) {
      const Reading* result = c_.evaluation(*candidate);
      std::vector<Row> rows = result != nullptr ? rows_of(result->value) : std::vector<Row>{};
      std::string value = rows.empty() ? "nothing" : rows.front().value;
      values.insert(value);
      evidence.push_back(fmt::format("{}: {} gives {}", rule_place(*candidate->rule), candidate->series, value));
    }
    std::string sentence = fmt::format("{} rules lead to {} of {}; the last one wins", live.size(), c_.need.metric, c_.need.resource.text());
    std::string fix = "Make them exclusive, with seriesFilters or another name.as\n" + edit_rules();
    if (values.size() > 1) {
      report_.broken("rules-overlap", Link::adapter, sentence + ", and they give different values", evidence, fix);
    } else {
      report_.note("rules-overlap", Link::adapter, sentence, evidence, fix);
    }
  }

  bool config_older_than_pod() const {
    if (adapter_.config_reading == nullptr || adapter_.pods.empty()) return true;
    std::optional<WallTime> changed = parse_time(text_at(adapter_.config_reading->value, "metadata.hpawalkLastChange"));
    std::optional<WallTime> started;
    for (const Json& s : list_at(*adapter_.pods.front(), "status.containerStatuses")) {
      std::optional<WallTime> t = parse_time(text_at(s, "state.running.startedAt"));
      if (t && (!started || *t > *started)) started = t;
    }
    return !changed || !started || *changed <= *started;
  }

  void stale_config() {
    if (config_older_than_pod()) return;
    std::string changed = text_at(adapter_.config_reading->value, "metadata.hpawalkLastChange");
    std::string sentence = "The adapter's rules were changed after it started, and it reads them only once";
    std::vector<std::string> evidence = {seen(*adapter_.config_reading, "last changed " + changed),
                                         fmt::format("pod {}: started before that", full_name(*adapter_.pods.front()))};
    const Reading* probe = c_.probe();
    bool served = c_.registered() == true && (probe == nullptr || probe->read());
    if (served || report_.has("adapter-relist-aborted")) {
      report_.note("adapter-config-stale", Link::adapter, sentence, evidence, restart());
    } else if (report_.mark(Link::adapter) != Mark::broken) {
      report_.broken("adapter-config-stale", Link::adapter, sentence, evidence, restart());
    }
  }

  std::optional<Duration> scrape_interval() const {
    const Reading* targets = c_.prometheus_reading("targets");
    if (targets == nullptr || !targets->read()) return std::nullopt;
    std::vector<Row> rows = c_.samples(c_.expected_series());
    if (rows.empty()) return std::nullopt;
    auto job = rows.front().labels.find("job");
    for (const Json& target : targets->value) {
      if (job != rows.front().labels.end() && text_at(at(target, "labels"), "job") == job->second) return parse_duration(text_at(target, "interval"));
    }
    return std::nullopt;
  }

  void ages() {
    std::optional<Duration> interval = scrape_interval();
    if (interval && adapter_.max_age && *adapter_.max_age < *interval) {
      report_.broken("adapter-max-age", Link::adapter,
                     fmt::format("The adapter forgets series that are older than {}, but this one is scraped only every {}, so the metric comes and goes", text::duration(*adapter_.max_age), text::duration(*interval)),
                     {fmt::format("Deployment {}/{}: --metrics-max-age is {} (--metrics-relist-interval {})", adapter_.space, deployment(), text::duration(*adapter_.max_age), text::duration(adapter_.relist.value_or(Duration(0)))),
                      "Prometheus's target: scrape interval " + text::duration(*interval)},
                     fmt::format("Set --metrics-max-age to at least {} (twice the interval is better):\nkubectl edit deployment {} -n {}", text::duration(*interval), deployment(), adapter_.space));
    }
  }

  // The series is there, the rule takes it, the adapter reaches Prometheus: and yet it is not listed.
  void not_listed() {
    Duration relist = adapter_.relist.value_or(std::chrono::minutes(10));
    report_.broken("adapter-max-age", Link::adapter,
                   fmt::format("The adapter lists new series only every {}, and has not seen this one yet", text::duration(relist)),
                   {fmt::format("{}: --metrics-relist-interval is {}", where(), text::duration(relist)), "the API does not list " + c_.need.resource.text() + "/" + c_.need.metric},
                   fmt::format("Wait, or shorten --metrics-relist-interval (the chart: metricsRelistInterval):\nkubectl edit deployment {} -n {}", deployment(), adapter_.space), Certainty::likely);
  }

  const Context& c_;
  const Adapter& adapter_;
  Report& report_;
};

}  // namespace

void judge_adapter(const Context& c, Report& report) { AdapterRules(c, report).judge(); }

}  // namespace hpawalk
