#include "cli/verify_report.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/junit.hpp"

namespace hpawalk::cli {

static constexpr const char* of_verify = "hpawalk.verify";

Painted verification_text(const diagnose::Verification& verification, const Style& style, int columns) {
  constexpr size_t indent = 18;
  Painted out;
  for (const diagnose::VerifiedLink& link : verification.links) {
    std::vector<std::string> lines = {indented(link.evidence, indent)};
    if (columns > 0)
      lines = wrap(link.evidence, static_cast<size_t>(std::max(24, columns - 1 - static_cast<int>(indent))));
    out += painted("{} {:<12} {}\n", check_sign(style, link.mark), link.name,
                   lines.empty() ? "" : lines.front());
    for (size_t i = 1; i < lines.size(); ++i) out += std::string(indent, ' ') + lines[i] + "\n";
  }
  for (const diagnose::Finding& note : verification.notes) {
    out += painted("{} {:<12} {} {}\n", style.warn("note"), name_of(note.link),
                   indented(note.sentence, indent), style.dim("[" + note.cause + "]"));
  }
  return std::move(out).without_line_end();
}

static Json to_json(const diagnose::Finding& f) {
  return {{"cause", f.cause},        {"link", name_of(f.link)}, {"certainty", name_of(f.certainty)},
          {"sentence", f.sentence},  {"evidence", f.evidence},  {"fix", diagnose::text_of(f.fix)},
          {"repair", to_json(f.fix)}};
}

Json verification_json(const diagnose::Verification& verification, const std::string& cluster,
                       world::Duration took) {
  Json links = Json::array(), notes = Json::array();
  for (const diagnose::VerifiedLink& link : verification.links)
    links.push_back({{"link", link.name}, {"mark", name_of(link.mark)}, {"evidence", link.evidence}});
  for (const diagnose::Finding& note : verification.notes) notes.push_back(to_json(note));
  return {{"cluster", cluster},
          {"verdict", name_of(verification.verdict())},
          {"seconds", static_cast<double>(took.count()) / 1000.0},
          {"links", links},
          {"notes", notes},
          {"firstBroken", verification.first_broken ? to_json(*verification.first_broken) : Json()}};
}

std::string verification_junit(const diagnose::Verification& verification, const std::string& cluster,
                               world::Duration took) {
  std::string cases;
  JunitCounts counts{.tests = verification.links.size()};
  for (const diagnose::VerifiedLink& link : verification.links) {
    std::string inside = fmt::format("<system-out>{}</system-out>", xml(link.evidence));
    const std::optional<diagnose::Finding>& first = verification.first_broken;
    if (link.mark == Mark::broken) {
      ++counts.failures;
      bool why = first && name_of(first->link) == link.name;
      std::string message = why ? first->sentence : link.evidence;
      std::string text =
          why ? text::join(first->evidence, "\n") + "\nfix: " + diagnose::text_of(first->fix) : link.evidence;
      inside = fmt::format("<failure type=\"{}\" message=\"{}\">{}</failure>",
                           xml(why ? first->cause : "broken"), xml(message), xml(text));
    } else if (link.mark == Mark::unknown) {
      ++counts.errors;
      inside = fmt::format("<error type=\"unknown\" message=\"{}\"/>", xml(link.evidence));
    } else if (link.mark == Mark::not_applicable) {
      ++counts.skipped;
      inside = fmt::format("<skipped message=\"{}\"/>", xml(link.evidence));
    }
    cases += junit_case(of_verify, link.name, inside);
  }
  return junit("hpawalk verify: " + cluster, counts, took, cases);
}

std::string verification_junit(const Error& error, const std::string& cluster) {
  std::string why = fmt::format("<error type=\"{}\" message=\"{}\">{}</error>", xml(error.id),
                                xml(error.what), xml(error.because));
  return junit("hpawalk verify: " + cluster, {.tests = 1, .errors = 1}, world::Duration(0),
               junit_case(of_verify, "chain", why));
}

}  // namespace hpawalk::cli
