// What a trigger of KEDA's authenticates with. KEDA does not say that a TriggerAuthentication, its Secret or
// a key is missing: it goes on with an empty value, and either it or the source refuses that.
//
// Source: KEDA 2.21, pkg/scaling/resolver/scale_resolvers.go (resolveAuthRef),
// pkg/scalers/authentication/authentication_types.go (Validate), pkg/scalers/prometheus_scaler.go.
#include <algorithm>

#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::keda_auth_missing = {
    .id = "keda-auth-missing",
    .link = Link::adapter,
    .symptom = "bearer token=<empty> is required when bearer auth is enabled; status: 401",
    .reason =
        "The trigger names a TriggerAuthentication that does not exist, or none at all. KEDA then goes on "
        "without credentials",
    .detection = "authenticationRef against the TriggerAuthentications",
    .fix = "Create the TriggerAuthentication, or correct authenticationRef",
    .also_when_served = true};

const Cause cause::keda_auth_secret = {
    .id = "keda-auth-secret",
    .link = Link::adapter,
    .symptom = "bearer token=<empty> is required when bearer auth is enabled; status: 401",
    .reason = "The TriggerAuthentication reads a Secret that does not exist",
    .detection = "The Secret's metadata, if hpawalk is permitted to read them; KEDA's own text",
    .fix = "Create the Secret, or correct secretTargetRef",
    .also_when_served = true};

const Cause cause::keda_auth_key = {
    .id = "keda-auth-key",
    .link = Link::adapter,
    .symptom = "bearer token=<empty> is required when bearer auth is enabled; status: 401",
    .reason = "The TriggerAuthentication reads a key that the Secret does not have",
    .detection = "The names of the Secret's keys in its managed fields; no value is read",
    .fix = "Add the key, or correct secretTargetRef",
    .also_when_served = true};

const Cause cause::keda_login_rejected = {
    .id = "keda-login-rejected",
    .link = Link::adapter,
    .symptom = "KEDA's log: prometheus query api returned error. status: 401 (or 403)",
    .reason = "The source requires credentials that the trigger does not send",
    .detection = "The operator's log, and the trigger's authentication",
    .fix = "authModes, and an authenticationRef with what the source requires",
    .also_when_served = true};

const Cause cause::keda_tenant_header = {
    .id = "keda-tenant-header",
    .link = Link::adapter,
    .symptom = "KEDA's log: status: 401; Mimir, Loki or Cortex says: no org id",
    .reason = "The server has several tenants, and the trigger does not say which one it asks",
    .detection = "The server's own response to hpawalk, and customHeaders",
    .fix = "customHeaders: X-Scope-OrgID=TENANT",
    .also_when_served = true};

const Cause cause::keda_pod_identity = {
    .id = "keda-pod-identity",
    .link = Link::adapter,
    .symptom = "KEDA's log: status: 401, from an Azure Monitor workspace",
    .reason =
        "The query endpoint of an Azure Monitor workspace requires a token of Entra ID, which KEDA sends "
        "only "
        "with a TriggerAuthentication whose podIdentity.provider is azure-workload",
    .detection = "The host of serverAddress, and the trigger's TriggerAuthentication",
    .fix = "A TriggerAuthentication with podIdentity.provider: azure-workload",
    .also_when_served = true};

namespace {

bool rejected(std::string_view text) {
  return has(text, "status: 401") || has(text, "status: 403");
}
bool wants_credentials(std::string_view text) {
  // "bearer token=<empty> is required when bearer auth is enabled", of which the facts keep no token.
  return (has(text, " required when ") && has(text, " is enabled")) || rejected(text);
}

struct Login {
  const Context& c;
  Report& report;
  const Json& scaled_object;
  const Json& trigger;
  const Authentication& auth;
  std::vector<std::string> evidence;

  std::string trigger_title() const {
    return fmt::format("{}: trigger {}", scaled_object_title(scaled_object), text_at(trigger, "type"));
  }
};

// Because of what is missing, or because it could not be seen whether that is so.
bool missing_secret(const Login& l) {
  for (const SecretKey& wanted : l.auth.secrets) {
    const std::string secret = wanted.space + "/" + wanted.name;
    const Reading* read = l.c.facts.find(object_key("secrets", wanted.space, wanted.name));
    std::vector<std::string> evidence = l.evidence;
    evidence.push_back(fmt::format("{}: secretTargetRef names key {} of Secret {} for the parameter {}",
                                   l.auth.ref, wanted.key, secret, wanted.parameter));
    if (read != nullptr && read->absent()) {
      l.report.broken(cause::keda_auth_secret,
                      fmt::format("Secret {} not found, from which {} takes the trigger's credentials",
                                  secret, l.auth.ref),
                      std::move(evidence),
                      advice(fmt::format("Create Secret {} with the key {}, or correct secretTargetRef",
                                         secret, wanted.key),
                             look_for("secrets", wanted.space)));
      return true;
    }
    const Json& keys =
        read != nullptr && read->read() ? list_at(read->value, "metadata.hpawalkKeys") : Json();
    if (!keys.is_array() || keys.empty() ||
        std::find(keys.begin(), keys.end(), Json(wanted.key)) != keys.end())
      continue;
    std::vector<std::string> names = text_list(keys);
    evidence.push_back(fmt::format("Secret {}: the keys {}", secret, text::join(names, ", ")));
    l.report.broken(
        cause::keda_auth_key,
        fmt::format("Secret {} has no key {}, from which {} takes the trigger's credentials", secret,
                    wanted.key, l.auth.ref),
        std::move(evidence),
        advice(fmt::format("Add the key {} to Secret {}, or correct secretTargetRef", wanted.key, secret),
               look_at("describe", {"secret", wanted.space, wanted.name})),
        Certainty::likely);
    return true;
  }
  return false;
}

// KEDA read an empty value, and what hpawalk can see does not say from where.
void empty_value(const Login& l, const Said& said) {
  std::vector<std::string> evidence = l.evidence;
  for (const SecretKey& wanted : l.auth.secrets) {
    const Reading* read = l.c.facts.find(object_key("secrets", wanted.space, wanted.name));
    if (read == nullptr || !read->read())
      evidence.push_back(fmt::format("Secret {}/{}: {}", wanted.space, wanted.name, why_unread(read)));
  }
  l.report.broken(
      cause::keda_auth_secret, fmt::format("KEDA gets an empty value from {}: {}", l.auth.ref, said.text),
      std::move(evidence),
      advice("Make sure that each Secret of secretTargetRef exists, and that its key is not empty",
             look_at("describe", ref_of(l.auth.kind == "ClusterTriggerAuthentication"
                                            ? "clustertriggerauthentications.keda.sh"
                                            : "triggerauthentications.keda.sh",
                                        *l.auth.object))),
      Certainty::likely);
}

void no_credentials(const Login& l, const Said& said) {
  const std::string headers = text_at(l.trigger, "metadata.customHeaders");
  std::vector<std::string> evidence = l.evidence;
  std::optional<PrometheusTrigger> prometheus = prometheus_trigger(l.c.facts, l.c.hpa, l.c.need);
  const Reading* own = prometheus && follows(l.c, *prometheus)
                           ? l.c.facts.find(eval_key(l.c.prometheus.address->key(), prometheus->query))
                           : nullptr;
  const bool tenants = own != nullptr && own->refused() && has(own->error, "no org id");
  if (tenants && !has(headers, "X-Scope-OrgID")) {
    evidence.push_back(seen(*own, own->error));
    l.report.broken(
        cause::keda_tenant_header,
        "The server has several tenants (no org id), and the trigger sends no header X-Scope-OrgID",
        std::move(evidence),
        look_at_scaled_object(
            l.scaled_object,
            "Name the tenant in the trigger's metadata: customHeaders: X-Scope-OrgID=TENANT"));
    return;
  }
  const bool azure = prometheus && has(prometheus->url, ".prometheus.monitor.azure.com");
  if (azure && l.auth.identity != "azure-workload") {
    evidence.push_back(fmt::format("{}: serverAddress {}", l.trigger_title(), prometheus->url));
    l.report.broken(
        cause::keda_pod_identity,
        "The Azure Monitor workspace requires a token, and the trigger has no workload identity",
        std::move(evidence),
        look_at_scaled_object(l.scaled_object,
                              "Name a TriggerAuthentication with podIdentity.provider: azure-workload "
                              "in authenticationRef; KEDA's identity needs the role Monitoring Data "
                              "Reader on the workspace"));
    return;
  }
  evidence.push_back(
      fmt::format("{}: {}, authModes {}", l.trigger_title(),
                  l.auth.name.empty() ? "no authenticationRef" : "authenticationRef " + l.auth.ref,
                  text_at(l.trigger, "metadata.authModes", "not set")));
  l.report.broken(
      cause::keda_login_rejected, fmt::format("The source rejects the trigger's credentials: {}", said.text),
      std::move(evidence),
      look_at_scaled_object(l.scaled_object,
                            "Set authModes and an authenticationRef with the credentials that the "
                            "source requires"),
      own != nullptr && says_nothing(*own) ? Certainty::likely : Certainty::certain);
}

}  // namespace

bool judge_login(const Context& c, Report& report, const Json& scaled_object,
                 const std::optional<Said>& said) {
  const Json* trigger = trigger_of(scaled_object, c.need.metric);
  if (trigger == nullptr) return false;
  const Authentication auth = authentication_of(c.facts, scaled_object, *trigger, c.adapter.space);
  Login login{c, report, scaled_object, *trigger, auth, {}};
  const bool wanted = said && wants_credentials(said->text);
  if (wanted) login.evidence.push_back(said->evidence);
  const bool gone =
      !auth.name.empty() && auth.object == nullptr && auth.listed != nullptr && auth.listed->read();
  if (gone) {
    login.evidence.push_back(fmt::format("{}: authenticationRef names {}", login.trigger_title(), auth.ref));
    login.evidence.push_back(seen(*auth.listed, "no " + auth.name));
    const std::string sentence =
        auth.ref + " not found, which the trigger names: KEDA goes on without credentials";
    Fix fix = look_at_scaled_object(scaled_object,
                                    fmt::format("Create {}, or correct authenticationRef", auth.ref));
    if (wanted)
      report.broken(cause::keda_auth_missing, sentence, login.evidence, std::move(fix));
    else
      report.note(cause::keda_auth_missing, sentence, login.evidence, std::move(fix));
    return wanted;
  }
  if (!wanted) return false;
  if (auth.name.empty() && !rejected(said->text)) {
    report.broken(cause::keda_auth_missing,
                  fmt::format("The trigger has authModes {}, and no authenticationRef: {}",
                              text_at(*trigger, "metadata.authModes"), said->text),
                  login.evidence,
                  look_at_scaled_object(scaled_object, "Name a TriggerAuthentication in authenticationRef"));
    return true;
  }
  if (auth.object != nullptr && missing_secret(login)) return true;
  if (auth.object != nullptr && !rejected(said->text)) {
    empty_value(login, *said);
  } else if (!rejected(said->text)) {
    login.evidence.push_back(fmt::format("{}: {}", auth.ref, why_unread(auth.listed)));
    report.broken(cause::keda_auth_missing,
                  fmt::format("KEDA has no credentials for the trigger: {}", said->text), login.evidence,
                  look_at_scaled_object(
                      scaled_object,
                      fmt::format("Make sure that {} exists, and that its Secret has the key", auth.ref)),
                  Certainty::likely);
  } else {
    no_credentials(login, *said);
  }
  return true;
}

}  // namespace hpawalk::diagnose
