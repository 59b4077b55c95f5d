// The metric's value, and who judges what about it. Inside diagnose/.
#pragma once

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

void judge_query(const Context& c, Report& report);    // what the adapter's own query to Prometheus gives
void judge_counter(const Context& c, Report& report);  // does it pass on what only grows?

}  // namespace hpawalk::diagnose
