#include "cluster/local/containerd.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/local/published.hpp"

namespace hpawalk::local {

std::string containerd_config(const fs::path& root, const fs::path& state, const fs::path& socket) {
  // restrict_oom_score_adj: without CAP_SYS_RESOURCE a lower score cannot be written, and runc fails on it.
  return fmt::format(R"(version = 2
root = "{root}"
state = "{state}"

[grpc]
  address = "{socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
)",
                     fmt::arg("root", root.string()), fmt::arg("state", state.string()),
                     fmt::arg("socket", socket.string()), fmt::arg("pause", version::pause));
}

Result<std::unique_ptr<Containerd>> Containerd::start(world::World& world, const fs::path& root,
                                                      const fs::path& work) {
  fs::path config = work / "containerd.toml", socket = work / "containerd.sock";
  std::string text = containerd_config(root, work / "state", socket);
  // The CRI plugin serves pods and opens a port; only images are needed here.
  text.insert(text.find("root ="), "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n");
  if (Status written = world.files.write(config, text, 0600); !written) return failure(written.error());
  Result<std::unique_ptr<world::Child>> child = world.processes.start(
      world::Command{.argv = {"unshare", "--mount", "--kill-child", "containerd", "--config", config}},
      work / "containerd.log");
  if (!child) return failure(child.error());
  Status up = world::wait_until(world.clock, {std::chrono::seconds(20), std::chrono::milliseconds(20)},
                                "starting containerd", [&]() -> Result<world::StillWaiting> {
                                  if (world.files.exists(socket)) return world::StillWaiting{};
                                  if ((*child)->running())
                                    return world::StillWaiting{"its socket does not exist yet"};
                                  Result<std::string> log = world.files.read(work / "containerd.log");
                                  return failure(ErrorClass::environment, "containerd-start",
                                                 "containerd exited during its start",
                                                 log ? text::last_lines(*log, 3) : std::string());
                                });
  if (!up) return failure(up.error());
  return std::unique_ptr<Containerd>(new Containerd(world, socket, std::move(*child)));
}

Status Containerd::import_image(const fs::path& archive) {
  Result<std::string> imported = world::run_checked(
      world_.processes,
      world::Command{
          .argv = {"ctr", "--address", socket_, "--namespace", "k8s.io", "images", "import", archive},
          .limit = std::chrono::minutes(5)},
      "image-import", "Cannot import " + archive.string());
  if (!imported) return failure(imported.error());
  return {};
}

Status Containerd::pull_image(const std::string& name) {
  Result<std::string> pulled = world::run_checked(
      world_.processes,
      world::Command{.argv = {"ctr", "--address", socket_, "--namespace", "k8s.io", "images", "pull",
                              "--platform", "linux/" + architecture(), name},
                     .limit = std::chrono::minutes(30)},
      "image-pull", "Cannot pull the image " + name);
  if (pulled) return {};
  Error error = pulled.error();
  if (error.kind == ErrorClass::interrupted) return failure(error);
  error.kind = ErrorClass::environment;
  // Before anything of it came: no host, no answer, or no such tag.
  if (error.output.find("failed to resolve reference") != std::string::npos)
    error.id = ErrorId("release-unavailable").text();
  error.hint = "Check the network, then run the command again. --from compile compiles instead";
  return failure(error);
}

}  // namespace hpawalk::local
