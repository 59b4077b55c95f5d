#include "diagnose/causes.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace hpawalk::diagnose {

static constexpr const Cause* registry[] = {
#define CAUSE(name) &cause::name,
#include "diagnose/causes.inc"
#undef CAUSE
};

std::span<const Cause* const> causes() {
  return registry;
}

const Cause* find_cause(std::string_view id) {
  auto found = std::find_if(causes().begin(), causes().end(), [&](const Cause* c) { return c->id == id; });
  return found == causes().end() ? nullptr : *found;
}

std::string explain(const Cause& c) {
  return fmt::format(
      "{}   (link: {})\n\n  symptom    {}\n  reason     {}\n  detected   {}\n  fix        {}\n", c.id,
      title_of(c.link), c.symptom, c.reason, c.detection, c.fix);
}

static std::string section_of(const Cause& c) {
  return fmt::format(
      "\n### {}\n\n- **Symptom**: {}\n- **Reason**: {}\n- **Detected by**: {}\n- **Fix**: {}\n", c.id,
      c.symptom, c.reason, c.detection, c.fix);
}

std::string causes_page() {
  std::string page =
      "# Causes that `hpawalk diagnose` can name\n\n"
      "The causes are grouped by the check that fails, in the order in which a value travels. `hpawalk "
      "explain CAUSE` prints one cause. [lint.md](lint.md#what-it-finds) has the causes that only manifests "
      "show.\n\n"
      "The unit tests generate this page from the causes in diagnose/ (UPDATE_GOLDEN=1).\n";
  for (Link link : all_links) {
    page += fmt::format("\n## {}\n", title_of(link));
    for (const Cause* c : causes()) {
      if (c->link == link) page += section_of(*c);
    }
  }
  return page;
}

}  // namespace hpawalk::diagnose
