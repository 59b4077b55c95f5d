#include "lint/suppress.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/causes.hpp"
#include "diagnose/view.hpp"
#include "lint/scaled_object.hpp"

namespace hpawalk::lint {

namespace {

// One cause that somebody ignores, and of what.
struct Ignored {
  std::string cause, reason;
  Place place;             // where it is written
  const Object* object;    // of an annotation, or of a comment before the object; null: of a line
  int line = 0;            // of a comment: the line that it is about
  std::string written_in;  // "The annotation hpawalk/ignore"
  bool used = false;

  bool means(const Finding& finding) const {
    if (finding.cause != cause) return false;
    if (line > 0 && finding.place.file == place.file && finding.place.line == line) return true;
    if (object == nullptr) return false;
    if (finding.object == object->ref()) return true;
    const std::string hpa = hpa_title(*object);
    return !hpa.empty() && std::find(finding.hpas.begin(), finding.hpas.end(), hpa) != finding.hpas.end();
  }
};

// "CAUSE: reason; CAUSE: reason".
void read_ignored(const std::string& text, const Ignored& as, std::vector<Ignored>& all) {
  for (const std::string& one : text::split(text, ';')) {
    const size_t colon = one.find(':');
    Ignored ignored = as;
    ignored.cause = text::trim(std::string_view(one).substr(0, colon));
    if (ignored.cause.empty()) continue;
    if (colon != std::string::npos) ignored.reason = text::trim(std::string_view(one).substr(colon + 1));
    all.push_back(std::move(ignored));
  }
}

std::vector<Ignored> all_ignored(const Contents& contents) {
  std::vector<Ignored> all;
  for (const Object& object : contents.objects) {
    const Json& text = at(object.value, {"metadata", "annotations", ignore_annotation});
    if (!text.is_string()) continue;
    read_ignored(text.get<std::string>(),
                 {{},
                  {},
                  object.written.of("metadata.annotations"),
                  &object,
                  0,
                  fmt::format("The annotation {}", ignore_annotation)},
                 all);
  }
  for (const Comment& comment : contents.comments) {
    // Above the first line of an object, it is about all of the object.
    const Object* whole = nullptr;
    for (const Object& object : contents.objects) {
      const Place begin = object.written.of("");
      if (comment.above && begin.file == comment.place.file && begin.line == comment.line) whole = &object;
    }
    read_ignored(
        comment.text,
        {{}, {}, comment.place, whole, comment.line, fmt::format("The comment {}", ignore_annotation)}, all);
  }
  return all;
}

Finding finding_of(const Ignored& ignored, const char* cause, Level level, std::string sentence,
                   std::string fix) {
  Finding finding;
  finding.cause = cause;
  finding.level = level;
  finding.place = ignored.place;
  if (ignored.object != nullptr) finding.object = ignored.object->ref();
  finding.sentence = std::move(sentence);
  finding.fix = std::move(fix);
  return finding;
}

// The cause that was meant, where there is none of that id.
std::string unknown_cause(const std::string& cause) {
  std::vector<std::string> ids;
  for (const diagnose::Cause* known : diagnose::causes()) ids.emplace_back(known->id);
  for (const FileCause& known : file_causes) ids.emplace_back(known.id);
  if (std::find(ids.begin(), ids.end(), cause) != ids.end()) return {};
  const auto near = text::nearest(cause, ids);
  return fmt::format("; no cause has that name{}", near ? ", did you mean " + *near + "?" : "");
}

}  // namespace

void suppress(const Contents& contents, std::vector<Finding>& findings) {
  std::vector<Ignored> all = all_ignored(contents);
  for (Finding& finding : findings) {
    for (Ignored& ignored : all) {
      if (!ignored.means(finding)) continue;
      ignored.used = true;
      if (!ignored.reason.empty()) finding.ignored = ignored.reason;
    }
  }
  for (const Ignored& ignored : all) {
    if (ignored.reason.empty()) {
      findings.push_back(finding_of(
          ignored, "ignore-without-reason", Level::warning,
          fmt::format("{} ignores {} without a reason", ignored.written_in, ignored.cause),
          fmt::format("Write the reason behind it: {}: \"{}: why\"", ignore_annotation, ignored.cause)));
    } else if (!ignored.used) {
      findings.push_back(
          finding_of(ignored, "ignore-unused", Level::note,
                     fmt::format("{} ignores {}, which was not found there{}", ignored.written_in,
                                 ignored.cause, unknown_cause(ignored.cause)),
                     "Remove it, or write it at the line or object that the finding names"));
    }
  }
}

}  // namespace hpawalk::lint
