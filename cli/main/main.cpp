// The program: makes the real World and hands over to run(). The only place that exits.
#include <malloc.h>
#include <unistd.h>

#include "base/text.hpp"
#include "cli/run.hpp"

static hpawalk::world::Environment environment() {
  hpawalk::world::Environment variables;
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
  world::claim_standard_streams();
  mallopt(M_ARENA_MAX, 1);  // else each thread that reads a long list keeps the memory that its pages took
  world::SignalInterrupt interrupt;
  world::Environment variables = environment();
  world::SystemProcesses processes(interrupt, variables);
  world::DiskFiles files;
  world::CurlHttp http(interrupt, world::tls_roots(variables, files));
  world::SystemClock clock(interrupt);
  world::StandardTerminal terminal([&interrupt] { interrupt.request(); });
  world::World world{processes, http, files, clock, terminal, interrupt, variables};
  return cli::run(std::vector<std::string>(argv, argv + argc), world);
}
