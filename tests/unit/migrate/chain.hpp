// The chain of tests/facts/healthy.json, for tests of migrations: HPA object-value on Service object-value's
// lab_value, which the adapter serves.
#pragma once

#include "diagnose/facts.hpp"
#include "migrate/plan.hpp"
#include "migrate/steps.hpp"

namespace hpawalk::migrate {

// As the API server has it, with a UID.
Json adapter_hpa();
// With other metrics in its spec; `metrics`: YAML.
Json hpa_with(const std::string& metrics);

// The facts with this HPA instead of the one that they have.
diagnose::Facts facts_with(const Json& hpa);

// A ScaledObject in the namespace shop; `spec`: YAML.
Json scaled_object(const std::string& spec, const std::string& name = "web");
std::string prometheus_trigger(const std::string& query, const std::string& more = "");

// With what diagnose reads for it, and each series labelled by its namespace.
Plan to_adapter(const Json& scaled_object);

bool has_difference(const Plan& plan, const std::string& id);

}  // namespace hpawalk::migrate
