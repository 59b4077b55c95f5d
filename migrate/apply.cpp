#include "migrate/apply.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "world/kube_change.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::migrate {

namespace {

using namespace std::chrono_literals;
using world::kube_kind;

class Migration {
 public:
  Migration(world::KubeApi& api, world::Clock& clock, const Looked& looked)
      : api_(api),
        clock_(clock),
        plan_(looked.plan),
        state_(looked.state),
        hpa_uid_(text_at(looked.state.hpa, "metadata.uid")),
        object_uid_(text_at(looked.state.scaled_object, "metadata.uid")) {}

  std::vector<Step> steps() const { return steps_of(plan_, state_); }
  // What is missing for the step; empty: nothing. One that the state does not need anymore is not among the
  // steps.
  std::string missing(const Step& step) const {
    const std::vector<Step> all = steps();
    auto found = std::find_if(all.begin(), all.end(), [&](const Step& one) { return one.what == step.what; });
    if (found == all.end() || found->done) return {};
    return found->missing.empty() ? "not done yet" : found->missing;
  }

  // Begins the step, where it needs more than waiting.
  Status act(StepKind kind) {
    switch (kind) {
      case StepKind::create: return create();
      case StepKind::keep_replicas:
        return change_object(
            [](Json& object) { object["spec"]["advanced"]["restoreToOriginalReplicaCount"] = false; });
      case StepKind::hold:
        return change_object([](Json& object) { object["metadata"]["finalizers"].push_back(own_finalizer); });
      case StepKind::let_go: return let_go();
      case StepKind::change: return change_hpa();
      case StepKind::release:
        return change_object([](Json& object) {
          Json kept = Json::array();
          for (const Json& one : list_at(object, "metadata.finalizers")) {
            if (one != own_finalizer) kept.push_back(one);
          }
          object["metadata"]["finalizers"] = kept;
        });
      case StepKind::rule:
      case StepKind::served:
      case StepKind::take_over:
      case StepKind::read: break;
    }
    return {};
  }

  Status look_again() {
    Result<State> state = read_state(api_, plan_);
    if (!state) return failure(state.error());
    state_ = std::move(*state);
    if (state_.hpa.is_null() || text_at(state_.hpa, "metadata.uid") != hpa_uid_)
      return another(fmt::format("HPA {}", plan_.hpa));
    const std::string uid = text_at(state_.scaled_object, "metadata.uid");
    if (!uid.empty() && object_uid_.empty() && plan_.to == Side::keda) object_uid_ = uid;
    if (!uid.empty() && uid != object_uid_)
      return another(fmt::format("ScaledObject {}", plan_.scaled_object));
    return {};
  }

 private:
  tl::unexpected<Error> another(const std::string& what) const {
    return failure(
        ErrorClass::check_failed, "migrate-changed",
        fmt::format("{} was deleted, or created again by another program, during the migration", what), {},
        "Run the command again: it reads both objects again");
  }

  std::string object_path() const {
    return kube_kind("ScaledObject").object(plan_.space, plan_.scaled_object);
  }
  std::string hpa_path() const { return kube_kind("HorizontalPodAutoscaler").object(plan_.space, plan_.hpa); }

  Status create() {
    Result<Json> created =
        world::kube_create(api_, kube_kind("ScaledObject").collection(plan_.space) + "?fieldManager=hpawalk",
                           Json::parse(plan_.manifest.dump()));
    if (!created) return failure(created.error());
    object_uid_ = text_at(*created, "metadata.uid");
    return {};
  }

  Status change_object(const std::function<void(Json&)>& change) {
    Result<Json> done = world::kube_modify(api_, clock_, object_path(), [&](Json& object) -> Result<bool> {
      if (text_at(object, "metadata.uid") != object_uid_)
        return another(fmt::format("ScaledObject {}", plan_.scaled_object));
      change(object);
      return true;
    });
    if (!done && done.error().is("kube-not-found")) return {};  // it has ended
    return done ? Status{} : failure(done.error());
  }

  Status let_go() {
    if (!at(state_.scaled_object, "metadata.deletionTimestamp").is_null()) return {};
    Result<world::Deleted> deleted = world::kube_delete(api_, clock_, object_path(), object_uid_,
                                                        std::nullopt, world::Dependents::orphaned);
    if (!deleted) return failure(deleted.error());
    if (*deleted == world::Deleted::another)
      return another(fmt::format("ScaledObject {}", plan_.scaled_object));
    return {};
  }

  Status change_hpa() {
    Result<Json> done = world::kube_modify(api_, clock_, hpa_path(), [&](Json& hpa) -> Result<bool> {
      if (text_at(hpa, "metadata.uid") != hpa_uid_) return another(fmt::format("HPA {}", plan_.hpa));
      hpa = changed_hpa(plan_, std::move(hpa));
      return true;
    });
    return done ? Status{} : failure(done.error());
  }

  world::KubeApi& api_;
  world::Clock& clock_;
  const Plan& plan_;
  State state_;
  std::string hpa_uid_, object_uid_;
};

Error with_resume(Error error, const Plan& plan) {
  const std::string again =
      text::shell_quote({"hpawalk", "migrate", plan.to == Side::keda ? plan.hpa : plan.scaled_object, "-n",
                         plan.space, "--to", std::string(name_of(plan.to)), "--apply"});
  const std::string resume = again + "   continues, with the same --context; the replicas stay as they are";
  error.hint = error.hint.empty() ? resume : error.hint + ". " + resume;
  return error;
}

Status carry_out(Migration& migration, world::Clock& clock, world::Progress& progress, const Step& step,
                 world::Duration limit) {
  const world::TimePoint end = clock.now() + limit;
  bool acted = false;
  while (true) {
    if (Status read = migration.look_again(); !read) return read;
    const std::string missing = migration.missing(step);
    if (missing.empty()) return {};
    if (!acted) {
      if (Status done = migration.act(step.kind); !done) return done;
      acted = true;
      continue;
    }
    progress.now(step.what, missing);
    if (clock.now() >= end)
      return failure(ErrorClass::check_failed, "migrate-timeout",
                     fmt::format("Timed out after {}: {}", text::duration(limit), step.what), missing);
    if (!clock.sleep(500ms)) return interrupted("migrating: " + step.what);
  }
}

}  // namespace

Status apply(world::KubeApi& api, world::Clock& clock, world::Progress& progress, const Looked& looked,
             world::Duration limit) {
  const Plan& plan = looked.plan;
  if (std::vector<std::string> against = obstacles(plan, looked.state, looked.around); !against.empty()) {
    const bool unsupported = !plan.cannot.empty() && !plan.switched;
    const std::string what = fmt::format("The migration of {} to {} does not begin", plan.workload,
                                         plan.to == Side::keda ? "KEDA" : "prometheus-adapter");
    const std::string hint = "Nothing was changed. Without --apply, the command shows the whole plan";
    return unsupported
               ? failure(ErrorClass::check_failed, "migrate-unsupported", what, text::join(against, "\n"),
                         hint)
               : failure(ErrorClass::check_failed, "migrate-refused", what, text::join(against, "\n"), hint);
  }
  Migration migration(api, clock, looked);
  const std::vector<Step> steps = migration.steps();
  for (const Step& step : steps) {
    progress.started(step.what);
    Status done = carry_out(migration, clock, progress, step, limit);
    if (!done) {
      progress.failed(step.what, done.error().what);
      return failure(with_resume(done.error(), plan));
    }
    progress.done(step.what, step.done ? "already done" : "done");
  }
  return {};
}

}  // namespace hpawalk::migrate
