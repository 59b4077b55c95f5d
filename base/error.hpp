// Expected failures as values: what went wrong, why, and what to do next.
//
// Every error carries a stable id (`cluster-not-root`) that tests, scripts and docs/errors.md rely on; the
// words around it may change. Knows nothing about how an error is printed (cli/) or where it came from.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace hpawalk {

// The class of a failure; its number is the process's exit code.
enum class ErrorClass {
  check_failed = 1,  // a stage or a check failed: the cluster says no
  usage = 2,         // the command line or the configuration is wrong; nothing was changed
  environment = 3,   // a tool is missing, a cluster is out of reach, no permission
  internal = 70,     // our bug
  interrupted = 130  // Ctrl-C or SIGTERM
};

struct Error {
  ErrorClass kind = ErrorClass::check_failed;
  std::string id;       // stable, kebab-case
  std::string what;     // one sentence: what could not be done
  std::string because;  // the reason as it was observed; may be empty
  std::string hint;     // what to do next, if possible a command that can be pasted; may be empty
  std::string command;  // the failed child's command line, quoted for a shell; may be empty
  std::string output;   // the last lines that the child wrote to stderr; may be empty
};

inline int exit_code(ErrorClass kind) {
  return static_cast<int>(kind);
}

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> failure(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

inline tl::unexpected<Error> failure(ErrorClass kind, std::string_view id, std::string what,
                                     std::string because = {}, std::string hint = {}) {
  return failure(Error{kind, std::string(id), std::move(what), std::move(because), std::move(hint), {}, {}});
}

inline tl::unexpected<Error> interrupted(std::string_view doing) {
  return failure(ErrorClass::interrupted, "interrupted", "Interrupted while " + std::string(doing));
}

}  // namespace hpawalk
