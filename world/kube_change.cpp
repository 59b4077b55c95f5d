#include "world/kube_change.hpp"

#include "base/json.hpp"

namespace hpawalk::world {

namespace {

using namespace std::chrono_literals;

bool passes_by_itself(int status) {
  return status == 409 || status == 429 || status == 500 || status == 503 || status == 504;
}

}  // namespace

Result<Deleted> kube_delete(KubeApi& api, Clock& clock, const std::string& path, const std::string& uid,
                            std::optional<int> grace, Dependents dependents) {
  Json options = {{"apiVersion", "v1"},
                  {"kind", "DeleteOptions"},
                  {"preconditions", {{"uid", uid}}},
                  {"propagationPolicy", dependents == Dependents::orphaned ? "Orphan" : "Background"}};
  if (grace) options["gracePeriodSeconds"] = *grace;
  KubeRequest request{.method = "DELETE", .path = path, .body = options.dump(), .limit = 20s};
  TimePoint end = clock.now() + 30s;
  while (true) {
    Result<HttpResponse> response = api.send(request);
    if (!response && response.error().kind == ErrorClass::interrupted) return failure(response.error());
    if (response && response->ok()) return Deleted::accepted;
    if (response && response->status == 404) return Deleted::absent;
    if (response && response->status == 409) {  // another UID, or it is going already
      Result<Json> live = kube_get(api, path);
      if (!live && live.error().is("kube-not-found")) return Deleted::absent;
      if (live && text_at(*live, "metadata.uid") != uid) return Deleted::another;
      if (live && !text_at(*live, "metadata.deletionTimestamp").empty()) return Deleted::accepted;
    }
    bool again = (!response || passes_by_itself(response->status)) && clock.now() < end;
    if (!again) return failure(response ? kube_error(request, *response) : response.error());
    if (!clock.sleep(300ms)) return interrupted("deleting " + path);
  }
}

Result<Json> kube_modify(KubeApi& api, Clock& clock, const std::string& path,
                         const std::function<Result<bool>(Json& object)>& change) {
  for (int attempt = 0;; ++attempt) {
    Result<Json> object = kube_get(api, path);
    if (!object) return object;
    Result<bool> changed = change(*object);
    if (!changed) return failure(changed.error());
    if (!*changed) return object;
    KubeRequest request{.method = "PUT",
                        .path = path + "?fieldManager=hpawalk",
                        .body = object->dump(-1, ' ', false, Json::error_handler_t::replace)};
    Result<HttpResponse> response = api.send(request);
    if (!response) return failure(response.error());
    if (response->ok()) return parse_json(response->body, "The answer to " + path);
    if (response->status != 409 || attempt == 10) return failure(kube_error(request, *response));
    if (!clock.sleep(100ms)) return interrupted("changing " + path);
  }
}

Result<Json> kube_dry_apply(KubeApi& api, const std::string& path, const Json& object) {
  KubeRequest request{.method = "PATCH",
                      .path = path + "?fieldManager=hpawalk&force=true&dryRun=All",
                      .body = object.dump(-1, ' ', false, Json::error_handler_t::replace),
                      .headers = {{"Content-Type", "application/apply-patch+yaml"}}};
  Result<HttpResponse> response = api.send(request);
  if (!response) return failure(response.error());
  if (!response->ok()) return failure(kube_error(request, *response));
  return parse_json(response->body, "The answer to " + path);
}

}  // namespace hpawalk::world
