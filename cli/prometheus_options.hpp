// The credentials of a Prometheus at a URL: declared here for every command that takes --prometheus URL.
//
// Files are read at each request, so a token that is rotated stays valid. An Azure Monitor workspace gets a
// token of the logged-in az, unless another one is given.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::cli {

struct PrometheusOptions {
  std::vector<std::string> headers = {};  // "NAME: VALUE"
  std::string token_file = {}, client_certificate = {}, client_key = {}, ca = {};
};

void add_prometheus_options(CLI::App& command, PrometheusOptions& options, const std::string& group = "");

// Of the Prometheus at `where`: an error if the options do not fit together, or if `where` is no URL, which
// is the only place where credentials go.
Result<world::PrometheusLogin> prometheus_login(world::World& world, const PrometheusOptions& options,
                                                const std::string& where);

}  // namespace hpawalk::cli
