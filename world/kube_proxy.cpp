#include "world/kube_proxy.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstring>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "world/pod_account.hpp"
#include "world/proxy_folder.hpp"

namespace hpawalk::world {
namespace {

using namespace std::chrono_literals;

// The socket's file is there a moment before anybody listens on it.
bool listens(const fs::path& socket_file) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = socket_file.string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

class ProxyKubeApi final : public KubeApi {
 public:
  ProxyKubeApi(World& world, std::unique_ptr<ProxyFolder> folder, std::unique_ptr<Child> child,
               Waiting waiting)
      : world_(world), folder_(std::move(folder)), child_(std::move(child)), waiting_(std::move(waiting)) {}

  Result<HttpResponse> send(const KubeRequest& request) override {
    HttpRequest http{request.method, url(request.path),       socket(), request.headers, request.body,
                     request.limit,  request.even_interrupted};
    if (!http.body.empty()) http.headers.try_emplace("Content-Type", "application/json");
    return send_patiently(world_.clock, request, waiting_, [&](int attempt) {
      http.attempt = attempt;
      return explained(request, world_.http.send(http));
    });
  }

  Result<HttpResponse> stream(const std::string& path,
                              const std::function<bool(std::string_view line)>& on_line) override {
    return explained(KubeRequest{"GET", path},
                     world_.http.stream(HttpRequest{"GET", url(path), socket(), {}, {}, 0ms}, on_line));
  }

 private:
  static std::string url(const std::string& path) { return "http://localhost" + path; }
  std::string socket() const { return folder_->socket().string(); }

  // Not the socket of our own child, which is all that the HTTP client knows of: what is behind it, or why
  // the child ended.
  Result<HttpResponse> explained(const KubeRequest& request, Result<HttpResponse> response) {
    if (response) return response;
    if (response.error().kind == ErrorClass::interrupted) return interrupted("waiting for the API server");
    if (child_->running()) return failure(kube_silence(request, response.error()));
    Result<std::string> log = world_.files.read(folder_->log());
    return failure(ErrorClass::environment, "kube-proxy-ended", "kubectl proxy ended",
                   log ? text::redact(text::last_lines(*log, 3)) : std::string());
  }

  World& world_;
  std::unique_ptr<ProxyFolder> folder_;
  std::unique_ptr<Child> child_;  // ends before its folder goes
  Waiting waiting_;
};

// Where hpawalk's own pod reaches the API server; nothing: kubectl is to find the cluster.
std::optional<std::string> own_api_server(World& world, const KubeTarget& target) {
  if (!target.kubeconfig.empty() || !target.context.empty()) return std::nullopt;
  return api_server_of_pod(world.environment, world.files);
}

}  // namespace

std::vector<std::string> kubectl_line(const KubeTarget& target, std::vector<std::string> arguments) {
  std::vector<std::string> line = {target.kubectl};
  if (!target.kubeconfig.empty()) line.push_back("--kubeconfig=" + target.kubeconfig);
  if (!target.context.empty()) line.push_back("--context=" + target.context);
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

Result<std::string> current_namespace(World& world, const KubeTarget& target) {
  if (own_api_server(world, target)) {
    Result<std::string> own = world.files.read(fs::path(account_folder) / "namespace");
    return own ? std::string(text::trim(*own)) : "default";
  }
  Command command{kubectl_line(target, {"config", "view", "--minify", "-o", "jsonpath={..namespace}"})};
  Result<std::string> space =
      run_checked(world.processes, command, "kubeconfig", "kubectl cannot use this kubeconfig or context");
  if (!space) {
    Error error = space.error();
    error.kind = ErrorClass::environment;
    return failure(std::move(error));
  }
  std::string name(text::trim(*space));
  return name.empty() ? "default" : name;
}

Result<std::unique_ptr<KubeApi>> connect(World& world, const KubeTarget& target, Waiting waiting) {
  if (std::optional<std::string> own = own_api_server(world, target))
    return connect_in_pod(world, *std::move(own), std::move(waiting));
  Result<std::unique_ptr<ProxyFolder>> made = ProxyFolder::make(proxy_folders(world.environment));
  if (!made) return failure(made.error());
  std::unique_ptr<ProxyFolder> folder = *std::move(made);
  Command command{kubectl_line(target, {"proxy", "--unix-socket=" + folder->socket().string()})};
  auto child = world.processes.start(command, folder->log());
  if (!child) return failure(child.error());

  // A login by a plugin, or a machine under load, can take its time.
  TimePoint start = world.clock.now();
  bool told = !waiting;
  Status listening =
      wait_until(world.clock, {60s, 3ms}, "waiting for kubectl proxy", [&]() -> Result<StillWaiting> {
        if (listens(folder->socket())) return StillWaiting{};
        if (!told && world.clock.now() - start > 1s) {
          waiting("kubectl proxy, which hpawalk uses to reach the cluster, is not listening yet");
          told = true;
        }
        if ((*child)->running()) return StillWaiting("kubectl proxy is not listening yet");
        Result<std::string> log = world.files.read(folder->log());
        Error error{ErrorClass::environment,
                    "kubeconfig",
                    "kubectl cannot use this kubeconfig or context",
                    log ? text::redact(std::string(text::trim(text::last_lines(*log, 3)))) : std::string(),
                    "kubectl config get-contexts   lists the contexts",
                    text::shell_quote(command.argv),
                    {}};
        return failure(std::move(error));
      });
  if (!listening) {
    Error error = listening.error();
    if (error.is("timeout")) error.kind = ErrorClass::environment;  // nothing was asked of the cluster yet
    return failure(std::move(error));
  }
  return std::make_unique<ProxyKubeApi>(world, std::move(folder), std::move(*child), std::move(waiting));
}

}  // namespace hpawalk::world
