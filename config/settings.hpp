// The one table of everything that can be set: its path in hpawalk.yaml, its kind, default and meaning.
//
// The name of the environment variable and of the flag follow from the path by rule: `hpa.min` is
// HPAWALK_HPA_MIN and --hpa-min. Knows nothing about where values come from (config.hpp) or what they are
// used for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/yaml.hpp"

namespace hpawalk::config {

enum class Kind {
  text,        // one line; may be empty
  label,       // RFC 1123 label: names of namespaces, Services
  subdomain,   // RFC 1123 subdomain: names of everything else
  labels,      // map of Kubernetes labels
  image,       // reference of a container image
  count,       // whole number within `allowed` ("0..1000")
  port,        // 1 to 65535
  port_name,   // name of a container's or Service's port
  duration,    // as Prometheus writes it: 5s, 1m30s
  metric,      // name of a Prometheus metric
  quantity,    // Kubernetes quantity: 10, 500m, 1.5k
  version,     // 3.16.0, without a v
  azure_name,  // name of a resource in Azure, or its id where it has one; may be empty
  choice,      // one of `allowed`, separated by |
  ranges,      // addresses in CIDR notation: a list
  mapping      // any YAML map, passed on as it is
};

struct Setting {
  std::string_view path;
  Kind kind;
  std::string_view fallback;  // YAML
  std::string_view help;
  std::string_view allowed = {};  // see count and choice
  std::string_view also = {};     // another environment variable for it, which the walkthrough uses
};

std::span<const Setting> settings();  // in the order of `hpawalk config`
const Setting* find_setting(std::string_view path);

// It names what is executed, or whose cluster is changed: not from a file that was only found, which may have
// come with somebody else's repository.
bool needs_named_file(const Setting& setting);

std::string flag_name(const Setting& setting);         // "--hpa-min"
std::string environment_name(const Setting& setting);  // "HPAWALK_HPA_MIN"
std::string_view kind_name(Kind kind);                 // for --help and messages: "duration"

// The value in its canonical form, or in words what is wrong with it ("must be ...").
tl::expected<yaml::Value, std::string> checked(const Setting& setting, const yaml::Value& value);

// Reads what the environment or a flag says. Maps are written as YAML ({app: web}) or, labels, as a=b,c=d.
tl::expected<yaml::Value, std::string> from_text(const Setting& setting, const std::string& text);

// Milliseconds of a duration that `checked` accepted.
long long duration_ms(std::string_view duration);

// Thousandths of a quantity that `checked` accepted, rounded up as the HPA does.
long long quantity_milli(std::string_view quantity);

}  // namespace hpawalk::config
