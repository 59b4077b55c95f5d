#include "migrate/parts.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace hpawalk::migrate {

using hpasim::Document;

std::string_view name_of(Side side) {
  return side == Side::keda ? "keda" : "adapter";
}

Document document_of(const Json& json) {
  return Document::parse(json_text(json));
}

Document own_marks(const Json& marks) {
  static constexpr std::array<std::string_view, 11> theirs = {
      "kubectl.kubernetes.io/",  "autoscaling.alpha.kubernetes.io/",
      "meta.helm.sh/",           "helm.sh/",
      "argocd.argoproj.io/",     "kustomize.toolkit.fluxcd.io/",
      "helm.toolkit.fluxcd.io/", "scaledobject.keda.sh/",
      "autoscaling.keda.sh/",    "app.kubernetes.io/instance",
      "validations.keda.sh/"};
  Document own = Document::object();
  if (!marks.is_object()) return own;
  for (const auto& [key, value] : marks.items()) {
    const bool foreign = std::any_of(theirs.begin(), theirs.end(), [&name = key](std::string_view start) {
      return name.starts_with(start);
    });
    const bool manager = key == "app.kubernetes.io/managed-by" && value != "hpawalk";
    if (!foreign && !manager && value.is_string()) own[key] = value.get<std::string>();
  }
  return own;
}

std::string kept_by(const Json& object) {
  auto marked = [&](const char* where, const char* name) {
    return !at(object, std::vector<std::string>{"metadata", where, name}).is_null();
  };
  if (marked("annotations", "argocd.argoproj.io/tracking-id") ||
      marked("labels", "argocd.argoproj.io/instance"))
    return "Argo CD";
  for (const char* label : {"kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"}) {
    if (marked("labels", label)) return "Flux";
  }
  return {};
}

std::string release_of(const Json& object) {
  const Json& name = at(object, {"metadata", "annotations", "meta.helm.sh/release-name"});
  return name.is_string() ? name.get<std::string>() : std::string();
}

std::string decimal(std::int64_t milli) {
  std::string text =
      fmt::format("{}{}.{:03}", milli < 0 ? "-" : "", std::abs(milli / 1000), std::abs(milli % 1000));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::vector<std::string> login_flags(const diagnose::Adapter& adapter) {
  std::vector<std::string> found;
  for (const std::string& argument : adapter.args) {
    for (const char* flag :
         {"--prometheus-auth-incluster", "--prometheus-auth-config", "--prometheus-ca-file",
          "--prometheus-client-tls-cert-file", "--prometheus-token-file"}) {
      const bool named = argument == flag || argument.starts_with(std::string(flag) + "=");
      if (named && !argument.ends_with("=false") && !argument.ends_with('=')) found.emplace_back(flag);
    }
  }
  return found;
}

std::string server_address(const diagnose::Adapter& adapter) {
  std::string url = adapter.prometheus_url;
  while (url.ends_with('/')) url.pop_back();
  const bool relative = adapter.url_in_cluster && adapter.url_host.find('.') == std::string::npos;
  if (!relative) return url;
  return fmt::format("{}://{}.{}.svc:{}{}", adapter.url_scheme, adapter.url_service, adapter.url_space,
                     adapter.url_port, adapter.url_prefix);
}

std::string config_place(const diagnose::Adapter& adapter) {
  return adapter.config_map.empty() ? std::string("the adapter's configuration")
                                    : fmt::format("ConfigMap {} in namespace {}, key {}", adapter.config_map,
                                                  adapter.space, adapter.config_key);
}

}  // namespace hpawalk::migrate
