#include "playground/page.hpp"

#include <map>

namespace hpawalk::playground {

const std::map<std::string_view, std::string_view>& embedded_files();  // playground.html, or nothing

std::string_view page() {
  auto found = embedded_files().find("playground.html");
  return found == embedded_files().end() ? std::string_view() : found->second;
}

}  // namespace hpawalk::playground
