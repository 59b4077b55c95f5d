#include "tests/fakes/judged.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace hpawalk::fakes {

using namespace diagnose;

Json document_of(const std::string& name) {
  return facts_document(std::filesystem::path(TESTS_FOLDER) / "facts" / (name + ".json"));
}

Json& items(Json& document, const std::string& reading) {
  return document["readings"][reading]["value"]["items"];
}

Json& item(Json& document, const std::string& reading, const std::string& name) {
  for (Json& one : items(document, reading)) {
    if (one["metadata"]["name"] == name) return one;
  }
  FAIL("no " << name << " in " << reading);
  return document;
}

Json& hpa_of(Json& document) {
  return items(document, "hpas")[0];
}

void set_condition(Json& document, const std::string& type, const Json& fields) {
  for (Json& c : hpa_of(document)["status"]["conditions"]) {
    if (c["type"] == type) c.update(fields);
  }
}

HpaDiagnosis judged_hpa(const Facts& facts) {
  std::vector<HpaDiagnosis> all = diagnose_hpas(facts, facts.asked_space, facts.asked_name);
  REQUIRE(all.size() == 1);
  REQUIRE_FALSE(all[0].chains.empty());
  return all[0];
}

HpaDiagnosis judged_hpa(const Json& document) {
  Result<Facts> facts = facts_from(document.dump());
  REQUIRE(facts);
  return judged_hpa(*facts);
}

ChainDiagnosis judged(const Json& document) {
  return judged_hpa(document).chains[0];
}

Finding first_of(const ChainDiagnosis& chain) {
  REQUIRE(chain.first_broken() != nullptr);
  return *chain.first_broken();
}

Finding first_of(const Json& document) {
  return first_of(judged(document));
}

std::string first_cause(const Json& document) {
  ChainDiagnosis chain = judged(document);
  return chain.first_broken() == nullptr ? "" : chain.first_broken()->cause;
}

const Finding* find(const ChainDiagnosis& chain, std::string_view cause) {
  auto found = std::find_if(chain.findings.begin(), chain.findings.end(),
                            [&](const Finding& f) { return f.cause == cause; });
  return found == chain.findings.end() ? nullptr : &*found;
}

}  // namespace hpawalk::fakes
