// One immutable, validated configuration in which every value remembers where it came from.
//
// defaults < hpawalk.yaml < environment < flags. All mistakes are found and reported at once, before anything
// is done. Pure: the caller reads the file. Which settings exist is in settings.hpp.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace hpawalk::config {

inline constexpr std::string_view default_config_file = "hpawalk.yaml";  // in the current folder

enum class Origin { fallback, file, environment, flag };
std::string_view origin_name(Origin origin);  // "default", "file", "environment", "flag"

struct Sources {
  std::string file_name = {};  // as the user knows it; empty: there is no file
  std::string file = {};       // its text
  std::map<std::string, std::string> environment = {};
  std::map<std::string, std::string> flags = {};  // by the setting's path
  bool file_named = true;                         // by the user; else it was only found
};

class Config {
 public:
  // The error `config` lists every mistake, one a line, in `because`.
  static Result<Config> from(const Sources& sources);

  // The same with one value that was learned from what the configuration names; `where` says from whom.
  Config with(std::string_view path, std::string_view text, std::string_view where) const;

  // `path` is one of settings(): anything else is our bug (std::out_of_range).
  const yaml::Value& value(std::string_view path) const { return entry(path).value; }
  std::string text(std::string_view path) const;
  int number(std::string_view path) const;
  std::chrono::milliseconds duration(std::string_view path) const;
  std::map<std::string, std::string> labels(std::string_view path) const;

  Origin origin(std::string_view path) const { return entry(path).origin; }
  std::string where(std::string_view path) const {
    return entry(path).where;
  }  // "hpawalk.yaml:12", "HPAWALK_HPA_MIN", "--hpa-min"

  // "hpawalk logs adapter --context prod": the command with the flags that said where to work, for hints.
  std::string again(const std::string& command) const;

 private:
  struct Entry {
    yaml::Value value;
    Origin origin = Origin::fallback;
    std::string where = {};
  };
  struct Reading;
  const Entry& entry(std::string_view path) const;
  std::string named(std::string_view path) const;
  void check_exposure(std::vector<std::string>& mistakes) const;
  void check_pod_security(std::vector<std::string>& mistakes) const;
  void check_together(std::vector<std::string>& mistakes) const;
  void check_azure(std::vector<std::string>& mistakes) const;
  std::map<std::string, Entry, std::less<>> entries_;
  std::string file_;  // as it was named; empty when it is ./hpawalk.yaml or none
};

// A hpawalk.yaml with every setting at its default, each explained and commented out.
std::string example_file();

}  // namespace hpawalk::config
