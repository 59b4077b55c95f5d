// Everything outside of the program's own memory, passed by reference to whoever needs it. The rest of the
// code has no other way to cause or to see a side effect; tests pass fakes (tests/fakes/).
#pragma once

#include "world/clock.hpp"
#include "world/files.hpp"
#include "world/http.hpp"
#include "world/interrupt.hpp"
#include "world/process.hpp"
#include "world/terminal.hpp"

namespace hpawalk::world {

struct World {
  Processes& processes;
  Http& http;
  Files& files;
  Clock& clock;
  Terminal& terminal;
  const Interrupt& interrupt;
  Environment environment;  // variables, as main found them
};

}  // namespace hpawalk::world
