#include "cli/diagnosis_report.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk {
namespace {

constexpr size_t label_width = 14;

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

// Words wrapped to the width; later lines indented. Words longer than a line are left whole: they get pasted.
std::string wrapped(const std::string& text, size_t indent, int columns) {
  if (columns <= 0) return text;
  size_t width = std::max<size_t>(24, static_cast<size_t>(columns) - 1 - indent);
  std::string out;
  size_t used = 0;
  for (const std::string& word : text::split(text, ' ')) {
    if (used > 0 && used + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    } else if (used > 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string finding_text(const Finding& f, const Style& style, int columns) {
  std::string out;
  auto add = [&](std::string_view label, const std::string& text, bool wrap) {
    out += fmt::format("    {} {}\n", style.dim(fmt::format("{:<10}", label)), wrap ? wrapped(text, 15, columns) : text);
  };
  std::string heading = f.severity == Mark::broken ? style.bad(std::string(title_of(f.link)) + ": " + f.cause)
                                                   : style.warn(std::string(title_of(f.link)) + ": " + f.cause);
  out += fmt::format("  {}{}\n", heading, f.certainty == Certainty::certain ? "" : style.dim(fmt::format("  ({})", name_of(f.certainty))));
  add("why", f.sentence, true);
  for (size_t i = 0; i < f.evidence.size(); ++i) add(i == 0 ? "evidence" : "", f.evidence[i], true);
  std::vector<std::string> fix = text::lines(f.fix);
  for (size_t i = 0; i < fix.size(); ++i) add(i == 0 ? "fix" : "", fix[i], false);
  return out;
}

std::string chain_text(const ChainDiagnosis& chain, const Style& style, int columns) {
  const Finding* first = chain.first_broken();
  std::string out = fmt::format("  metric {}\n\n", style.bold(chain.metric));
  for (const LinkState& link : chain.links) {
    bool here = first != nullptr && link.link == first->link;
    std::string text = fmt::format("  {} {:<{}} ", painted(style, link.mark), title_of(link.link), label_width);
    std::string what = first_line(link.text);
    size_t room = columns > 0 ? static_cast<size_t>(std::max(20, columns - 1 - 8 - static_cast<int>(label_width))) : std::string::npos;
    if (what.size() > room) what = what.substr(0, room - 3) + "...";
    out += text + (here ? style.bold(what) : what) + "\n";
  }
  out += "\n";
  for (const Finding& f : chain.findings) {
    if (&f == first) out += style.bad("  First broken link") + "\n";
    else if (first != nullptr && &f == &chain.findings[1]) out += style.dim("  Further findings") + "\n";
    out += finding_text(f, style, columns);
  }
  return out;
}

std::string summary(const HpaDiagnosis& d, const Style& style) {
  Mark verdict = d.verdict();
  std::string why;
  for (const ChainDiagnosis& chain : d.chains) {
    if (const Finding* first = chain.first_broken(); first != nullptr && why.empty()) why = first->cause + ": " + first->sentence;
  }
  if (why.empty() && verdict == Mark::unknown) why = "a link could not be read";
  if (why.empty() && verdict == Mark::broken) why = "it does not work, and no cause was found";
  for (const ChainDiagnosis& chain : d.chains) {
    for (const Finding& f : chain.findings) {
      if (why.empty()) why = f.cause + ": " + f.sentence;
    }
  }
  return fmt::format("{} {}/{}{}", painted(style, verdict), d.space, d.name, why.empty() ? "" : "  " + why);
}

}  // namespace

std::string diagnosis_text(const std::vector<HpaDiagnosis>& diagnoses, const Style& style, int columns) {
  if (diagnoses.empty()) return "There is no HPA here; hpawalk diagnose -A looks in all namespaces\n";
  std::string out;
  bool many = diagnoses.size() > 3;
  for (const HpaDiagnosis& d : diagnoses) {
    bool whole = !many && (d.verdict() == Mark::ok);
    if (many && (d.verdict() == Mark::ok || d.verdict() == Mark::note)) {
      out += wrapped(summary(d, style), 5, columns) + "\n";
      continue;
    }
    out += fmt::format("{} {} -> {}\n", style.bold("HPA"), style.bold(d.space + "/" + d.name), d.target);
    for (const ChainDiagnosis& chain : d.chains) out += chain_text(chain, style, columns);
    if (d.chains.empty()) out += "  it has no metric\n";
    if (whole) out += "  " + style.good("Nothing is broken.") + "\n";
    out += "\n";
  }
  if (!many) return out;
  size_t broken = 0, unknown = 0;
  for (const HpaDiagnosis& d : diagnoses) {
    broken += d.verdict() == Mark::broken ? 1 : 0;
    unknown += d.verdict() == Mark::unknown ? 1 : 0;
  }
  return out + fmt::format("{} HPAs: {} broken, {} could not be judged, {} fine\n", diagnoses.size(), broken, unknown, diagnoses.size() - broken - unknown);
}

std::string diagnosis_markdown(const std::vector<HpaDiagnosis>& diagnoses) {
  std::string out = "# hpawalk diagnose\n";
  for (const HpaDiagnosis& d : diagnoses) {
    out += fmt::format("\n## {}/{} -> {}: {}\n", d.space, d.name, d.target, name_of(d.verdict()));
    for (const ChainDiagnosis& chain : d.chains) {
      out += fmt::format("\n### {}\n\n| Link | | Seen |\n|---|---|---|\n", chain.metric);
      for (const LinkState& link : chain.links) {
        std::string text = first_line(link.text);
        for (size_t bar = 0; (bar = text.find('|', bar)) != std::string::npos; bar += 2) text.replace(bar, 1, "\\|");
        out += fmt::format("| {} | {} | {} |\n", title_of(link.link), name_of(link.mark), text);
      }
      for (const Finding& f : chain.findings) {
        out += fmt::format("\n**{}** ({}, {}): {}\n\n", f.cause, f.severity == Mark::broken ? "broken" : "note", name_of(f.certainty), f.sentence);
        for (const std::string& e : f.evidence) out += "- " + e + "\n";
        if (!f.fix.empty()) out += "\n```sh\n" + f.fix + "\n```\n";
      }
    }
  }
  return out;
}

}  // namespace hpawalk
