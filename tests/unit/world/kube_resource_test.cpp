#include "world/kube_resource.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace hpawalk;
using namespace hpawalk::world;

TEST_CASE("A kind leads to its collection and its objects, in a namespace or in the whole cluster") {
  const KubeResource deployment = kube_kind("Deployment"), service = kube_kind("Service");
  CHECK(deployment.api_version() == "apps/v1");
  CHECK(deployment.collection() == "/apis/apps/v1/deployments");
  CHECK(deployment.collection("web") == "/apis/apps/v1/namespaces/web/deployments");
  CHECK(deployment.object("web", "api") == "/apis/apps/v1/namespaces/web/deployments/api");
  CHECK(service.api_version() == "v1");
  CHECK(service.object("web", "api") == "/api/v1/namespaces/web/services/api");
  CHECK(kube_kind("Namespace").object("web") == "/api/v1/namespaces/web");
  CHECK(kube_kind("APIService").object("v1beta1.custom.metrics.k8s.io") ==
        "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io");
}

TEST_CASE("A name never leaves its segment of the path") {
  CHECK(kube_kind("Pod").object("a b", "c?d") == "/api/v1/namespaces/a%20b/pods/c%3Fd");
  CHECK(kube_kind("Pod").object("a/b", "..") ==  // twice: kube_path.hpp
        "/api/v1/namespaces/a%252Fb/pods/%252E%252E");
  CHECK(custom_metric_path("web", "services", "*", "queue") ==
        "/apis/custom.metrics.k8s.io/v1beta1/namespaces/web/services/%2A/queue");
  CHECK(kube_object("example.com/v1", "web", "certificates", "x") ==
        "/apis/example.com/v1/namespaces/web/certificates/x");
}

TEST_CASE("Each kind is in the table once, and others are not found") {
  std::set<std::string_view> kinds;
  for (const KubeResource& kind : kube_resources) CHECK_MESSAGE(kinds.insert(kind.kind).second, kind.kind);
  CHECK(find_kube_kind("Deployment") != nullptr);
  CHECK(find_kube_kind("deployment") == nullptr);
}
