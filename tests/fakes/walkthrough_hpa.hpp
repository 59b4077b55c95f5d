// The walkthrough's HPA, for tests that need one.
#pragma once

#include <string_view>

namespace hpawalk::fakes {

inline constexpr std::string_view walkthrough_hpa = R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: nginx, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nginx}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Object
    object:
      metric: {name: prom_fake_value}
      describedObject: {apiVersion: v1, kind: Service, name: prom-fake}
      target: {type: Value, value: "10"}
)";

}  // namespace hpawalk::fakes
