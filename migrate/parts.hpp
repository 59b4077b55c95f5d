// What both directions share. Inside migrate/.
#pragma once

#include <string>
#include <vector>

#include "diagnose/view.hpp"
#include "migrate/plan.hpp"

namespace hpawalk::migrate {

hpasim::Document document_of(const Json& json);

// Labels or annotations that a user wrote: without those by which KEDA, Helm, Argo CD, Flux and kubectl know
// their objects again, because what they find by them is theirs to change or to remove.
hpasim::Document own_marks(const Json& marks);

// What keeps an object as it is in a repository, and puts it back if somebody changes it: "Argo CD", "Flux";
// empty: none that is known.
std::string kept_by(const Json& object);
std::string release_of(const Json& object);  // of Helm; empty: none

// "5", "0.5": a number as KEDA's metadata has it.
std::string decimal(std::int64_t milli);

// The adapter's flags by which it shows Prometheus credentials.
std::vector<std::string> login_flags(const diagnose::Adapter& adapter);
// --prometheus-url as a program in another namespace can use it.
std::string server_address(const diagnose::Adapter& adapter);

std::string config_place(const diagnose::Adapter& adapter);

}  // namespace hpawalk::migrate
