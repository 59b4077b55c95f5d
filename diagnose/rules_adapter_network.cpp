// NetworkPolicies between the adapter and Prometheus.
#include <algorithm>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_network_policy = {
    .id = "adapter-network-policy",
    .link = Link::adapter,
    .symptom = "The adapter's log: i/o timeout",
    .reason = "A NetworkPolicy on Prometheus's pods denies ingress from the adapter",
    .detection = "The log, and the policies that select Prometheus's and the adapter's pods",
    .fix = "Allow the traffic"};

namespace {

// Does one of the peers of a policy's rule ("from" or "to") stand for these pods? No peers: everybody.
bool lets(const Context& c, const Json& peers, const std::string& policy_space, const std::string& space,
          const std::vector<const Json*>& pods) {
  if (peers.empty()) return true;
  return std::any_of(peers.begin(), peers.end(), [&](const Json& peer) {
    if (!at(peer, "ipBlock").is_null()) return false;
    const Json& by_space = at(peer, "namespaceSelector");
    const Json& by_pod = at(peer, "podSelector");
    bool space_fits =
        by_space.is_null() ? space == policy_space : matches(by_space, namespace_labels(c.facts, space));
    bool pod_fits =
        by_pod.is_null() || (!pods.empty() && matches(by_pod, at(*pods.front(), "metadata.labels")));
    return space_fits && pod_fits;
  });
}

// The first policy of `space` that isolates `pods`, when none of its policies lets through what they need.
std::optional<std::string> isolating(const Context& c, const std::string& space,
                                     const std::vector<const Json*>& pods, bool ingress,
                                     const std::string& other_space, const std::vector<const Json*>& others) {
  std::optional<std::string> first;
  for (const Json* policy : c.facts.items("networkpolicies", space)) {
    const Json& spec = at(*policy, "spec");
    std::vector<std::string> types = text_list(list_at(spec, "policyTypes"));
    bool of_type = std::find(types.begin(), types.end(), ingress ? "Ingress" : "Egress") != types.end();
    if (types.empty()) of_type = ingress || !list_at(spec, "egress").empty();
    bool selects = std::any_of(pods.begin(), pods.end(), [&](const Json* p) {
      return matches(at(spec, "podSelector"), at(*p, "metadata.labels"));
    });
    if (!of_type || !selects) continue;
    if (!first) first = full_name(*policy);
    for (const Json& rule : list_at(spec, ingress ? "ingress" : "egress")) {
      if (lets(c, list_at(rule, ingress ? "from" : "to"), space, other_space, others)) return std::nullopt;
    }
  }
  return first;
}

// A policy more: policies only ever add to what may pass.
Fix let_through(const Context& c, bool ingress) {
  const Json& prometheus = at(*c.prometheus.service, "spec.selector");
  const Json& adapter = c.adapter.service == nullptr ? Json() : at(*c.adapter.service, "spec.selector");
  const std::string &from = c.adapter.space, &to = c.adapter.url_space;
  std::string says =
      ingress
          ? fmt::format("Allow ingress from the adapter's pods of namespace {} to Prometheus's pods", from)
          : fmt::format("Allow egress from the adapter's pods to Prometheus's pods of namespace {}", to);
  // A selector that names nothing would mean all pods.
  if (!prometheus.is_object() || prometheus.empty() || !adapter.is_object() || adapter.empty())
    return advice(says);
  Json peer = {
      {"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", ingress ? from : to}}}}},
      {"podSelector", {{"matchLabels", ingress ? adapter : prometheus}}}};
  ObjectRef ref = {"networkpolicy", ingress ? to : from, ingress ? "allow-adapter" : "allow-prometheus"};
  for (const Json* there : c.facts.items("networkpolicies", ref.space)) {
    if (name_of(*there) == ref.name) return advice(says, look_at("get", ref));
  }
  Json rule = {{ingress ? "from" : "to", Json::array({peer})}};
  Json spec = {{"podSelector", {{"matchLabels", ingress ? prometheus : adapter}}},
               {"policyTypes", Json::array({ingress ? "Ingress" : "Egress"})},
               {ingress ? "ingress" : "egress", Json::array({rule})}};
  return create(ref,
                {{"apiVersion", "networking.k8s.io/v1"},
                 {"kind", "NetworkPolicy"},
                 {"metadata", {{"name", ref.name}, {"namespace", ref.space}}},
                 {"spec", spec}},
                says)
      .value_or(advice(says));
}

}  // namespace

bool policy_broken(const Context& c, Report& report, std::vector<std::string> evidence) {
  const Adapter& adapter = c.adapter;
  const std::vector<const Json*>& prometheus = c.prometheus.pods;
  if (c.prometheus.service == nullptr) return false;
  std::optional<std::string> policy =
      isolating(c, adapter.url_space, prometheus, true, adapter.space, adapter.pods);
  bool ingress = policy.has_value();
  if (!policy) policy = isolating(c, adapter.space, adapter.pods, false, adapter.url_space, prometheus);
  if (!policy) return false;
  evidence.push_back(
      ingress
          ? fmt::format("NetworkPolicy {} selects Prometheus's pods, and no policy allows ingress from the "
                        "adapter in namespace {}",
                        *policy, adapter.space)
          : fmt::format(
                "NetworkPolicy {} selects the adapter's pods, and no policy allows egress to namespace {}",
                *policy, adapter.url_space));
  report.broken(cause::adapter_network_policy,
                fmt::format("NetworkPolicy {} blocks traffic from the adapter to Prometheus", *policy),
                std::move(evidence), let_through(c, ingress));
  return true;
}

}  // namespace hpawalk::diagnose
