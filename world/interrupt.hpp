// Ctrl-C and SIGTERM as a value that waiting code can look at.
//
// Everything in world/ that waits also waits for this; nobody else handles signals. A second signal ends the
// program at once, for a user who does not want to wait for the tidy way out.
#pragma once

namespace hpawalk::world {

class Interrupt {
 public:
  virtual ~Interrupt() = default;
  virtual bool requested() const = 0;
  virtual int fd() const = 0;  // readable (poll POLLIN) once an interrupt was requested; -1: never
};

// Blocks SIGINT, SIGTERM and SIGHUP in the calling thread and in every thread it starts later, and reads them
// on a thread of its own. Make exactly one, first thing in main.
class SignalInterrupt final : public Interrupt {
 public:
  SignalInterrupt();
  ~SignalInterrupt() override;
  SignalInterrupt(const SignalInterrupt&) = delete;
  SignalInterrupt& operator=(const SignalInterrupt&) = delete;

  bool requested() const override;
  int fd() const override { return event_; }
  void request();  // as Ctrl-C does: for a command that has lost its purpose

 private:
  int event_;
};

}  // namespace hpawalk::world
