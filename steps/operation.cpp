#include "steps/operation.hpp"

#include <fmt/format.h>

#include "manifests/manifests.hpp"
#include "steps/release.hpp"

namespace hpawalk::steps {
namespace {

// --force-conflicts: the object is hpawalk's (that is checked before), so what others changed in it is set
// right.
std::vector<std::string> apply_line(const cluster::ClusterAccess& access) {
  return world::kubectl_line(
      access.kube, {"apply", "--server-side", "--field-manager=hpawalk", "--force-conflicts", "-f", "-"});
}

std::string labels(const HelmUpgrade& upgrade) {
  std::string installer =
      upgrade.installer.empty() ? "" : fmt::format("{}={},", installer_mark, upgrade.installer);
  return fmt::format("--labels={},{}={},{}{}{}", manifests::owner_selector, manifests::instance_label,
                     upgrade.instance, installer, release_mark, upgrade.mark);
}

struct Lines {
  const cluster::ClusterAccess& access;
  const std::string& bundled_chart;

  std::optional<CommandLine> operator()(const Apply& apply) const {
    return CommandLine{apply_line(access), apply.yaml};
  }
  std::optional<CommandLine> operator()(const InstallBundle&) const {
    return CommandLine{apply_line(access)};
  }
  std::optional<CommandLine> operator()(const Restart& restart) const {
    return CommandLine{world::kubectl_line(
        access.kube,
        {"rollout", "restart", "deployment/" + restart.deployment, "--namespace=" + restart.name_space})};
  }
  std::optional<CommandLine> operator()(const HelmUpgrade& upgrade) const {
    std::vector<std::string> words = {"upgrade", "--install", upgrade.release};
    if (upgrade.chart.empty()) words.push_back(bundled_chart);
    words.insert(words.end(), upgrade.chart.begin(), upgrade.chart.end());
    words.insert(words.end(),
                 {"--namespace=" + upgrade.name_space, "--history-max=3", labels(upgrade), "--values=-"});
    return CommandLine{helm_line(access, std::move(words)), upgrade.values};
  }
  std::optional<CommandLine> operator()(const LoadImage&) const { return std::nullopt; }
  std::optional<CommandLine> operator()(const BringKeda&) const { return std::nullopt; }
};

}  // namespace

std::optional<CommandLine> command_line(const Operation& operation, const cluster::ClusterAccess& access,
                                        const std::string& bundled_chart) {
  return std::visit(Lines{access, bundled_chart}, operation.action);
}

std::vector<std::string> helm_line(const cluster::ClusterAccess& access, std::vector<std::string> arguments) {
  std::vector<std::string> line = {access.helm};
  if (!access.kube.kubeconfig.empty()) line.push_back("--kubeconfig=" + access.kube.kubeconfig);
  line.push_back("--kube-context=" + access.kube.context);
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

}  // namespace hpawalk::steps
