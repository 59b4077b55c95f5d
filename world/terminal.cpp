#include "world/terminal.hpp"

#include <cerrno>
#include <sys/ioctl.h>
#include <unistd.h>

namespace hpawalk {

static void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // the reader of our pipe has gone: nobody is left to tell
    text.remove_prefix(static_cast<size_t>(n));
  }
}

static winsize size_of_terminal() {
  winsize size{};
  for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size;
  }
  return winsize{24, 80, 0, 0};
}

void StandardTerminal::out(std::string_view text) { write_all(STDOUT_FILENO, text); }
void StandardTerminal::err(std::string_view text) { write_all(STDERR_FILENO, text); }
bool StandardTerminal::out_is_terminal() const { return isatty(STDOUT_FILENO) == 1; }
bool StandardTerminal::err_is_terminal() const { return isatty(STDERR_FILENO) == 1; }
int StandardTerminal::columns() const { return size_of_terminal().ws_col; }
int StandardTerminal::rows() const { return size_of_terminal().ws_row; }

}  // namespace hpawalk
