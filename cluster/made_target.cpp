#include "cluster/made_target.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/made_note.hpp"
#include "cluster/private_kubeconfig.hpp"

namespace hpawalk::cluster {

namespace {

using namespace std::chrono_literals;

class MadeTarget final : public ClusterTarget {
 public:
  MadeTarget(world::World& world, const config::Config& config, ClusterMaker maker)
      : world_(world),
        config_(config),
        maker_(std::move(maker)),
        kubeconfig_(private_kubeconfig(world.environment, maker_.tool + "-" + maker_.cluster)) {}

  std::string name() const override { return maker_.tool + " cluster " + maker_.cluster; }

  TargetPlan plan() override {
    TargetPlan plan{access(),
                    {{"the cluster, unless it exists", shown(maker_.create)},
                     {"a kubeconfig for hpawalk; yours is not changed", shown(maker_.kubeconfig, true)}}};
    return plan;
  }

  std::vector<Precondition> look() override {
    if (!world_.processes.find(maker_.program))
      return {{maker_.tool, Mark::broken, missing().what, missing().hint}};
    std::vector<Precondition> findings;
    Result<std::string> version = run(maker_.version, 20s, maker_.tool + " does not run");
    if (!version)
      return {{maker_.tool, Mark::broken, version.error().what + ": " + version.error().because,
               version.error().hint}};
    std::vector<std::string> said = text::lines(text::trim(*version));
    findings.push_back(
        {maker_.tool, Mark::ok, said.empty() ? "it does not report its version" : said.front()});
    Result<Presence> there = presence();
    if (!there) {
      findings.push_back({"cluster", Mark::broken,
                          there.error().what + ": " + text::last_lines(there.error().output, 1),
                          there.error().hint});
    } else if (*there == Presence::running) {
      findings.push_back({"cluster", Mark::ok, name() + " is there"});
    } else {
      findings.push_back({"cluster", Mark::note,
                          name() + (*there == Presence::stopped ? " is stopped: hpawalk up starts it"
                                                                : " does not exist: hpawalk up creates it")});
    }
    return findings;
  }

  Result<ClusterAccess> find() override {
    if (!world_.processes.find(maker_.program)) return failure(missing());
    Result<Presence> there = presence();
    if (!there) return failure(there.error());
    if (*there == Presence::running) return with_kubeconfig();
    std::string up = fmt::format("hpawalk up --cluster {}{}", maker_.tool,
                                 maker_.cluster == "hpawalk" ? "" : " --cluster-name " + maker_.cluster);
    if (*there == Presence::absent) {
      return failure(ErrorClass::environment, "no-cluster", "The " + name() + " is not there", {},
                     up + "   creates it");
    }
    return failure(ErrorClass::environment, "cluster-not-running", "The " + name() + " does not run", {},
                   up + "   starts it");
  }

  Result<ClusterAccess> ensure(world::Progress& progress) override {
    if (!world_.processes.find(maker_.program)) return failure(missing());
    Result<Presence> there = presence();
    if (!there) return failure(there.error());
    if (*there == Presence::running) return with_kubeconfig();
    progress.started(maker_.tool);
    Result<ClusterAccess> made = make(*there == Presence::absent, progress);
    if (!made) progress.failed(maker_.tool, made.error().what);
    if (made) progress.done(maker_.tool, name() + (*there == Presence::absent ? " made" : " started"));
    return made;
  }

  Status load_image(world::KubeApi&, const std::string&, world::Progress& progress) override {
    return with_archive(world_, [&](const fs::path& file) -> Status {
      progress.now("image", maker_.tool + " loads it");
      Result<std::string> loaded =
          run(maker_.load(file.string()), 10min, maker_.tool + " could not load prom-fake's image");
      if (!loaded) return failure(loaded.error());
      return {};
    });
  }

  // Only what the cluster itself says hpawalk made.
  Status remove(world::Progress& progress) override {
    Result<ClusterAccess> found = find();
    if (!found) return failure(found.error());
    Result<std::unique_ptr<world::KubeApi>> api = world::connect(world_, found->kube);
    if (!api) return failure(api.error());
    Result<MadeNote> note = read_note(**api);
    if (!note) return failure(note.error());
    if (note->cluster != name()) {
      return failure(ErrorClass::usage, "not-our-cluster",
                     "hpawalk did not create the " + name() + ", so it does not delete it",
                     "its ConfigMap kube-system/hpawalk-made does not say so",
                     shown(maker_.remove) + "   deletes it");
    }
    api->reset();
    progress.started(maker_.tool);
    Result<std::string> removed = run(maker_.remove, 10min, "Cannot delete the " + name());
    if (!removed) progress.failed(maker_.tool, removed.error().what);
    if (!removed) return failure(removed.error());
    progress.done(maker_.tool, name() + " is gone");
    return world_.files.remove_all(kubeconfig_);
  }

 private:
  ClusterAccess access() const {
    return {.kube = {kubeconfig_.string(), maker_.context, config_.text("tools.kubectl")},
            .helm = config_.text("tools.helm"),
            .operator_bundle = bundle_on_this_machine(world_, config_),
            .bring_image = {
                {"the image of prom-fake in hpawalk, as an archive", shown(maker_.load("prom-fake.tar"))}}};
  }

  std::string shown(const ClusterMaker::Words& argv, bool kubeconfig = false) const {
    std::string line = text::shell_quote(argv);
    if (maker_.writes_kubeconfig)
      return fmt::format("KUBECONFIG={} {}", text::shell_quote({kubeconfig_.string()}), line);
    return kubeconfig ? fmt::format("(umask 077; {} > {})", line, text::shell_quote({kubeconfig_.string()}))
                      : line;
  }

  Error missing() const {
    return Error{ErrorClass::environment,
                 "cluster-tool-missing",
                 maker_.program + " is not in PATH",
                 {},
                 maker_.install,
                 {},
                 {}};
  }

  // The private kubeconfig in every child's environment: none of these tools writes into the user's.
  Result<std::string> run(const ClusterMaker::Words& argv, world::Duration limit, const std::string& what,
                          const std::function<void(std::string_view)>& on_line = {}) {
    world::Command command{.argv = argv,
                           .env = {{"KUBECONFIG", kubeconfig_.string()}},
                           .limit = limit,
                           .on_error_line = on_line,
                           .on_line = on_line};
    Result<std::string> done = world::run_checked(world_.processes, command, "cluster-tool", what);
    if (done) return done;
    Error error = done.error();
    error.output = text::uncoloured(error.output);
    if (error.kind == ErrorClass::check_failed) error.kind = ErrorClass::environment;
    if (error.hint.empty() && (error.output.find("daemon") != std::string::npos ||
                               error.output.find("docker") != std::string::npos)) {
      error.hint = "Is Docker running, and do you have permission to use it?   docker version";
    }
    return failure(error);
  }

  Result<Presence> presence() {
    Result<std::string> listed = run(maker_.list, 1min, maker_.tool + " cannot list its clusters");
    if (!listed) return failure(listed.error());
    return maker_.presence(*listed, maker_.cluster);
  }

  Result<ClusterAccess> with_kubeconfig() {
    if (Status made = make_private_folder(world_); !made) return failure(made.error());
    Result<std::string> printed = run(maker_.kubeconfig, 1min, "Cannot get the kubeconfig of the " + name());
    if (!printed) return failure(printed.error());
    if (!maker_.writes_kubeconfig) {
      if (Status written = world_.files.write(kubeconfig_, *printed, 0600); !written)
        return failure(written.error());
    }
    return access();
  }

  Result<ClusterAccess> make(bool absent, world::Progress& progress) {
    if (Status made = make_private_folder(world_); !made) return failure(made.error());
    progress.now(maker_.tool, absent ? "creating the cluster" : "starting the cluster");
    Result<std::string> made =
        run(absent ? maker_.create : maker_.start, 15min,
            fmt::format("Cannot {} the {}", absent ? "make" : "start", name()),
            [&](std::string_view line) { progress.now(maker_.tool, text::uncoloured(text::trim(line))); });
    if (!made) return failure(made.error());
    Result<ClusterAccess> reached = with_kubeconfig();
    if (!reached || !absent) return reached;
    Status noted = write_note(world_, reached->kube, MadeNote{.cluster = name()});
    if (!noted) return failure(noted.error());
    return reached;
  }

  world::World& world_;
  const config::Config& config_;
  ClusterMaker maker_;
  fs::path kubeconfig_;
};

}  // namespace

std::unique_ptr<ClusterTarget> make_made_target(world::World& world, const config::Config& config,
                                                ClusterMaker maker) {
  return std::make_unique<MadeTarget>(world, config, std::move(maker));
}

}  // namespace hpawalk::cluster
