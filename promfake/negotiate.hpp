// Which representation a client asked for: Accept and Accept-Encoding with their q-values (RFC 9110, 12.5).
// Knows nothing about how the representations are made.
#pragma once

#include <string_view>

namespace promfake {

enum class Format {
  text,
  openmetrics_1,
  openmetrics_0
};  // 0.0.4; 1.0.0; 0.0.1, which Prometheus before 2.49 asks for
std::string_view content_type(Format format);

// OpenMetrics only for who names it and likes it at least as much as the text; the text when nothing fits.
Format choose_format(std::string_view accept);

// Is application/json named, and not less wanted than text/plain?
bool prefers_json(std::string_view accept);

bool accepts_gzip(std::string_view accept_encoding);

}  // namespace promfake
