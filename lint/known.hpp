// What a cluster's facts say beside the files: which objects there are, and the names of the series. Its
// values, samples, targets, logs and events are of what runs now, and say nothing about what the files will
// make of it. Inside lint/.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "diagnose/facts.hpp"

namespace hpawalk::lint {

struct Known {
  std::map<std::string, std::vector<Json>> objects;     // by their list: "services"
  std::set<std::string> whole;                          // lists of the whole cluster that were read
  std::map<std::string, std::set<std::string>> spaces;  // and those of namespaces
  std::map<std::string, diagnose::Reading> others;      // single objects, rights, names of series
};

// `lists`: those that the files replace object by object.
Known known_from(const diagnose::Facts& facts, const std::vector<std::string>& lists);

}  // namespace hpawalk::lint
