#include "lint/fix.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "hpasim/older_version.hpp"

namespace hpawalk::lint {

namespace {

bool separates(const std::string& line) {
  return line == "---" || line.starts_with("--- ");
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// One document of a file; nothing if it is to stay.
std::optional<std::string> rewritten(const std::string& document) {
  auto parsed = yaml::parse(document, nullptr, yaml::Scalars::kubectl);
  if (!parsed || !parsed->is_object() || parsed->value("kind", yaml::Value()) != "HorizontalPodAutoscaler")
    return std::nullopt;
  const yaml::Value version = parsed->value("apiVersion", yaml::Value());
  auto v2 = hpasim::as_v2(*parsed);
  if (!version.is_string() || !v2 || !hpasim::gone_since(version.get<std::string>())) return std::nullopt;
  const std::string old = version.get<std::string>();
  if (old == "autoscaling/v2beta1") return yaml::block(v2->hpa);
  std::vector<std::string> lines = text::lines(document);
  for (std::string& line : lines) {
    size_t at = line.find(old);
    if (!line.starts_with("apiVersion:") || at == std::string::npos) continue;
    line.replace(at, old.size(), "autoscaling/v2");
    return joined(lines);
  }
  return yaml::block(v2->hpa);
}

}  // namespace

std::optional<std::string> in_v2(const Source& source) {
  if (source.text.find("autoscaling/v2beta") == std::string::npos) return std::nullopt;
  std::string out;
  bool changed = false;
  std::vector<std::string> document;
  auto end = [&] {
    std::string written = joined(document);
    std::optional<std::string> newer = rewritten(written);
    changed |= newer.has_value();
    out += newer.value_or(written);
    document.clear();
  };
  for (const std::string& line : text::lines(source.text)) {
    if (separates(line)) {
      end();
      out += line + "\n";
    } else {
      document.push_back(line);
    }
  }
  end();
  return changed ? std::optional(out) : std::nullopt;
}

}  // namespace hpawalk::lint
