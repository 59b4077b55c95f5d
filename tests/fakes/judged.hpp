// What diagnose says of a facts document, for tests that change one. What a test relies on is required: a
// document that is no facts file, an object that is not there, and a finding that is none, fail the test.
#pragma once

#include <string>

#include "diagnose/diagnosis.hpp"
#include "tests/fakes/facts_files.hpp"

namespace hpawalk::fakes {

Json document_of(const std::string& name);  // tests/facts/NAME.json

// The objects of a list ("pods/shop"), and one of them by its name.
Json& items(Json& document, const std::string& reading);
Json& item(Json& document, const std::string& reading, const std::string& name);
Json& hpa_of(Json& document);  // the first
void set_condition(Json& document, const std::string& type, const Json& fields);

// Of the one HPA that the document is about.
diagnose::HpaDiagnosis judged_hpa(const Json& document);
diagnose::HpaDiagnosis judged_hpa(const diagnose::Facts& facts);
diagnose::ChainDiagnosis judged(const Json& document);  // its first metric

diagnose::Finding first_of(const diagnose::ChainDiagnosis& chain);  // the first that is broken
diagnose::Finding first_of(const Json& document);
std::string first_cause(const Json& document);  // empty: nothing is broken
const diagnose::Finding* find(const diagnose::ChainDiagnosis& chain, std::string_view cause);

}  // namespace hpawalk::fakes
