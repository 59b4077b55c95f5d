// hpawalk verify: prove every link of the chain, or name the first broken one.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "cli/open_chain.hpp"
#include "cli/verify_report.hpp"
#include "diagnose/verify.hpp"
#include "steps/chain_names.hpp"

namespace hpawalk::cli {
namespace {

using namespace std::chrono_literals;

struct VerifyOptions {
  bool wait = false;
  std::string output = "text";
};

struct Outcome {
  diagnose::Verification verification;
  world::Duration took{0};  // of the last look
};

Result<Outcome> look(Session& session, world::KubeApi& api, const diagnose::KnownChain& chain) {
  world::TimePoint start = session.world.clock.now();
  Result<diagnose::Facts> facts =
      diagnose::collect_known(api, session.world.http, session.world.clock, chain);
  if (!facts) return failure(facts.error());
  Outcome outcome{diagnose::verify(*facts, chain), {}};
  outcome.took = session.world.clock.now() - start;
  return outcome;
}

// The first link that does not hold, in a few words.
std::string trouble(const diagnose::Verification& verification) {
  if (verification.first_broken) return verification.first_broken->sentence;
  for (const diagnose::VerifiedLink& link : verification.links) {
    if (link.mark != Mark::ok && link.mark != Mark::note && link.mark != Mark::not_applicable)
      return link.name + ": " + link.evidence;
  }
  return {};
}

// Looks again every second until everything holds. A time-out is no error here: the last look says it all.
Result<Outcome> wait_for(Session& session, world::KubeApi& api, const diagnose::KnownChain& chain,
                         world::Duration limit) {
  Outcome last;
  session.progress.started("verify");
  Status waited = world::wait_until(session.world.clock, {limit, 1s}, "waiting for the chain",
                                    [&]() -> Result<world::StillWaiting> {
                                      Result<Outcome> looked = look(session, api, chain);
                                      if (!looked) return failure(looked.error());
                                      last = *looked;
                                      if (last.verification.verdict() == Mark::ok)
                                        return world::StillWaiting{};
                                      session.progress.now("verify", trouble(last.verification));
                                      return world::StillWaiting(trouble(last.verification));
                                    });
  if (waited) session.progress.done("verify", "every check passes");
  if (waited || waited.error().is("timeout")) return last;
  return failure(waited.error());
}

Status verdict(const diagnose::Verification& verification) {
  Mark mark = verification.verdict();
  if (mark == Mark::ok) return {};
  if (mark == Mark::unknown) {
    return failure(ErrorClass::environment, "link-unknown", "Some checks could not run",
                   trouble(verification), "hpawalk doctor   lists the missing permissions");
  }
  if (!verification.first_broken)
    return failure(ErrorClass::check_failed, "link-broken", "A check fails: " + trouble(verification));
  const diagnose::Finding& first = *verification.first_broken;
  Error error{
      ErrorClass::check_failed, "link-broken",
      fmt::format("The first failing check is {}: {}", diagnose::title_of(first.link), first.sentence),
      text::join(first.evidence, "\n"), diagnose::text_of(first.fix)};
  error.id = first.cause;  // the cause says more
  return failure(std::move(error));
}

Status verify_chain(Session& session, const OpenChain& chain, const VerifyOptions& options) {
  Result<diagnose::KnownChain> known = steps::known_chain(*chain.config);
  if (!known) return failure(known.error());
  Result<Outcome> outcome = options.wait
                                ? wait_for(session, *chain.api, *known, chain.config->duration("timeout"))
                                : look(session, *chain.api, *known);
  if (!outcome) return failure(outcome.error());
  world::World& world = session.world;
  std::string where = chain.target->name();
  Painted text =
      options.output == "junit"
          ? Painted(verification_junit(outcome->verification, where, outcome->took))
          : verification_text(outcome->verification, Style(world, world.terminal.out_is_terminal()),
                              world.terminal.out_is_terminal() ? world.terminal.columns() : 0);
  session.print(text, json_text(verification_json(outcome->verification, where, outcome->took), 2));
  return verdict(outcome->verification);
}

Status run_verify(Session& session, const SettingFlags& flags, const VerifyOptions& options) {
  Result<OpenChain> chain = open_chain(session, flags);
  Status verified = chain ? verify_chain(session, *chain, options) : failure(chain.error());
  // A reader of JUnit gets a document also where nothing could be looked at.
  if (!verified && options.output == "junit" && !session.printed) {
    session.print(verification_junit(verified.error(), chain ? chain->target->name() : "no cluster"), {});
  }
  return verified;
}

}  // namespace

void add_verify(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "verify", "Check every step of the chain through the APIs, and name the first failing check");
  auto options = std::make_shared<VerifyOptions>();
  command.add_flag("--wait", options->wait, "Repeat until every check passes, for at most --timeout");
  command.add_option("-o,--output", options->output, "Output format")
      ->check(CLI::IsMember({"text", "json", "junit"}))
      ->type_name("text|json|junit")
      ->capture_default_str();
  auto flags = add_settings(
      command,
      "  hpawalk verify\n  hpawalk verify --wait --timeout 120s\n  hpawalk verify -o junit > verify.xml\n\n"
      "Exit codes: 0 every check passes, 1 a check fails, 3 unknown.");
  command.callback([flags, options, &chosen] {
    chosen.output = options->output == "json" ? "json" : "text";
    chosen.action = [flags, options](Session& session) { return run_verify(session, *flags, *options); };
  });
}

}  // namespace hpawalk::cli
