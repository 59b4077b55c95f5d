#include "steps/namespace_look.hpp"

#include <algorithm>
#include <atomic>
#include <map>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "world/kube_resource.hpp"
#include "world/workers.hpp"

namespace hpawalk::steps {

namespace {

constexpr size_t named_at_most = 8;
constexpr size_t at_once = 8;

struct Found {
  const world::KubeKind* kind;
  Json item;
};

bool is_event(const world::KubeKind& kind) {
  return kind.resource == "events" && (kind.group.empty() || kind.group == "events.k8s.io");
}

// What Kubernetes puts into every namespace.
bool is_kubernetes_own(const Found& found) {
  if (!found.kind->group.empty()) return false;
  std::string name = text_at(found.item, "metadata.name");
  return (found.kind->kind == "ConfigMap" && name == "kube-root-ca.crt") ||
         (found.kind->kind == "ServiceAccount" && name == "default");
}

class Look {
 public:
  Look(world::KubeApi& api, world::Clock& clock, const world::KubeKinds& kinds, const std::string& space,
       const std::vector<Object>& going)
      : api_(api), clock_(clock), kinds_(kinds), space_(space), going_(going) {
    for (const Object& object : going) verdicts_[object.uid] = true;
  }

  NamespaceLook run() {
    for (const world::UnreadKinds& unread : kinds_.unread) {
      if (!is_leaving(unread)) look_.unread.push_back(title(unread) + ": " + unread.why + next_step(unread));
    }
    read_all();
    for (const auto& [uid, found] : found_) {
      if (belongs(uid)) {
        look_.along.push_back(
            object_from(found.item, api_version(*found.kind), found.kind->kind, found.kind->resource));
      }
    }
    // In the order of discovery, so that a reader finds the same names in the same places.
    for (const std::string& uid : order_) {
      const Found& found = found_.at(uid);
      bool ending = !at(found.item, "metadata.deletionTimestamp").is_null();  // by its owner's will
      if (!belongs(uid) && !ending)
        look_.others.push_back(found.kind->kind + " " + text_at(found.item, "metadata.name"));
    }
    return std::move(look_);
  }

 private:
  static std::string api_version(const world::KubeKind& kind) {
    return kind.group.empty() ? kind.version : kind.group + "/" + kind.version;
  }

  static std::string title(const world::UnreadKinds& unread) {
    if (unread.version.empty())
      return unread.group.empty() ? "the list of kinds" : "kinds of " + unread.group;
    return "kinds of " + (unread.group.empty() ? unread.version : unread.group + "/" + unread.version);
  }

  static std::string next_step(const world::UnreadKinds& unread) {
    if (unread.group.empty() || unread.version.empty()) return {};
    return fmt::format(
        " (repair what serves APIService {0}.{1}, or, if nobody needs it, kubectl delete apiservice {0}.{1}; "
        "then run down again)",
        unread.version, unread.group);
  }

  // A part of the API that was the adapter's, and is taken away with it.
  bool is_leaving(const world::UnreadKinds& unread) {
    if (unread.group.empty() || unread.version.empty()) return false;
    Result<Json> service =
        world::kube_get(api_, world::kube_kind("APIService").object(unread.version + "." + unread.group));
    if (!service) return service.error().is("kube-not-found");
    auto known = verdicts_.find(text_at(*service, "metadata.uid"));
    return known != verdicts_.end() && known->second;
  }

  // Several at once: a distant API server takes a while for each, and the look should be short.
  void read_all() {
    std::vector<const world::KubeKind*> wanted;
    for (const world::KubeKind& kind : kinds_.all) {
      if (kind.namespaced && kind.listable && kind.deletable && !is_event(kind)) wanted.push_back(&kind);
    }
    std::vector<Result<std::vector<Json>>> lists(wanted.size());
    std::atomic<size_t> next = 0;
    world::Workers readers;
    for (size_t i = 0; i < std::min(at_once, wanted.size()); ++i) {
      readers.start([&] {
        for (size_t k = next++; k < wanted.size(); k = next++)
          lists[k] = world::list_metadata(api_, clock_, wanted[k]->collection(space_));
      });
    }
    if (Status read = readers.join(); !read) look_.unread.push_back(read.error().what);
    for (size_t i = 0; i < wanted.size(); ++i) take(*wanted[i], lists[i]);
  }

  void take(const world::KubeKind& kind, Result<std::vector<Json>>& items) {
    if (!items) {
      std::string name = kind.group.empty() ? kind.resource : kind.resource + "." + kind.group;
      look_.unread.push_back(fmt::format("{}: {}", name, items.error().what));
      return;
    }
    for (Json& item : *items) {
      std::string uid = text_at(item, "metadata.uid");
      if (uid.empty()) uid = kind.collection(space_) + "/" + text_at(item, "metadata.name");
      if (!found_.emplace(uid, Found{&kind, std::move(item)}).second)
        continue;  // the same object in another group
      order_.push_back(uid);
    }
  }

  // Whether the object with this UID is going, is there because of what is going, or is Kubernetes' own. That
  // somebody's object is ending does not make it so: it may leave its dependents behind (--cascade=orphan).
  bool belongs(const std::string& uid) {
    if (auto known = verdicts_.find(uid); known != verdicts_.end()) return known->second;
    auto found = found_.find(uid);
    if (found == found_.end()) return false;
    verdicts_[uid] = false;  // owners in a circle are nobody's
    bool result = judge(found->second);
    verdicts_[uid] = result;
    return result;
  }

  bool judge(const Found& found) {
    if (is_kubernetes_own(found)) return true;
    if (found.kind->group.empty() && found.kind->kind == "Endpoints") {
      std::string name = text_at(found.item, "metadata.name");
      bool of_service = std::any_of(going_.begin(), going_.end(), [&](const Object& o) {
        return o.kind == "Service" && o.space == space_ && o.name == name;
      });
      if (of_service) return true;
    }
    const Json& owners = list_at(found.item, "metadata.ownerReferences");
    return !owners.empty() && std::all_of(owners.begin(), owners.end(), [&](const Json& owner) {
      std::string uid = text_at(owner, "uid");
      return found_.contains(uid) || verdicts_.contains(uid) ? belongs(uid) : is_gone(owner, uid);
    });
  }

  // An owner that is not in the namespace: gone, or of the whole cluster, or made since its kind was read.
  bool is_gone(const Json& owner, const std::string& uid) {
    const world::KubeKind* kind = kinds_.find(text_at(owner, "apiVersion"), text_at(owner, "kind"));
    if (kind == nullptr) return false;
    Result<Json> live = world::kube_get(
        api_, kind->collection(kind->namespaced ? space_ : std::string()) + "/" + text_at(owner, "name"));
    if (!live) return live.error().is("kube-not-found");
    return text_at(*live, "metadata.uid") != uid;
  }

  world::KubeApi& api_;
  world::Clock& clock_;
  const world::KubeKinds& kinds_;
  const std::string& space_;
  const std::vector<Object>& going_;
  std::map<std::string, Found> found_;  // by UID
  std::vector<std::string> order_;
  std::map<std::string, bool> verdicts_;  // by UID: it belongs to what goes
  NamespaceLook look_;
};

}  // namespace

std::string NamespaceLook::why_kept() const {
  std::vector<std::string> names(others.begin(),
                                 others.begin() + static_cast<long>(std::min(others.size(), named_at_most)));
  if (others.size() > named_at_most) names.push_back(fmt::format("{} more", others.size() - named_at_most));
  std::string why;
  if (names.size() == 1) why = names.front() + " still exists in it";
  if (names.size() > 1) {
    std::string last = names.back();
    names.pop_back();
    why = text::join(names, ", ") + " and " + last + " still exist in it";
  }
  if (!unread.empty()) {
    why +=
        fmt::format("{}its other content is unknown: {}", why.empty() ? "" : "; ", text::join(unread, "; "));
  }
  return why;
}

NamespaceLook look_into(world::KubeApi& api, world::Clock& clock, const world::KubeKinds& kinds,
                        const std::string& space, const std::vector<Object>& going) {
  return Look(api, clock, kinds, space, going).run();
}

}  // namespace hpawalk::steps
