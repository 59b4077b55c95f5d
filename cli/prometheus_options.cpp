#include "cli/prometheus_options.hpp"

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/azure.hpp"

namespace hpawalk::cli {

namespace {

constexpr std::string_view blanks = " \t\r\n";

auto wrong(const std::string& what, const std::string& hint) {
  return failure(ErrorClass::usage, "prometheus-login", what, {}, hint);
}

bool is_url(const std::string& where) {
  return where.starts_with("http://") || where.starts_with("https://");
}

bool same_header(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// RFC 9110, a token. The value is not in the error: it is a secret.
Status take_header(const std::string& header, std::map<std::string, std::string>& headers) {
  constexpr std::string_view signs = "!#$%&'*+-.^_`|~";
  size_t colon = std::min(header.find(':'), header.size());
  std::string name = header.substr(0, colon);
  bool fits = !name.empty() && colon < header.size() && std::all_of(name.begin(), name.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || signs.find(c) != std::string_view::npos;
  });
  std::string value = fits ? std::string(text::trim(header.substr(colon + 1))) : std::string();
  if (!fits || value.empty() || value.find_first_of("\r\n") != std::string::npos)
    return wrong("A --prometheus-header is not in the form NAME: VALUE",
                 "For example --prometheus-header 'X-Scope-OrgID: shop'");
  headers[name] = value;
  return {};
}

Result<std::string> token_in(world::Files& files, const std::string& file) {
  Result<std::string> content = files.read(file);
  if (!content) return failure(content.error());
  std::string token(text::trim(*content));
  if (!token.empty() && token.find_first_of(blanks) == std::string::npos) return token;
  return failure(ErrorClass::environment, "prometheus-login",
                 "The file of --prometheus-token-file does not contain a token",
                 fmt::format("{} {}", file, token.empty() ? "is empty" : "contains more than one word"),
                 "The file must contain the token and nothing else");
}

// az is asked once: its tokens are valid for an hour, which is longer than any command asks Prometheus.
std::function<Result<std::string>()> token_of_az(world::World& world) {
  struct Asked {
    std::mutex mutex;
    std::optional<Result<std::string>> token;
  };
  return [&world, asked = std::make_shared<Asked>()]() -> Result<std::string> {
    std::lock_guard lock(asked->mutex);
    if (!asked->token) {
      const std::string what = "Cannot get a token for the Azure Monitor workspace";
      asked->token = cluster::run_az(world, cluster::AzLine::prometheus_token, {}, what);
      if (*asked->token) asked->token = std::string(text::trim(**asked->token));
    }
    return *asked->token;
  };
}

}  // namespace

void add_prometheus_options(CLI::App& command, PrometheusOptions& o, const std::string& group) {
  auto add = [&](const char* name, auto& value, const char* help, const char* type) {
    CLI::Option* option = command.add_option(name, value, help)->type_name(type);
    if (!group.empty()) option->group(group);
    return option;
  };
  add("--prometheus-header", o.headers, "A header that Prometheus's URL requires; repeatable", "NAME: VALUE")
      ->allow_extra_args(false);
  add("--prometheus-token-file", o.token_file,
      "A file with the bearer token that Prometheus's URL requires, read at each request (default for an "
      "Azure "
      "Monitor workspace: a token of az)",
      "FILE");
  auto* certificate = add("--prometheus-client-certificate", o.client_certificate,
                          "A PEM file with the client certificate that Prometheus's URL requires", "FILE");
  add("--prometheus-client-key", o.client_key, "Its key; default: in the certificate's file", "FILE")
      ->needs(certificate);
  add("--prometheus-ca", o.ca, "A PEM file with the certificates that the URL's certificate may be from",
      "FILE");
}

Result<world::PrometheusLogin> prometheus_login(world::World& world, const PrometheusOptions& o,
                                                const std::string& where) {
  bool any = !o.headers.empty();
  for (const std::string* file : {&o.token_file, &o.client_certificate, &o.client_key, &o.ca})
    any |= !file->empty();
  if (!is_url(where)) {
    if (!any) return world::PrometheusLogin{};
    return wrong("Prometheus's credentials require a URL", "--prometheus URL says where they are sent");
  }
  world::PrometheusLogin login;
  login.client_certificate = o.client_certificate;
  login.client_key = o.client_key;
  login.ca = o.ca;
  for (const std::string& header : o.headers) {
    if (Status taken = take_header(header, login.headers); !taken) return failure(taken.error());
  }
  bool authorized = std::any_of(login.headers.begin(), login.headers.end(), [](const auto& header) {
    return same_header(header.first, "Authorization");
  });
  if (authorized && !o.token_file.empty())
    return wrong("--prometheus-token-file and a header Authorization are both given",
                 "Give only one of them");
  if (!o.token_file.empty()) {
    login.token = [&files = world.files, file = o.token_file] { return token_in(files, file); };
  } else if (!authorized && world::is_azure_monitor_url(where)) {
    login.token = token_of_az(world);
  }
  login.when_refused =
      world::is_azure_monitor_url(where)
          ? "The login of az needs the role Monitoring Data Reader on the Azure Monitor workspace; "
            "--prometheus-token-file FILE gives the token of another one"
          : "--prometheus-token-file FILE, --prometheus-header 'NAME: VALUE' and "
            "--prometheus-client-certificate FILE give credentials";
  return login;
}

}  // namespace hpawalk::cli
