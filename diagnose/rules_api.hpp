// APIServices, and who judges what about them. Inside diagnose/.
#pragma once

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

std::string api_condition(const Json& api_service);  // "APIService NAME: Available is False: ..."
// The port of the adapter's Service that an APIService should name: its only one, or that of HTTPS.
std::optional<long long> api_port(const Context& c);

// Why the API server does not get an answer from the adapter behind an APIService.
struct Unavailable {
  const Json& api_service;
  std::string reason, message;  // of its condition, or what it answered just now
  std::vector<std::string> evidence;
};
void judge_unavailable(const Context& c, Report& report, const Unavailable& u);

}  // namespace hpawalk::diagnose
