// One HPA and one ScaledObject in memory, with what the API server, the garbage collector, KEDA 2.21's
// operator and the HPA controller do to them. KEDA and the collector act before each request, so every moment
// that a client can see is one that they allow. Only what migrations ask for is answered; anything else fails
// the test.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::migrate {

class ToyCluster final : public world::KubeApi {
 public:
  Json hpa, scaled_object;  // null: not there
  bool keda_runs = true, metrics_served = true;
  int replicas = 3;
  int fail_from = -1;  // requests from this number on are not answered: hpawalk was killed
  int requests = 0;
  std::vector<std::string> changes;  // "PUT HPA", in order
  std::function<void()> after_each;  // looks at every state

  Result<world::HttpResponse> send(const world::KubeRequest& request) override;
  Result<world::HttpResponse> stream(const std::string&,
                                     const std::function<bool(std::string_view)>&) override;

  // May the HPA be read from what it names? KEDA's metric needs the ScaledObject.
  bool hpa_is_served() const;

 private:
  world::HttpResponse answer(const world::KubeRequest& request);
  world::HttpResponse answer_for(Json& object, const world::KubeRequest& request);
  void act();
  int version_ = 1;
};

}  // namespace hpawalk::migrate
