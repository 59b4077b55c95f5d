#include "config.hpp"

#include <arpa/inet.h>

#include <charconv>

#include "text.hpp"
#include "value.hpp"

namespace promfake {
namespace {

std::optional<int> parse_int(std::string_view text, int least, int most) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) return {};
  return number;
}

std::optional<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : {"true", "yes", "on", "1"})
    if (equal_ignoring_case(text, yes)) return true;
  for (std::string_view no : {"false", "no", "off", "0"})
    if (equal_ignoring_case(text, no)) return false;
  return {};
}

struct Setter {
  Layer& layer;
  std::string_view text;
  std::string where;

  void wrong(std::string why) { layer.mistakes.push_back(where + ": " + std::move(why)); }
  void number(std::optional<int>& to, int least, int most) {
    to = parse_int(text, least, most);
    if (!to)
      wrong("expected a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
            ", not " + quoted(text));
  }
  void boolean(std::optional<bool>& to) {
    to = parse_bool(text);
    if (!to) wrong("expected true or false, not " + quoted(text));
  }
  template <class T, class U>
  void outcome(Outcome<T> parsed, U& to) {
    if (parsed)
      to = std::move(*parsed);
    else
      wrong(parsed.why);
  }
  void add_labels() {
    auto& labels = layer.labels ? *layer.labels : layer.labels.emplace();
    for (std::string_view part : split(text, ',')) {
      if (part.empty()) continue;
      Label label;
      outcome(parse_label(part), label);
      labels.push_back(std::move(label));
    }
  }
  void add_series() {
    for (std::string_view part : split(text, ';')) {
      if (part.empty()) continue;
      if (auto series = parse_series(part))
        layer.further.push_back(std::move(*series));
      else
        wrong(series.why);
    }
  }
  void kind() {
    if (text == "gauge")
      layer.kind = Kind::gauge;
    else if (text == "counter")
      layer.kind = Kind::counter;
    else
      wrong("expected gauge or counter, not " + quoted(text));
  }
};

template <class T>
void lay(T& config, const std::optional<T>& over) {
  if (over) config = *over;
}

Series default_series() {
  Series series;
  series.name = "prom_fake_value";
  series.help = "The value that was set last.";
  return series;
}

void lay_default_metric(Series& first, const Layer& layer) {
  if (layer.name) {
    first.name = *layer.name;
    first.kind = first.name.ends_with("_total") ? Kind::counter : Kind::gauge;
  }
  lay(first.help, layer.help);
  lay(first.kind, layer.kind);
  lay(first.labels, layer.labels);
  lay(first.value, layer.value);
}

}  // namespace

Outcome<Address> parse_address(std::string_view text) {
  auto fail = [&](const std::string& why) {
    return Outcome<Address>::fail("expected ADDRESS:PORT, like 0.0.0.0:8080, [::1]:8080 or :8080; " + why);
  };
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail("no colon in " + quoted(text));
  auto port = parse_int(text.substr(colon + 1), 0, 65535);
  if (!port) return fail("the port is a number from 0 to 65535, not " + quoted(text.substr(colon + 1)));
  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  if (host == "*") host.clear();
  bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  unsigned char binary[16];
  bool v4 = inet_pton(AF_INET, host.c_str(), binary) == 1,
       v6 = inet_pton(AF_INET6, host.c_str(), binary) == 1;
  if (!host.empty() && (brackets ? !v6 : !v4))
    return fail(v6 ? "an IPv6 address requires brackets"
                   : "the address must be numeric, not a name: " + quoted(host));
  return Outcome<Address>::ok({host, *port});
}

std::string to_string(const Address& address) {
  bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool set_from_text(Layer& layer, std::string_view key, std::string_view text, const std::string& where) {
  Setter setter{layer, text, where};
  if (key == "listen")
    setter.outcome(parse_address(text), layer.listen);
  else if (key == "config")
    layer.config_file = text;
  else if (key == "log_requests")
    setter.boolean(layer.log_requests);
  else if (key == "self_metrics")
    setter.boolean(layer.self_metrics);
  else if (key == "max_connections")
    setter.number(layer.max_connections, 1, 1000000);
  else if (key == "idle_timeout")
    setter.number(layer.idle_timeout, 1, 86400);
  else if (key == "request_timeout")
    setter.number(layer.request_timeout, 1, 86400);
  else if (key == "metric")
    layer.name = text;
  else if (key == "metric_help")
    layer.help = text;
  else if (key == "metric_type")
    setter.kind();
  else if (key == "value")
    setter.outcome(parse_value(text), layer.value);
  else if (key == "label" || key == "labels")
    setter.add_labels();
  else if (key == "add_metric" || key == "add_metrics")
    setter.add_series();
  else
    return false;
  return true;
}

Combined combine(const std::vector<Layer>& layers) {
  Combined result;
  Config& config = result.config;
  config.series = {default_series()};
  for (const Layer& layer : layers) {
    lay(config.listen, layer.listen);
    lay(config.log_requests, layer.log_requests);
    lay(config.self_metrics, layer.self_metrics);
    lay(config.max_connections, layer.max_connections);
    lay(config.idle_timeout, layer.idle_timeout);
    lay(config.request_timeout, layer.request_timeout);
    lay(config.series, layer.metrics);
    lay_default_metric(config.series.front(), layer);
    config.series.insert(config.series.end(), layer.further.begin(), layer.further.end());
    result.mistakes.insert(result.mistakes.end(), layer.mistakes.begin(), layer.mistakes.end());
  }
  auto wrong = arrange(config.series);
  if (result.mistakes.empty()) result.mistakes = std::move(wrong);  // they may only follow from the others
  return result;
}

}  // namespace promfake
