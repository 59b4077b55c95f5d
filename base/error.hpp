// Expected failures as values: what went wrong, why, and what to do next.
//
// Every error carries a stable id (`cluster-not-root`) that tests and scripts rely on; the
// words around it may change. Knows nothing about how an error is printed (cli/) or where it came from.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "base/error_id.hpp"

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
  std::string id;       // stable, of error_id.hpp
  std::string what;     // one sentence: what could not be done
  std::string because;  // the reason as it was observed; may be empty
  std::string hint;     // what to do next, if possible a command that can be pasted; may be empty
  std::string command;  // the failed child's command line, quoted for a shell; may be empty
  std::string output;   // the last lines that the child wrote to stderr; may be empty

  Error() = default;
  Error(ErrorClass its_kind, ErrorId its_id, std::string its_what, std::string its_because = {},
        std::string its_hint = {}, std::string its_command = {}, std::string its_output = {})
      : kind(its_kind),
        id(its_id.text()),
        what(std::move(its_what)),
        because(std::move(its_because)),
        hint(std::move(its_hint)),
        command(std::move(its_command)),
        output(std::move(its_output)) {}

  bool is(ErrorId other) const { return id == other.text(); }
  bool in(ErrorFamily family) const { return id.starts_with(family.prefix()); }
};

// An error of a family, of this member: `stage-NAME` becomes `stage-adapter`.
inline Error named(Error error, std::string_view name) {
  error.id.replace(error.id.size() - std::string_view("NAME").size(), std::string::npos, name);
  return error;
}

inline int exit_code(ErrorClass kind) {
  return static_cast<int>(kind);
}

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> failure(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

inline tl::unexpected<Error> failure(ErrorClass kind, ErrorId id, std::string what, std::string because = {},
                                     std::string hint = {}) {
  return failure(Error{kind, id, std::move(what), std::move(because), std::move(hint)});
}

inline tl::unexpected<Error> interrupted(std::string_view doing) {
  return failure(ErrorClass::interrupted, "interrupted", "Interrupted while " + std::string(doing));
}

}  // namespace hpawalk
