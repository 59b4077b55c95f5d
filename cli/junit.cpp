#include "cli/junit.hpp"

#include <fmt/format.h>

#include "cli/html_report.hpp"

namespace hpawalk::cli {

// Inside an attribute, where XML would make a line end or a tab a blank. html::escape has made it printable,
// which leaves two characters that XML does not know: U+FFFE and U+FFFF.
std::string xml(std::string_view raw) {
  std::string text = html::escape(raw), out;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view three = std::string_view(text).substr(i, 3);
    if (text[i] == '\n' || text[i] == '\t') {
      out += text[i] == '\n' ? "&#10;" : "&#9;";
    } else if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
      out += three.back() == '\xBE' ? "\\ufffe" : "\\uffff";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string junit(const std::string& suite, const JunitCounts& counts, world::Duration took,
                  const std::string& cases) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" "
      "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n{}  "
      "</testsuite>\n</testsuites>",
      xml(suite), counts.tests, counts.failures, counts.errors, counts.skipped,
      static_cast<double>(took.count()) / 1000.0, cases);
}

std::string junit_case(const std::string& class_name, const std::string& name, const std::string& inside) {
  return fmt::format("    <testcase classname=\"{}\" name=\"{}\">{}</testcase>\n", xml(class_name), xml(name),
                     inside);
}

}  // namespace hpawalk::cli
