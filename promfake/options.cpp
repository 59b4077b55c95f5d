#include "options.hpp"

#include <algorithm>

#include "config_file.hpp"
#include "text.hpp"

namespace promfake {
namespace {

// Not PROM_FAKE_: in a cluster whose Service is called prom-fake, Kubernetes itself sets PROM_FAKE_PORT and
// others.
constexpr std::string_view prefix = "PROMFAKE_";

struct Flag {
  const char* name;      // as in the file, with _ for -
  const char* argument;  // null: a switch
  const char* help;
};

constexpr Flag flags[] = {
    {"listen", "ADDRESS:PORT",
     "listen address (0.0.0.0:8080); [::]:8080 for IPv6, :8080 for all, port 0 for any free port"},
    {"config", "FILE", "a YAML file with settings and metrics; reloaded on SIGHUP"},
    {"metric", "NAME", "the default metric's name (prom_fake_value)"},
    {"metric_help", "TEXT", "its help"},
    {"metric_type", "TYPE", "gauge or counter (gauge; counter when the name ends with _total)"},
    {"label", "KEY=VALUE", "one of its labels; may be repeated"},
    {"value", "NUMBER", "its value at the start (0)"},
    {"add_metric", "SERIES", "a further metric, like 'queue_length{queue=\"a\"}=5'; may be repeated"},
    {"max_connections", "N",
     "maximum number of connections (12000); above it, the longest idle one is closed"},
    {"idle_timeout", "SECONDS", "maximum seconds that a connection stays idle (75)"},
    {"request_timeout", "SECONDS",
     "maximum seconds for a request to arrive, and for its response to be read (10)"},
    {"log_requests", nullptr, "write a line to standard output for every request"},
    {"self_metrics", nullptr, "add the server's own metrics, promfake_..., to /metrics"},
};

std::string flag_name(const Flag& flag) {
  std::string name = std::string("--") + flag.name;
  for (char& c : name)
    if (c == '_') c = '-';
  return name;
}

std::string variable_name(const Flag& flag) {
  std::string name(prefix);
  for (const char* c = flag.name; *c; ++c)
    name += lower(*c) == *c && is_letter(*c) ? static_cast<char>(*c - 32) : *c;
  if (name == "PROMFAKE_LABEL" || name == "PROMFAKE_ADD_METRIC") name += 'S';
  return name;
}

const Flag* find_flag(std::string_view name) {
  for (const Flag& flag : flags)
    if (name == flag_name(flag)) return &flag;
  return nullptr;
}

Layer parse_flags(const std::vector<std::string>& arguments, Options& options) {
  Layer layer;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
      continue;
    }
    if (name == "--version" || name == "-V") {
      options.version = true;
      continue;
    }
    std::optional<std::string> text;
    if (size_t equals = name.find('='); name.starts_with("--") && equals != std::string::npos) {
      text = name.substr(equals + 1);
      name.resize(equals);
    }
    const Flag* flag = find_flag(name);
    if (!flag) {
      layer.mistakes.push_back((name.starts_with("-") ? "unknown flag " : "unexpected argument ") +
                               quoted(name));
      continue;
    }
    if (!text && !flag->argument) text = "true";
    if (!text && i + 1 < arguments.size()) text = arguments[++i];
    if (!text)
      layer.mistakes.push_back(name + " needs " + flag->argument);
    else
      set_from_text(layer, flag->name, *text, name);
  }
  return layer;
}

Layer parse_environment(const std::vector<std::string>& environment) {
  Layer layer;
  for (const std::string& entry : environment) {
    if (!entry.starts_with(prefix)) continue;
    size_t equals = entry.find('=');
    std::string name = entry.substr(0, equals);
    const Flag* found = nullptr;
    for (const Flag& flag : flags)
      if (variable_name(flag) == name) found = &flag;
    bool kubernetes = name.starts_with("PROMFAKE_PORT") || name.starts_with("PROMFAKE_SERVICE_");
    if (!found && kubernetes) continue;  // set for a Service that is called promfake
    if (!found)
      layer.mistakes.push_back("unknown environment variable " + name);
    else if (equals + 1 < entry.size())  // empty counts as not set
      set_from_text(layer, found->name, entry.substr(equals + 1), name);
  }
  return layer;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment) {
  Options options;
  options.flags = parse_flags(arguments, options);
  options.environment = parse_environment(environment);
  return options;
}

Combined configure(const Options& options) {
  Layer file;
  auto path = options.flags.config_file ? options.flags.config_file : options.environment.config_file;
  if (path) file = load_config_file(*path);
  return combine({file, options.environment, options.flags});
}

std::string help_text() {
  std::string out =
      "prom-fake: a metric for Prometheus to scrape that everybody can set.\n\n"
      "Usage: prom-fake [flags]\n\nFlags (each also as environment variable):\n";
  for (const Flag& flag : flags) {
    std::string left = "  " + flag_name(flag) + (flag.argument ? std::string(" ") + flag.argument : "");
    left.resize(std::max<size_t>(left.size(), 30), ' ');
    out += left + " " + flag.help + "\n" + std::string(31, ' ') + "[" + variable_name(flag) + "]\n";
  }
  out +=
      "  --help, --version\n\n"
      "Paths:\n"
      "  GET  /                 a page that shows and sets the values\n"
      "  GET  /metrics          Prometheus text, or OpenMetrics when the Accept header asks for it\n"
      "  GET  /value            the default metric's value; POST or PUT sets it: 50, or {\"value\": 50}\n"
      "       /value/METRIC     the same for another metric; ?label=value selects one of its series\n"
      "  GET  /values           all of them as JSON\n"
      "  GET  /healthz /readyz  alive; ready (503 while draining after SIGTERM)\n\n"
      "Examples:\n"
      "  prom-fake\n"
      "  curl -d 50 http://localhost:8080/value\n"
      "  prom-fake --listen 127.0.0.1:9000 --metric queue_length --label queue=orders --value 7\n"
      "  prom-fake --add-metric 'jobs_done_total=100' --add-metric 'temperature{room=\"lab\"}=21.5'\n"
      "  prom-fake --config prom-fake.yaml\n\n"
      "Signals: SIGTERM stops gracefully within 5 seconds; SIGHUP reloads the configuration and keeps the "
      "values.\n"
      "Exit codes: 0 stopped on request, 2 invalid flags or configuration, 3 cannot listen on the address.\n";
  return out;
}

}  // namespace promfake
