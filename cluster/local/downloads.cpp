#include "cluster/local/downloads.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::local {

Result<bool> upstream_answers(world::World& world, const std::vector<const PartSet*>& sets,
                              const KubernetesRelease& release, world::Progress& progress) {
  const std::string step = "upstream";
  progress.started(step);
  if (!world.processes.find("curl")) {
    progress.done(step, "curl is not installed: compiling");
    return false;
  }
  std::vector<std::string> argv = {"curl",   "--silent",   "--head", "--parallel",  "--proto",
                                   "=https", "--max-time", "4",      "--write-out", "%{url} %{http_code}\n"};
  std::set<std::string> silent;
  for (const std::string& host : upstream_hosts(sets, release)) {
    argv.insert(argv.end(), {"--output", "/dev/null", "https://" + host + "/"});
    silent.insert(host);
  }
  progress.now(step, "do its hosts answer?");
  Result<world::Outcome> asked =
      world.processes.run(world::Command{.argv = std::move(argv), .limit = std::chrono::seconds(8)});
  if (!asked && asked.error().kind == ErrorClass::interrupted) return failure(asked.error());
  // Any answer is one: the page itself does not matter. 000 is none.
  for (const std::string& line : text::lines(asked ? asked->output : std::string())) {
    const size_t blank = line.rfind(' ');
    if (blank == std::string::npos || line.substr(blank + 1) == "000") continue;
    std::erase_if(silent, [&](const std::string& host) { return line.starts_with("https://" + host + "/"); });
  }
  if (silent.empty()) {
    progress.done(step, "its hosts answer: taking its release");
    return true;
  }
  const std::vector<std::string> names(silent.begin(), silent.end());
  progress.done(step, fmt::format("no answer from {}: compiling", text::join(names, ", ")));
  return false;
}

namespace {

// curl's exit codes where there is no host, no answer, no trusted host, or no such file on it.
constexpr std::array not_to_be_had = {5, 6, 7, 22, 28, 35, 60};
constexpr int cannot_resume = 33;

struct Fetcher {
  world::World& world;
  const PartSet& set;
  Published from;
  fs::path folder;  // final name
  world::Progress& progress;

  fs::path partial() const { return folder.string() + ".partial"; }
  fs::path downloads() const { return partial() / "downloads"; }
  fs::path download(const ReleaseFile& file) const { return downloads() / file.name(); }
  std::string step() const { return "fetch " + set.title; }

  Result<std::string> curl(const std::string& url, const std::vector<std::string>& more) const {
    world::Command command{
        .argv = {"curl", "--fail", "--location", "--silent", "--show-error", "--proto", "=https",
                 "--connect-timeout", "10", "--speed-limit", "1024", "--speed-time", "30"},
        .limit = std::chrono::hours(2)};
    command.argv.insert(command.argv.end(), more.begin(), more.end());
    command.argv.push_back(url);
    Result<world::Outcome> ended = world.processes.run(command);
    if (!ended) return failure(ended.error());
    if (ended->ok()) return ended->output;
    const bool absent =
        std::find(not_to_be_had.begin(), not_to_be_had.end(), ended->exit_code) != not_to_be_had.end();
    Error error{
        ErrorClass::environment,
        absent ? ErrorId("release-unavailable") : ErrorId("release-download"),
        "Cannot fetch " + url,
        std::string(text::trim(text::last_lines(ended->errors, 1))),
        absent ? "Check the network (curl takes a proxy from https_proxy), then run the command again: it "
                 "continues where it stopped. --from compile compiles instead"
               : "Run the command again: it continues where it stopped. --from compile compiles instead",
        text::shell_quote(command.argv),
        {}};
    // The next attempt would end in the same way.
    if (ended->exit_code == cannot_resume) {
      if (Status removed = world.files.remove_all(downloads()); !removed) return failure(removed.error());
    }
    return failure(std::move(error));
  }

  Result<std::string> run(std::vector<std::string> argv, const std::string& what) const {
    return world::run_checked(world.processes,
                              world::Command{.argv = std::move(argv), .limit = std::chrono::minutes(10)},
                              "release-download", what);
  }

  Result<std::string> expected_sum(const ReleaseFile& file) const {
    if (!file.sha256.empty()) return file.sha256;
    Result<std::string> text = curl(file.sums, {});
    if (!text) return text;
    if (std::string sum = published_sum(*text, file.name()); !sum.empty()) return sum;
    return failure(ErrorClass::environment, "release-checksum", "No checksum is published for " + file.url,
                   file.sums + " does not contain one",
                   "Nothing of it was used; --from compile compiles instead");
  }

  Result<std::string> sum_of(const ReleaseFile& file) const {
    Result<std::string> sum =
        run({"sha256sum", download(file)}, "Cannot compute the checksum of " + file.name());
    return sum ? Result<std::string>(sum->substr(0, 64)) : sum;
  }

  Status fetch(const ReleaseFile& file) const {
    Result<std::string> expected = expected_sum(file);
    if (!expected) return failure(expected.error());
    if (world.files.exists(download(file))) {  // of a command that was interrupted
      Result<std::string> sum = sum_of(file);
      if (!sum) return failure(sum.error());
      if (*sum == *expected) return {};
    }
    Result<std::string> fetched = curl(file.url, {"--continue-at", "-", "--output", download(file)});
    if (!fetched) return failure(fetched.error());
    Result<std::string> sum = sum_of(file);
    if (!sum) return failure(sum.error());
    if (*sum == *expected) return {};
    if (Status removed = world.files.remove_all(download(file)); !removed) return removed;
    return failure(ErrorClass::environment, "release-checksum", file.url + " is not the published file",
                   fmt::format("its SHA-256 is {}, not {}{}", *sum, *expected,
                               file.sums.empty() ? "" : ", which " + file.sums + " says"),
                   "It was removed, and nothing of it was used. Run the command again; if that is the "
                   "result again, something on the way changes it: --from compile compiles instead");
  }

  // Only the named programs leave an archive.
  Status unpack(const ReleaseFile& file) const {
    const auto folders = std::count(file.members[0].begin(), file.members[0].end(), '/');
    std::vector<std::string> argv = {
        "tar",         "--extract",    "--gzip",
        "--file",      download(file), "--no-same-owner",
        "--directory", partial(),      fmt::format("--strip-components={}", folders)};
    argv.insert(argv.end(), file.members.begin(), file.members.end());
    if (Result<std::string> done = run(argv, "Cannot unpack " + file.name()); !done)
      return failure(done.error());
    return {};
  }

  Status install() const {
    std::vector<std::string> chmod = {"chmod", "755"};
    for (const ReleaseFile& file : from.files) {
      Status done =
          file.members.empty() ? world.files.rename(download(file), partial() / file.name()) : unpack(file);
      if (!done) return done;
    }
    for (const auto& [program, built_as] : set.programs) {
      if (!from.only_as_images.contains(program)) chmod.push_back(partial() / program);
    }
    if (chmod.size() > 2) {
      if (Result<std::string> done = run(chmod, "Cannot make the programs executable"); !done)
        return failure(done.error());
    }
    if (Status removed = world.files.remove_all(downloads()); !removed) return removed;
    return world.files.rename(partial(), folder);
  }

  Status all() const {
    for (const fs::path& each : {partial(), downloads()}) {
      if (Status made = world.files.make_folder(each); !made) return made;
    }
    size_t count = 0;
    for (const ReleaseFile& file : from.files) {
      progress.now(step(), fmt::format("{} of {}: {}", ++count, from.files.size(), file.url));
      if (Status fetched = fetch(file); !fetched) return fetched;
    }
    return install();
  }
};

}  // namespace

Status fetch_set(world::World& world, const PartSet& set, const KubernetesRelease& release,
                 const fs::path& folder, world::Progress& progress) {
  Fetcher fetcher{world, set, published(set, release, architecture()), folder, progress};
  progress.started(fetcher.step());
  Status done = fetcher.all();
  if (!done) {
    progress.failed(fetcher.step(), done.error().what);
    return done;
  }
  progress.done(fetcher.step(),
                fetcher.from.files.empty()
                    ? std::string("published as an image")
                    : fmt::format("{} files, each with its published checksum", fetcher.from.files.size()));
  return {};
}

}  // namespace hpawalk::local
