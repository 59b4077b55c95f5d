#include "steps/bundle.hpp"

#include <fmt/format.h>

#include "base/redact.hpp"

namespace hpawalk::steps {
namespace {

using namespace std::chrono_literals;

constexpr size_t most_bytes = 32U << 20U;  // it has four million

tl::unexpected<Error> no_bundle(ErrorClass kind, const std::string& what, const std::string& because,
                                const std::string& hint = "--operator-bundle FILE takes one from a file") {
  return failure(kind, "operator-bundle", what, because, hint);
}

Result<std::string> fetched(world::World& world, const std::string& source) {
  std::string shown = text::redact(source);
  Result<world::HttpResponse> response =
      world.http.send(world::HttpRequest{.url = source, .limit = 2min, .download = true});
  if (!response && response.error().kind == ErrorClass::interrupted) return failure(response.error());
  if (!response) return no_bundle(ErrorClass::environment, "Cannot fetch " + shown, response.error().because);
  if (!response->ok()) {
    return no_bundle(ErrorClass::environment, "Cannot fetch " + shown,
                     fmt::format("the server returned {}", response->status));
  }
  if (response->body.size() > most_bytes) {
    return no_bundle(ErrorClass::environment, "Cannot fetch " + shown, "it is larger than 32 MiB");
  }
  return std::move(response->body);
}

Result<std::string> sha256(world::World& world, const std::string& text) {
  Result<std::string> sum =
      world::run_checked(world.processes, world::Command{.argv = {"sha256sum"}, .input = text},
                         "operator-bundle", "Cannot compute the checksum of the operator's bundle");
  if (!sum) return sum;
  return sum->substr(0, 64);
}

}  // namespace

Result<std::string> read_bundle(world::World& world, const config::Config& config,
                                const std::string& source) {
  std::string expected = config.text("operator.bundle-sha256"), version = config.text("operator.version");
  bool from_net = source.find("://") != std::string::npos, named = !config.text("operator.bundle").empty();
  if (from_net && !source.starts_with("https://")) {
    return no_bundle(ErrorClass::usage, "The operator's bundle is fetched only over https",
                     "not from " + text::redact(source));
  }
  // A file that the user names is his own business; so is a URL of his, once he says what must come from
  // there.
  if (expected.empty() && !named && version == KnownBundle::version) expected = KnownBundle::sha256;
  if (expected.empty() && from_net) {
    return no_bundle(ErrorClass::usage, "The expected checksum of the operator's bundle is unknown",
                     named
                         ? "it would be fetched from " + text::redact(source)
                         : fmt::format("hpawalk knows the checksum of version {}, and operator.version is {}",
                                       KnownBundle::version, version),
                     "--operator-bundle-sha256 SUM, as sha256sum prints it of a copy that you trust; or "
                     "--operator-bundle FILE");
  }
  Result<std::string> text = from_net ? fetched(world, source) : world.files.read(source);
  if (!text || expected.empty()) return text;
  Result<std::string> sum = sha256(world, *text);
  if (!sum) return sum;
  if (*sum == expected) return text;
  return no_bundle(ErrorClass::environment, text::redact(source) + " is not the expected operator bundle",
                   fmt::format("its SHA-256 is {}, not {}", *sum, expected),
                   "Nothing was changed; --operator-bundle FILE takes one from a file");
}

}  // namespace hpawalk::steps
