#include "base/error_id.hpp"

namespace hpawalk {

constexpr std::string_view page_head = R"(# Errors

Every error of hpawalk has an id that does not change; scripts can rely on it, and on the exit code. The words around it
may change. With `--output json` the id is in `.error.id`.

| Exit code | Means |
|---|---|
| 0 | fine |
| 1 | a stage or a check failed: the cluster says no |
| 2 | the command line or the configuration is wrong; nothing was changed |
| 3 | a tool is missing, the cluster is out of reach, a permission is missing |
| 70 | internal error, a bug in hpawalk: report it |
| 130 | interrupted (Ctrl-C, SIGTERM) |
| 141 | whoever read stdout has gone, as in `hpawalk watch -o json \| head -3`: nothing more is said; what had been begun was ended as after Ctrl-C |

What `diagnose` finds in a metric's path has names of its own: [causes.md](causes.md).
)";

std::string errors_page() {
  std::string page(page_head), section;
  for (const ErrorEntry& entry : error_entries) {
    if (section != entry.section) {
      section = entry.section;
      page.append("\n## ").append(section).append(
          "\n\n| Id | Exit | Means, and what to do |\n|---|---|---|\n");
    }
    std::string ids = "`";
    for (char c : entry.ids) ids += c == ' ' ? "`, `" : std::string(1, c);
    page.append("| ")
        .append(ids)
        .append("` | ")
        .append(entry.exits)
        .append(" | ")
        .append(entry.means)
        .append(" |\n");
  }
  return page;
}

}  // namespace hpawalk
