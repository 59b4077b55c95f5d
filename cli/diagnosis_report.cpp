#include "cli/diagnosis_report.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/markdown.hpp"

namespace hpawalk::cli {
namespace {

constexpr size_t label_width = 14;

// Later lines are indented, those of the text's own too: none may look like one of the report. Words longer
// than a line are left whole: they get pasted.
std::string in_columns(const std::string& text, size_t indent, int columns) {
  size_t width = columns <= 0 ? 0 : std::max<size_t>(24, static_cast<size_t>(columns) - 1 - indent);
  return wrapped(text, width, indent);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Painted finding_text(const diagnose::Finding& f, const Style& style, int columns) {
  Painted out;
  auto add = [&](std::string_view label, const std::string& text, bool wrap) {
    out += painted("    {} {}\n", style.dim(fmt::format("{:<10}", label)),
                   wrap ? in_columns(text, 15, columns) : text);
  };
  Painted heading = f.severity == Mark::broken
                        ? style.bad(std::string(diagnose::title_of(f.link)) + ": " + f.cause)
                        : style.warn(std::string(diagnose::title_of(f.link)) + ": " + f.cause);
  out += painted("  {}{}\n", heading,
                 f.certainty == diagnose::Certainty::certain
                     ? Painted()
                     : style.dim(fmt::format("  ({})", name_of(f.certainty))));
  add("why", f.sentence, true);
  for (size_t i = 0; i < f.evidence.size(); ++i) add(i == 0 ? "evidence" : "", f.evidence[i], true);
  std::vector<std::string> fix = text::lines(diagnose::text_of(f.fix));
  for (size_t i = 0; i < fix.size(); ++i) add(i == 0 ? "fix" : "", fix[i], false);
  return out;
}

Painted chain_text(const diagnose::ChainDiagnosis& chain, const Style& style, int columns) {
  const diagnose::Finding* first = chain.first_broken();
  Painted out = painted("  metric {}\n\n", style.bold(printable_line(chain.metric)));
  for (const diagnose::LinkState& link : chain.links) {
    bool here = first != nullptr && link.link == first->link;
    Painted text =
        painted("  {} {:<{}} ", check_sign(style, link.mark), diagnose::title_of(link.link), label_width);
    std::string what = printable_line(first_line(link.text));
    size_t room = columns > 0
                      ? static_cast<size_t>(std::max(20, columns - 1 - 8 - static_cast<int>(label_width)))
                      : std::string::npos;
    if (what.size() > room) what = std::string(shortened(what, room - 3)) + "...";
    out += text + (here ? style.bold(what) : Painted(what)) + "\n";
  }
  out += "\n";
  for (const diagnose::Finding& f : chain.findings) {
    if (&f == first)
      out += style.bad("  First failing check") + "\n";
    else if (first != nullptr && &f == &chain.findings[1])
      out += style.dim("  Further findings") + "\n";
    out += finding_text(f, style, columns);
  }
  return out;
}

std::string first_unknown(const diagnose::HpaDiagnosis& d) {
  for (const diagnose::ChainDiagnosis& chain : d.chains) {
    for (const diagnose::LinkState& link : chain.links) {
      if (link.mark == Mark::unknown)
        return fmt::format("{}: {}", diagnose::title_of(link.link), first_line(link.text));
    }
  }
  return {};
}

// What is told first about an HPA: its first broken link, else what could not be read, else the first note.
std::string headline(const diagnose::HpaDiagnosis& d) {
  for (const diagnose::ChainDiagnosis& chain : d.chains) {
    if (const diagnose::Finding* first = chain.first_broken()) return first->cause + ": " + first->sentence;
  }
  Mark verdict = d.verdict();
  if (verdict == Mark::broken) {
    std::string unseen = first_unknown(d);
    return unseen.empty() ? "it fails, and no cause was found"
                          : "it fails, and the cause could not be determined: " + unseen;
  }
  if (verdict == Mark::unknown) return first_unknown(d);
  for (const diagnose::ChainDiagnosis& chain : d.chains) {
    if (verdict == Mark::note && !chain.findings.empty()) {
      return chain.findings.front().cause + ": " + chain.findings.front().sentence;
    }
  }
  return {};
}

std::string full_name(const diagnose::HpaDiagnosis& d) {
  return printable_line(d.space + "/" + d.name);
}

Painted whole_chain(const diagnose::HpaDiagnosis& d, const Style& style, int columns) {
  Painted out =
      painted("{} {} -> {}\n", style.bold("HPA"), style.bold(full_name(d)), printable_line(d.target));
  for (const diagnose::ChainDiagnosis& chain : d.chains) out += chain_text(chain, style, columns);
  if (d.chains.empty()) out += "  it has no metric\n";
  if (d.verdict() == Mark::ok) out += painted("  {}\n", style.good("Nothing is broken."));
  return out + "\n";
}

// HPAs that say the same, with what they say: one fault of what all share is one line.
struct Alike {
  Mark verdict;
  std::string what;
  std::vector<const diagnose::HpaDiagnosis*> hpas;
};

std::vector<Alike> grouped(const std::vector<diagnose::HpaDiagnosis>& diagnoses) {
  std::vector<Alike> groups;
  std::map<std::pair<Mark, std::string>, size_t> known;
  for (const diagnose::HpaDiagnosis& d : diagnoses) {
    auto [place, fresh] = known.try_emplace({d.verdict(), headline(d)}, groups.size());
    if (fresh) groups.push_back({d.verdict(), headline(d), {}});
    groups[place->second].hpas.push_back(&d);
  }
  auto rank = [](Mark m) { return m == Mark::broken ? 0 : m == Mark::unknown ? 1 : m == Mark::note ? 2 : 3; };
  std::stable_sort(groups.begin(), groups.end(), [&](const Alike& a, const Alike& b) {
    return rank(a.verdict) != rank(b.verdict) ? rank(a.verdict) < rank(b.verdict)
                                              : a.hpas.size() > b.hpas.size();
  });
  return groups;
}

std::string names_of(const std::vector<const diagnose::HpaDiagnosis*>& hpas, size_t most) {
  std::vector<std::string> names;
  for (const diagnose::HpaDiagnosis* d : hpas) {
    if (names.size() < most) names.push_back(full_name(*d));
  }
  std::string all = text::join(names, ", ");
  return hpas.size() > most ? fmt::format("{} and {} more", all, hpas.size() - most) : all;
}

std::string counts(const std::vector<diagnose::HpaDiagnosis>& diagnoses) {
  size_t broken = 0, unknown = 0;
  for (const diagnose::HpaDiagnosis& d : diagnoses) {
    broken += d.verdict() == Mark::broken ? 1 : 0;
    unknown += d.verdict() == Mark::unknown ? 1 : 0;
  }
  return fmt::format("{} HPAs: {} broken, {} unknown, {} ok", diagnoses.size(), broken, unknown,
                     diagnoses.size() - broken - unknown);
}

// Many HPAs: what stands how, then the chain of one of each kind of trouble.
Painted overview(const std::vector<diagnose::HpaDiagnosis>& diagnoses, const Style& style, int columns) {
  constexpr size_t most_names = 6, most_chains = 3;
  std::vector<Alike> groups = grouped(diagnoses);
  Painted out = style.bold(counts(diagnoses)) + "\n\n";
  for (const Alike& alike : groups) {
    size_t most = alike.verdict == Mark::ok ? 3 : most_names;
    out += painted("{} {}\n", check_sign(style, alike.verdict),
                   in_columns(names_of(alike.hpas, most), 5, columns));
    if (!alike.what.empty()) out += painted("     {}\n", in_columns(alike.what, 5, columns));
  }
  out += "\n";
  size_t shown = 0, troubles = 0;
  for (const Alike& alike : groups) {
    if (alike.verdict != Mark::broken && alike.verdict != Mark::unknown) continue;
    ++troubles;
    if (++shown > most_chains) continue;
    out += whole_chain(*alike.hpas.front(), style, columns);
  }
  if (troubles > most_chains) {
    out += fmt::format(
        "{} more kinds of problems: hpawalk diagnose NAME -n NAMESPACE shows the chain of one HPA\n",
        troubles - most_chains);
  }
  return out;
}

}  // namespace

Painted diagnosis_text(const std::vector<diagnose::HpaDiagnosis>& diagnoses, const Style& style,
                       int columns) {
  constexpr size_t few = 3;
  if (diagnoses.size() > few) return overview(diagnoses, style, columns);
  Painted out;
  for (const diagnose::HpaDiagnosis& d : diagnoses) out += whole_chain(d, style, columns);
  return out;
}

static std::string finding_markdown(const diagnose::Finding& f) {
  std::string out = fmt::format("\n**{}** ({}, {}): {}\n\n", markdown::text(f.cause),
                                f.severity == Mark::broken ? "broken" : "note", name_of(f.certainty),
                                markdown::text(f.sentence));
  for (const std::string& e : f.evidence) out += "- " + markdown::code(e) + "\n";
  std::string fix = diagnose::text_of(f.fix);
  if (fix.empty()) return out;
  bool runs = !diagnose::command_of(f.fix).empty() || !diagnose::look_of(f.fix).empty();
  return out + "\n" + (runs ? markdown::block(fix, "sh") : "Fix: " + markdown::text(fix) + "\n");
}

std::string diagnosis_markdown(const std::vector<diagnose::HpaDiagnosis>& diagnoses) {
  auto cell = [](const std::string& text) { return markdown::text(first_line(text)); };
  std::string out = "# hpawalk diagnose\n";
  if (diagnoses.size() > 1) {
    out += fmt::format("\n{}\n\n| HPA | | First |\n|---|---|---|\n", counts(diagnoses));
    for (const diagnose::HpaDiagnosis& d : diagnoses) {
      out += fmt::format("| {} | {} | {} |\n", cell(full_name(d)), name_of(d.verdict()), cell(headline(d)));
    }
  }
  for (const diagnose::HpaDiagnosis& d : diagnoses) {
    out += fmt::format("\n## {} -> {}: {}\n", markdown::text(full_name(d)), markdown::text(d.target),
                       name_of(d.verdict()));
    for (const diagnose::ChainDiagnosis& chain : d.chains) {
      out += fmt::format("\n### {}\n\n| Link | | Seen |\n|---|---|---|\n", markdown::text(chain.metric));
      for (const diagnose::LinkState& link : chain.links) {
        out += fmt::format("| {} | {} | {} |\n", diagnose::title_of(link.link), name_of(link.mark),
                           cell(link.text));
      }
      for (const diagnose::Finding& f : chain.findings) out += finding_markdown(f);
    }
  }
  return out;
}

}  // namespace hpawalk::cli
