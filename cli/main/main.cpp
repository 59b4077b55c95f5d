// The program: makes the real World and hands over to run(). The only place that exits.
#include <malloc.h>
#include <unistd.h>

#include "base/text.hpp"
#include "cli/run.hpp"

static hpawalk::Environment environment() {
  hpawalk::Environment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    if (size_t equals = text.find('='); equals != std::string_view::npos) {
      variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  return variables;
}

int main(int argc, char** argv) {
  using namespace hpawalk;
  claim_standard_streams();
  mallopt(M_ARENA_MAX, 1);  // else each thread that reads a long list keeps the memory that its pages took
  SignalInterrupt interrupt;
  Environment variables = environment();
  SystemProcesses processes(interrupt, variables);
  CurlHttp http(interrupt);
  DiskFiles files;
  SystemClock clock(interrupt);
  StandardTerminal terminal([&interrupt] { interrupt.request(); });
  World world{processes, http, files, clock, terminal, interrupt, variables};
  return run(std::vector<std::string>(argv, argv + argc), world);
}
