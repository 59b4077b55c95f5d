#include "cluster/prom_fake_image.hpp"

#ifdef PROM_FAKE_ARCHIVE
// The assembler reads the file: as a string literal, a megabyte would take the compiler half a minute.
asm(R"(
  .section .rodata
  .balign 16
hpawalk_archive_begin:
  .incbin ")" PROM_FAKE_ARCHIVE R"("
hpawalk_archive_end:
  .previous
)");
extern "C" const char hpawalk_archive_begin[], hpawalk_archive_end[];
#endif

namespace hpawalk::cluster {

std::string_view prom_fake_archive() {
#ifdef PROM_FAKE_ARCHIVE
  return {hpawalk_archive_begin, static_cast<size_t>(hpawalk_archive_end - hpawalk_archive_begin)};
#else
  return {};
#endif
}

}  // namespace hpawalk::cluster
