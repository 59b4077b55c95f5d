#include "exposition.hpp"

#include "value.hpp"
#include "version.hpp"

namespace promfake {
namespace {

// The text format escapes quotes only in label values, OpenMetrics in the help as well.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (c == '"' && quotes)) out += '\\';
    out += c;
  }
}

// OpenMetrics names a counter's family without the _total of its samples.
void append_head(std::string& out, std::string_view name, std::string_view help, Kind kind, Format format) {
  if (kind == Kind::counter && format != Format::text) name.remove_suffix(6);
  if (!help.empty()) {
    out.append("# HELP ").append(name) += ' ';
    append_escaped(out, help, format != Format::text);
    out += '\n';
  }
  out.append("# TYPE ").append(name) += ' ';
  out.append(name_of(kind)) += '\n';
}

void append_series(std::string& out, const Series& series) {
  out += series.name;
  for (size_t i = 0; i < series.labels.size(); ++i) {
    out += i ? ',' : '{';
    out.append(series.labels[i].name) += "=\"";
    append_escaped(out, series.labels[i].value, true);
    out += '"';
  }
  if (!series.labels.empty()) out += '}';
  out += ' ';
  append_value(out, series.value);
  out += '\n';
}

void append_own(std::string& out, const char* name, const char* help, Kind kind, Format format,
                double value) {
  append_head(out, name, help, kind, format);
  append_series(out, {name, {}, kind, {}, value});
}

void append_self(std::string& out, const SelfMetrics& self, Format format) {
  append_head(out, "promfake_build_info", "The running version, as a label.", Kind::gauge, format);
  append_series(out, {"promfake_build_info", {}, Kind::gauge, {{"version", version}}, 1});
  append_own(out, "promfake_connections", "Open connections.", Kind::gauge, format,
             static_cast<double>(self.connections_open));
  append_own(out, "promfake_connections_accepted_total", "Accepted connections.", Kind::counter, format,
             static_cast<double>(self.connections_accepted));
  append_own(out, "promfake_connections_refused_total", "Connections refused because of the limit.",
             Kind::counter, format, static_cast<double>(self.connections_refused));
  append_own(out, "promfake_reloads_total", "Configuration reloads after SIGHUP.", Kind::counter, format,
             static_cast<double>(self.reloads));
  constexpr const char* requests = "promfake_http_requests_total";
  append_head(out, requests, "Requests by response code and path.", Kind::counter, format);
  for (size_t route = 0; route < self.requests.size(); ++route)
    for (size_t code = 0; code < SelfMetrics::codes.size(); ++code)
      if (auto count = self.requests[route][code])
        append_series(out, {requests,
                            {},
                            Kind::counter,
                            {{"code", std::to_string(SelfMetrics::codes[code])},
                             {"path", std::string(label_of(static_cast<Route>(route)))}},
                            static_cast<double>(count)});
}

}  // namespace

std::string render(const Metrics& metrics, const SelfMetrics* self, Format format) {
  std::string out;
  const Series* previous = nullptr;
  for (const Series& series : metrics.series) {
    if (!previous || previous->name != series.name)
      append_head(out, series.name, series.help, series.kind, format);
    append_series(out, series);
    previous = &series;
  }
  if (self) append_self(out, *self, format);
  if (format != Format::text) out += "# EOF\n";
  return out;
}

}  // namespace promfake
