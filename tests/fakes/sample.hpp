// Many cases, of which a plain run tries some, the same each time. EVERY_CASE=1 (set by ./test) tries all of
// them.
#pragma once

#include <cstdlib>
#include <string_view>

namespace hpawalk::fakes {

inline bool every_case() {
  const char* set = std::getenv("EVERY_CASE");
  return set != nullptr && std::string_view(set) == "1";
}

// Takes every `nth` case.
class Sample {
 public:
  explicit Sample(size_t nth) : nth_(every_case() ? 1 : nth) {}
  bool takes() { return number_++ % nth_ == 0; }

 private:
  size_t nth_, number_ = 0;
};

}  // namespace hpawalk::fakes
