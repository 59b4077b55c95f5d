#include "world/terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cerrno>

namespace hpawalk::world {

// 0, or the errno of the write that failed.
static int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

static winsize size_of_terminal() {
  winsize size{};
  for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size;
  }
  return winsize{24, 80, 0, 0};
}

void StandardTerminal::out_failed(int number) {
  int none = 0;
  if (out_failure_.compare_exchange_strong(none, number)) when_out_fails_();
}

void StandardTerminal::write_out(std::string_view bytes) {
  if (out_failure_ != 0) return;
  if (int number = write_all(STDOUT_FILENO, bytes); number != 0) out_failed(number);
}

// Where errors cannot be written there is nowhere to say so: the work goes on without a reader.
void StandardTerminal::write_err(std::string_view bytes) {
  static_cast<void>(write_all(STDERR_FILENO, bytes));
}

void StandardTerminal::look_at_out() {
  pollfd out{STDOUT_FILENO, 0, 0};  // POLLERR is reported unasked: a pipe without a reader
  if (out_failure_ == 0 && poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) out_failed(EPIPE);
}

bool StandardTerminal::out_is_terminal() const {
  return isatty(STDOUT_FILENO) == 1;
}
bool StandardTerminal::err_is_terminal() const {
  return isatty(STDERR_FILENO) == 1;
}
int StandardTerminal::columns() const {
  return size_of_terminal().ws_col;
}
int StandardTerminal::rows() const {
  return size_of_terminal().ws_row;
}

void claim_standard_streams() {
  // open takes the lowest free number. What stands for out can only be read, so that writing to it fails as
  // it should.
  constexpr int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd) _exit(3);
  }
}

}  // namespace hpawalk::world
