# Writes OUT, a C++ source that holds the bytes of IN.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){20})" "\\1\n    " bytes "${bytes}")
file(WRITE ${OUT} "// Generated from page.html.
#include \"page.hpp\"

namespace promfake {

static constexpr unsigned char bytes[] = {
    ${bytes}};

const std::string& page() {
  static const std::string text(reinterpret_cast<const char*>(bytes), sizeof bytes);
  return text;
}

}  // namespace promfake
")
