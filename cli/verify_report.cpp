#include "cli/verify_report.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/html_report.hpp"

namespace hpawalk {
namespace {

std::string painted(const Style& style, Mark mark) {
  switch (mark) {
    case Mark::ok: return style.good("ok  ");
    case Mark::broken: return style.bad("FAIL");
    case Mark::unknown: return style.warn("?   ");
    case Mark::note: return style.warn("note");
    case Mark::not_applicable: return style.dim("-   ");
  }
  return "?   ";
}

// Inside an attribute: XML knows no control characters, and would make a line end a blank.
std::string xml(std::string_view text) {
  std::string out;
  for (char c : html::escape(text)) {
    if (c == '\n') {
      out += "&#10;";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

double seconds(Duration took) { return static_cast<double>(took.count()) / 1000.0; }

}  // namespace

std::string verification_text(const Verification& verification, const Style& style, int columns) {
  constexpr size_t indent = 18;
  std::string out;
  for (const VerifiedLink& link : verification.links) {
    std::vector<std::string> lines = {link.evidence};
    if (columns > 0) lines = wrap(link.evidence, static_cast<size_t>(std::max(24, columns - 1 - static_cast<int>(indent))));
    out += fmt::format("{} {:<12} {}\n", painted(style, link.mark), link.name, lines.empty() ? "" : lines.front());
    for (size_t i = 1; i < lines.size(); ++i) out += std::string(indent, ' ') + lines[i] + "\n";
  }
  for (const Finding& note : verification.notes) {
    out += fmt::format("{} {:<12} {} {}\n", style.warn("note"), name_of(note.link), note.sentence, style.dim("[" + note.cause + "]"));
  }
  if (!out.empty()) out.pop_back();
  return out;
}

static Json to_json(const Finding& f) {
  return {{"cause", f.cause}, {"link", name_of(f.link)}, {"certainty", name_of(f.certainty)}, {"sentence", f.sentence},
          {"evidence", f.evidence}, {"fix", text_of(f.fix)}, {"repair", to_json(f.fix)}};
}

Json to_json(const Verification& verification, const std::string& cluster, Duration took) {
  Json links = Json::array(), notes = Json::array();
  for (const VerifiedLink& link : verification.links) links.push_back({{"link", link.name}, {"mark", name_of(link.mark)}, {"evidence", link.evidence}});
  for (const Finding& note : verification.notes) notes.push_back(to_json(note));
  return {{"cluster", cluster}, {"verdict", name_of(verification.verdict())}, {"seconds", seconds(took)}, {"links", links}, {"notes", notes},
          {"firstBroken", verification.first_broken ? to_json(*verification.first_broken) : Json()}};
}

std::string verification_junit(const Verification& verification, const std::string& cluster, Duration took) {
  std::string cases;
  int failed = 0, unknown = 0, skipped = 0;
  for (const VerifiedLink& link : verification.links) {
    std::string inside = fmt::format("<system-out>{}</system-out>", xml(link.evidence));
    const std::optional<Finding>& first = verification.first_broken;
    if (link.mark == Mark::broken) {
      ++failed;
      bool why = first && name_of(first->link) == link.name;
      std::string message = why ? first->sentence : link.evidence;
      std::string text = why ? text::join(first->evidence, "\n") + "\nfix: " + text_of(first->fix) : link.evidence;
      inside = fmt::format("<failure type=\"{}\" message=\"{}\">{}</failure>", xml(why ? first->cause : "broken"), xml(message), xml(text));
    } else if (link.mark == Mark::unknown) {
      ++unknown;
      inside = fmt::format("<error type=\"unknown\" message=\"{}\"/>", xml(link.evidence));
    } else if (link.mark == Mark::not_applicable) {
      ++skipped;
      inside = fmt::format("<skipped message=\"{}\"/>", xml(link.evidence));
    }
    cases += fmt::format("    <testcase classname=\"hpawalk.verify\" name=\"{}\">{}</testcase>\n", xml(link.name), inside);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"hpawalk verify: {}\" tests=\"{}\" failures=\"{}\" "
      "errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n{}  </testsuite>\n</testsuites>",
      xml(cluster), verification.links.size(), failed, unknown, skipped, seconds(took), cases);
}

}  // namespace hpawalk
