// The facts of tests/facts, which the rules judge without a cluster.
#pragma once

#include <filesystem>
#include <vector>

#include "base/json.hpp"
#include "diagnose/facts.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"

namespace hpawalk::fakes {

// What make.py wrote, and in saved/ what a fault run saved.
std::vector<std::filesystem::path> facts_files();

// One of them as `diagnose --save` writes it: a file is whole, or holds what differs from healthy.json.
Json facts_document(const std::filesystem::path& file);

const Json& healthy_document();

// The same as facts. Each file is read once.
const diagnose::Facts& facts_of(const std::filesystem::path& file);

// The request that a reading was the answer to ("GET /api/v1/pods", with `*` for any text), and the answer,
// out of what is kept of it.
struct Exchange {
  std::string request;
  world::HttpResponse response;
};
Exchange exchange(const std::string& key, const Json& reading);

// Makes `api` the cluster that the facts were read from: what it did not have is absent, and every access
// review is allowed. Some questions hold the time, so `clock` shows that of the facts.
void answer_as_read(FakeKubeApi& api, FakeClock& clock, const Json& document);

}  // namespace hpawalk::fakes
