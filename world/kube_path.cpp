#include "world/kube_path.hpp"

#include <cctype>

namespace hpawalk::world {
namespace {

// What RFC 3986 lets stand in a segment stays, but for "*": the HPA controller asks for all objects by %2A.
std::string encoded_once(std::string_view text) {
  constexpr std::string_view plain = "-._~!$&'()+,;=:@";
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) != 0 || plain.find(static_cast<char>(c)) != std::string_view::npos) {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

}  // namespace

std::string path_segment(std::string_view name) {
  if (name == ".") return "%252E";
  if (name == "..") return "%252E%252E";
  std::string once = encoded_once(name);
  return name.find_first_of("/%") == std::string_view::npos ? once : encoded_once(once);
}

std::string path_segments(std::string_view parts) {
  std::string out;
  for (size_t end; (end = parts.find('/')) != std::string_view::npos; parts.remove_prefix(end + 1)) {
    out += path_segment(parts.substr(0, end)) + "/";
  }
  return out + path_segment(parts);
}

}  // namespace hpawalk::world
