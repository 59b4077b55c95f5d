// ServiceMonitors, PodMonitors, ScrapeConfigs and Probes, and who judges what about them. Inside diagnose/.
#pragma once

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

ObjectRef ref_of_monitor(const Monitor& m);

// The Service or pod of the source that the monitor selects or names; null: none.
const Json* found_by(const Monitor& m, const Source& source);

// The endpoint of a ServiceMonitor or PodMonitor that a target comes from, by its job:
// "serviceMonitor/NAMESPACE/NAME/INDEX".
struct Endpoint {
  const Monitor* monitor = nullptr;
  std::string list, index;
  const Json* object = nullptr;
};
bool made_by_operator(const std::string& job);
bool by_monitor(const Json& target);                             // has the operator made its job?
const Monitor* monitor_of(const Scrape& s, const Json& target);  // null: none of those that were read
std::optional<Endpoint> endpoint_of(const Scrape& s, const Json& target);

Json labels_with(const Json& object, const Json& wanted);  // the object's labels, and these

// Gives the object the labels that the selector asks for: its others stay. Nothing where labels cannot meet
// the selector.
std::optional<Fix> labelled(const ObjectRef& ref, const Json& object, const Json& selector, std::string says,
                            std::string beyond = {});

// Does an endpoint of the monitor name a port that the Service, or a container of the pods, has?
bool port_matches(const Monitor& m, const Json& service);
bool pod_port_matches(const Monitor& m, const std::vector<const Json*>& pods);
void wrong_port(const Scrape& s, const Monitor& m, const Json& service);
void wrong_pod_port(const Scrape& s, const Monitor& m);

struct SelectionCauses {
  const Cause &by_labels, &by_namespace;
};
void not_selected_by(const Scrape& s, const Json& prometheus, const Selectable& what, const Selection& why,
                     const SelectionCauses& causes);

}  // namespace hpawalk::diagnose
