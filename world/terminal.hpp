// What the user sees. Results go to out, progress and errors to err.
//
// Both take Painted text and nothing else, so that all that is printed, to a terminal, a pipe or a file, has
// passed base/printable.hpp.
#pragma once

#include <atomic>
#include <functional>
#include <string_view>

#include "base/painted.hpp"

namespace hpawalk::world {

class Terminal {
 public:
  virtual ~Terminal() = default;
  void out(const Painted& text) { write_out(text.bytes()); }
  void err(const Painted& text) { write_err(text.bytes()); }
  virtual bool out_is_terminal() const = 0;
  virtual bool err_is_terminal() const = 0;
  virtual int columns() const = 0;  // of the terminal; 80 where there is none
  virtual int rows() const = 0;     // 24 where there is none

  // Why out takes no more, as an errno: EPIPE when its reader has gone. 0: it does.
  virtual int out_failure() const { return 0; }
  // Finds out whether out's reader has gone, where nothing was written for a while.
  virtual void look_at_out() {}

 private:
  virtual void write_out(std::string_view bytes) = 0;
  virtual void write_err(std::string_view bytes) = 0;
};

class StandardTerminal final : public Terminal {
 public:
  // `when_out_fails` is called once: a command without an end should end then.
  explicit StandardTerminal(std::function<void()> when_out_fails)
      : when_out_fails_(std::move(when_out_fails)) {}
  bool out_is_terminal() const override;
  bool err_is_terminal() const override;
  int columns() const override;
  int rows() const override;
  int out_failure() const override { return out_failure_; }
  void look_at_out() override;

 private:
  void write_out(std::string_view bytes) override;
  void write_err(std::string_view bytes) override;
  void out_failed(int number);
  std::function<void()> when_out_fails_;
  std::atomic<int> out_failure_ = 0;
};

// Opens those of the descriptors 0, 1 and 2 that are closed, so that no file or socket opened later gets the
// number and takes what is meant for a terminal. To be called first thing in main.
void claim_standard_streams();

}  // namespace hpawalk::world
