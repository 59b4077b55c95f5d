// Judges facts: for every metric of every HPA, how each link of its chain stands, which is the first broken
// one, why, what was seen, and what to do. Pure.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/mark.hpp"
#include "diagnose/facts.hpp"
#include "diagnose/fix.hpp"

namespace hpawalk::diagnose {

// In the order in which a value travels.
enum class Link { pods, service, monitor, prometheus, series, adapter, api_service, value, hpa, target };
inline constexpr std::array<Link, 10> all_links = {
    Link::pods,    Link::service,     Link::monitor, Link::prometheus, Link::series,
    Link::adapter, Link::api_service, Link::value,   Link::hpa,        Link::target};
std::string_view name_of(Link link);   // "api-service": stable
std::string_view title_of(Link link);  // "APIService"

enum class Certainty { certain, likely, possible };
std::string_view name_of(Certainty certainty);

struct Finding {
  std::string cause;  // an id of causes.hpp
  Link link = Link::pods;
  Mark severity = Mark::broken;  // or note: works as designed, or harmless
  Certainty certainty = Certainty::certain;
  std::string sentence;
  std::vector<std::string> evidence;  // "what was read: what it said"
  Fix fix;
};
// What is broken before the notes, each in the order of the links.
bool comes_before(const Finding& a, const Finding& b);

struct LinkState {
  Link link = Link::pods;
  Mark mark = Mark::unknown;
  std::string text;
};

struct ChainDiagnosis {
  std::string metric;  // "prom_fake_value of Service prom-fake"
  std::array<LinkState, 10> links;
  std::vector<Finding> findings;  // in order at any time: see comes_before
  const Finding* first_broken() const;
  Mark verdict() const;  // broken, unknown, note or ok
};

struct HpaDiagnosis {
  std::string space, name, target;
  std::vector<ChainDiagnosis> chains;
  Mark verdict() const;
};

// All HPAs in the facts, or those in a namespace, or one.
std::vector<HpaDiagnosis> diagnose_hpas(const Facts& facts, const std::string& space = {},
                                        const std::string& name = {});
// Those that are wanted, by their objects.
std::vector<HpaDiagnosis> diagnose_hpas(const Facts& facts, const std::function<bool(const Json&)>& wanted);

Json to_json(const HpaDiagnosis& diagnosis);

}  // namespace hpawalk::diagnose
