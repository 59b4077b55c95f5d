// How long-running work tells the user what it is doing. Implemented in cli/ (live terminal, plain lines).
#pragma once

#include <string>

namespace hpawalk::world {

// A step is named by its title; steps may overlap and be reported from several threads.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void started(const std::string& step) = 0;
  virtual void now(const std::string& step, const std::string& detail) = 0;  // replaces the last detail
  virtual void done(const std::string& step, const std::string& evidence) = 0;
  virtual void failed(const std::string& step, const std::string& reason) = 0;
  // A line of a long log, which a file or a pipe should have whole; a terminal shows the latest.
  virtual void line(const std::string& step, const std::string& text) { now(step, text); }
};

}  // namespace hpawalk::world
