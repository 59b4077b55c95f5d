// Everything that can be set, and where it may come from: defaults < file < environment < flags.
// Knows nothing about how a file or a command line looks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics.hpp"

namespace promfake {

struct Address {
  std::string host;  // numeric; empty for all addresses of both families
  int port = 0;
};

struct Config {
  Address listen{"0.0.0.0", 8080};
  bool log_requests = false;
  bool self_metrics = false;
  int max_connections = 12000;
  int idle_timeout = 75;     // seconds that a connection may stay open without a request
  int request_timeout = 10;  // seconds for a whole request to arrive, or for an answer to be taken
  std::vector<Series> series;
};

// What one source says; the sources are laid over each other in their order.
struct Layer {
  std::optional<std::string> config_file;
  std::optional<Address> listen;
  std::optional<bool> log_requests, self_metrics;
  std::optional<int> max_connections, idle_timeout, request_timeout;
  std::optional<std::vector<Series>> metrics;  // all of them
  std::vector<Series> further;                 // beside what is there
  // The default metric's parts.
  std::optional<std::string> name, help;
  std::optional<Kind> kind;
  std::optional<std::vector<Label>> labels;
  std::optional<double> value;
  std::vector<std::string> mistakes;
};

// `mistakes` is empty when the configuration can be used; all of them are told at once.
struct Combined {
  Config config;
  std::vector<std::string> mistakes;
};
Combined combine(const std::vector<Layer>& layers);

// One setting from text, under the name it has in the file: "listen", "max_connections", ... A mistake lands
// in the layer's mistakes, with `where` in front. False: there is no such setting.
bool set_from_text(Layer& layer, std::string_view key, std::string_view text, const std::string& where);

Outcome<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

}  // namespace promfake
