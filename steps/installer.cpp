#include "steps/installer.hpp"

#include <vector>

#include "base/fingerprint.hpp"
#include "base/text.hpp"

namespace hpawalk::steps {

namespace {

// Containers of one machine have its boot id, but host names of their own.
std::string this_machine(world::Files& files) {
  Result<std::string> boot = files.read("/proc/sys/kernel/random/boot_id"),
                      host = files.read("/proc/sys/kernel/hostname");
  return boot && host ? fingerprint(*boot + *host) : std::string();
}

struct Process {
  std::string number, start;
};

// "NUMBER (NAME) STATE ...": the name may hold anything, brackets too. The start is the line's field 22.
Process process_at(world::Files& files, const std::string& folder) {
  Result<std::string> stat = files.read(folder + "/stat");
  if (!stat) return {};
  size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos || name_end + 2 > stat->size()) return {};
  std::vector<std::string> behind = text::split(std::string_view(*stat).substr(name_end + 2), ' ');
  constexpr size_t state = 0, start = 19;
  if (behind.size() <= start || behind[state] == "Z" || behind[state] == "X") return {};
  return {stat->substr(0, stat->find(' ')), behind[start]};
}

}  // namespace

std::string this_installer(world::Files& files) {
  std::string machine = this_machine(files);
  Process self = process_at(files, "/proc/self");
  return machine.empty() || self.number.empty() ? std::string()
                                                : machine + "." + self.number + "." + self.start;
}

InstallerState look_for_installer(world::Files& files, const std::string& installer) {
  std::vector<std::string> parts = text::split(installer, '.');
  if (parts.size() != 3 || parts[0] != this_machine(files)) return InstallerState::unknown;
  if (parts[1].empty() || parts[1].find_first_not_of("0123456789") != std::string::npos)
    return InstallerState::unknown;
  return process_at(files, "/proc/" + parts[1]).start == parts[2] ? InstallerState::running
                                                                  : InstallerState::gone;
}

}  // namespace hpawalk::steps
