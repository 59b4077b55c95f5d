#include "world/pod_account.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::world {
namespace {

using namespace std::chrono_literals;

const fs::path token_file = fs::path(account_folder) / "token";
const fs::path ca_file = fs::path(account_folder) / "ca.crt";

std::string variable(const Environment& environment, const char* name) {
  auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

class PodKubeApi final : public KubeApi {
 public:
  PodKubeApi(World& world, std::string api_server, Waiting waiting)
      : world_(world), api_server_(std::move(api_server)), waiting_(std::move(waiting)) {}

  Result<HttpResponse> send(const KubeRequest& request) override {
    return send_patiently(world_.clock, request, waiting_, [&](int attempt) -> Result<HttpResponse> {
      Result<HttpRequest> http = prepared(request);
      if (!http) return failure(http.error());
      http->attempt = attempt;
      return explained(request, world_.http.send(*http));
    });
  }

  Result<HttpResponse> stream(const std::string& path,
                              const std::function<bool(std::string_view line)>& on_line) override {
    KubeRequest request{"GET", path};
    request.limit = 0ms;
    Result<HttpRequest> http = prepared(request);
    if (!http) return failure(http.error());
    return explained(request, world_.http.stream(*http, on_line));
  }

 private:
  Result<HttpRequest> prepared(const KubeRequest& request) {
    Result<std::string> token = world_.files.read(token_file);
    if (!token) {
      return failure(ErrorClass::environment, "kube-unauthorized", "The pod's service account has no token",
                     token.error().because, "Set automountServiceAccountToken: true in the pod");
    }
    HttpRequest http{request.method, api_server_ + request.path, {}, request.headers, request.body,
                     request.limit,  request.even_interrupted};
    http.headers["Authorization"] = "Bearer " + std::string(text::trim(*token));
    if (!http.body.empty()) http.headers.try_emplace("Content-Type", "application/json");
    http.ca = ca_file.string();
    return http;
  }

  static Result<HttpResponse> explained(const KubeRequest& request, Result<HttpResponse> response) {
    if (response) return response;
    if (response.error().kind == ErrorClass::interrupted) return interrupted("waiting for the API server");
    return failure(kube_silence(request, response.error()));
  }

  World& world_;
  std::string api_server_;
  Waiting waiting_;
};

}  // namespace

std::optional<std::string> api_server_of_pod(const Environment& environment, Files& files) {
  std::string host = variable(environment, "KUBERNETES_SERVICE_HOST"),
              port = variable(environment, "KUBERNETES_SERVICE_PORT"), home = variable(environment, "HOME");
  if (host.empty() || port.empty() || !files.exists(token_file)) return std::nullopt;
  bool kubeconfig = !variable(environment, "KUBECONFIG").empty() ||
                    (!home.empty() && files.exists(fs::path(home) / ".kube" / "config"));
  if (kubeconfig) return std::nullopt;
  bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("https://[{}]:{}", host, port) : fmt::format("https://{}:{}", host, port);
}

std::unique_ptr<KubeApi> connect_in_pod(World& world, std::string api_server, Waiting waiting) {
  return std::make_unique<PodKubeApi>(world, std::move(api_server), std::move(waiting));
}

}  // namespace hpawalk::world
