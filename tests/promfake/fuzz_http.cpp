// What must hold for any bytes: no crash, no sanitizer report, limits kept, the same answers however the
// bytes are cut into packets, a value that is taken reads back the same, and what is rendered stays within
// the text format.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "config_file.hpp"
#include "http_connection.hpp"
#include "text.hpp"
#include "value.hpp"

using namespace promfake;

static void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

static App fresh_app() {
  App app;
  app.show_self = false;
  app.metrics.series = {*parse_series("prom_fake_value 5"), *parse_series("q{a=1} 1"),
                        *parse_series("q{a=2} 2"), *parse_series("jobs_total 3")};
  return app;
}

// All output of one conversation, without the refusal that ended it: which of several mistakes is seen first
// may depend on how the bytes were cut, that one is seen may not; packets of `step` bytes, resumed whenever
// the output was "sent".
static std::string talk(std::string_view bytes, size_t step) {
  App app = fresh_app();
  HttpConnection::Shared shared{app, {}, nullptr, "date"};
  HttpConnection http(shared);
  std::string all;
  auto send = [&] {
    for (;;) {
      require(http.output().size() < 64 * 1024 + 16 * 1024, "the output is bounded");
      all += http.output();
      http.output().clear();
      if (!http.paused() || http.closing()) return;
      http.resume();
    }
  };
  for (size_t at = 0; at < bytes.size() && !http.closing(); at += step) {
    http.feed(bytes.substr(at, step));
    send();
  }
  require(all.empty() || all.starts_with("HTTP/1.1 "), "answers are HTTP");
  for (const Series& series : app.metrics.series) {
    auto again = parse_value(format_value(series.value));
    require(again && (std::isnan(*again) ? std::isnan(series.value) : *again == series.value),
            "values read back");
  }
  if (http.failed()) {
    all.resize(all.rfind("HTTP/1.1 ", all.rfind("\r\nDate: date\r\n")));
    all += "refused";
  }
  return all;
}

static void try_value(std::string_view bytes) {
  auto value = parse_value_body(bytes);
  require(value || !value.why.empty(), "a refusal has a reason");
  require(is_utf8(value.why), "a reason is text");
  if (!value) return;
  auto again = parse_value(format_value(*value));
  require(again.value.has_value(), "what was printed is read");
  require(std::isnan(*value) ? std::isnan(*again)
                             : (*again == *value && std::signbit(*again) == std::signbit(*value)),
          "what was printed reads back the same");
}

static void try_config(std::string_view bytes) {
  Layer file = parse_config_file(bytes, "f");
  Combined combined = combine({file});
  (void)combined;
  if (auto series = parse_series(bytes)) {
    std::vector<Series> one = {*series};
    if (!arrange(one).empty()) return;
    auto again = parse_series(series_title(one[0]));
    require(again && (*again).name == one[0].name && (*again).labels.size() == one[0].labels.size(),
            "a series' title reads back");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: try_value(bytes); break;
    case 1: try_config(bytes); break;
    default:
      require(talk(bytes, bytes.size() + 1) == talk(bytes, 1 + data[0] / 8 % 7), "packets do not matter");
  }
  return 0;
}
