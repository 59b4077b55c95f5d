#include "world/kube_list.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fake_kube_api.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using fakes::FakeKubeApi;

namespace {

const std::string pods = "/api/v1/pods";

Json pod_list(size_t count) {
  Json items = Json::array();
  for (size_t i = 0; i < count; ++i) {
    items.push_back({{"metadata", {{"name", "p" + std::to_string(i)}}}, {"spec", {{"nodeName", "n"}}}});
  }
  return {{"kind", "PodList"}, {"metadata", {{"resourceVersion", "7"}}}, {"items", items}};
}

std::vector<std::string> names(const Json& list) {
  std::vector<std::string> all;
  for (const Json& item : list.at("items")) all.push_back(item.at("metadata").at("name"));
  return all;
}

HttpResponse gone() {
  return {410, R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})"};
}

}  // namespace

TEST_CASE("A long list is read by pages, and is the same as in one answer") {
  FakeKubeApi api;
  api.get(pods, pod_list(23));
  Result<Json> list = kube_list(api, pods, {.page = 7});
  REQUIRE(list);
  CHECK(names(*list) == names(pod_list(23)));
  CHECK(list->at("kind") == "PodList");
  CHECK(api.requests == std::vector<std::string>{"GET " + pods, "GET " + pods + " from 7",
                                                 "GET " + pods + " from 14", "GET " + pods + " from 21"});
  CHECK(api.sent.front().path == pods + "?limit=7");
  CHECK(names(*kube_list(api, pods, {.page = 23})).size() == 23);
}

TEST_CASE("A list that the server forgets between two pages is read anew, and nothing is there twice") {
  FakeKubeApi api;
  api.get(pods, pod_list(9));
  api.at_request[2] = gone();
  Result<Json> list = kube_list(api, pods, {.page = 5});
  REQUIRE(list);
  CHECK(names(*list) == names(pod_list(9)));
}

TEST_CASE("A list that is forgotten twice is read in one answer") {
  FakeKubeApi api;
  api.get(pods, pod_list(9));
  api.at_request[2] = gone();
  api.at_request[4] = gone();
  Result<Json> list = kube_list(api, pods, {.page = 5});
  REQUIRE(list);
  CHECK(names(*list) == names(pod_list(9)));
  CHECK(api.sent.back().path == pods);
}

TEST_CASE("A list that is refused in the middle is refused, not cut") {
  FakeKubeApi api;
  api.get(pods, pod_list(9));
  api.at_request[2] = {403, R"({"kind":"Status","message":"forbidden"})"};
  CHECK(kube_list(api, pods, {.page = 5}).error().id == "kube-forbidden");
  // A 410 to a first page is no forgotten place: it is not asked again and again.
  api.at_request[3] = gone();
  CHECK(kube_list(api, pods, {.page = 5}).error().id == "kube-gone");
}

TEST_CASE("A list of metadata asks the server for no more, and keeps no more where it sends more") {
  FakeKubeApi api;
  api.get(pods + "?labelSelector=a%3Db", pod_list(3));
  Result<Json> list = kube_list(api, pods + "?labelSelector=a%3Db", {.metadata_only = true});
  REQUIRE(list);
  CHECK(list->at("items").at(0) == Json{{"metadata", {{"name", "p0"}}}});
  CHECK(api.sent.back().path == pods + "?labelSelector=a%3Db&limit=500");
  CHECK(api.sent.back().headers.at("Accept").find("as=PartialObjectMetadataList") != std::string::npos);
}

TEST_CASE("Each object can be cut as it comes, and a long list can be left after its first page") {
  FakeKubeApi api;
  api.get(pods, pod_list(9));
  size_t told = 0;
  ListOptions options{.page = 4};
  options.each = [](Json& item) { item.erase("spec"); };
  options.go_on = [&](size_t remaining) {
    told = remaining;
    return false;
  };
  Result<Json> list = kube_list(api, pods, options);
  REQUIRE(list);
  CHECK(told == 5);
  CHECK(list->at("items").size() == 4);
  CHECK_FALSE(list->at("items").at(0).contains("spec"));
  CHECK(list->at("metadata").contains("continue"));
  CHECK(api.requests.size() == 1);
}
