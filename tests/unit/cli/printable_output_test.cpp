// Whatever others wrote, nothing that hpawalk shows steers a terminal.
#include <doctest/doctest.h>

#include "base/printable.hpp"
#include "cli/columns.hpp"
#include "cli/diagnosis_report.hpp"
#include "cli/error_report.hpp"
#include "cli/html_report.hpp"
#include "cli/live_screen.hpp"
#include "cli/progress_report.hpp"
#include "cli/verify_report.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/mischief.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::observe;
using namespace hpawalk::diagnose;
using namespace hpawalk::cli;
using fakes::harmless;
using fakes::mischief;

TEST_CASE(
    "Errors, progress, diagnosis, verification, the live screen and HTML show no control character of "
    "others") {
  fakes::FakeWorld fake;
  report_error(Error{ErrorClass::environment, "file", mischief + "\nok   error   forged", mischief, mischief,
                     mischief, mischief},
               fake.world, true);
  auto progress = make_progress(fake.world);
  progress->started("step");
  progress->line("step", mischief);
  progress->done("step", mischief + "\nok   step   forged");
  progress.reset();
  CHECK(harmless(fake.terminal.errors));
  CHECK(fake.terminal.errors.find("\nok   error") == std::string::npos);
  CHECK(fake.terminal.errors.find("\nok   step   forged") == std::string::npos);
  CHECK(harmless(fake.terminal.output));

  Style plain(fake.world, false);
  HpaDiagnosis hpa;
  hpa.space = "shop", hpa.name = mischief + "\nok   name   forged",
  hpa.target = mischief + "\nok   target   forged";
  ChainDiagnosis chain;
  chain.metric = mischief + "\nok   metric   forged";
  for (LinkState& link : chain.links) link = {Link::hpa, Mark::broken, mischief};
  Finding finding;
  finding.link = Link::hpa, finding.cause = "cause", finding.sentence = mischief,
  finding.evidence = {mischief + "\nok   hpa   forged"};
  chain.findings = {finding};
  hpa.chains = {chain};
  std::string text = diagnosis_text({hpa}, plain, 60).bytes();
  CHECK(harmless(text));
  CHECK(text.find("\nok ") == std::string::npos);  // a line of the evidence is none of the report

  Verification verification;
  verification.links = {{"hpa", Mark::broken, mischief + "\xEF\xBF\xBE" + "\nok   link   forged"}};
  CHECK(harmless(verification_text(verification, plain, 60).bytes()));
  CHECK(verification_text(verification, plain, 0).bytes().find("\nok ") == std::string::npos);
  std::string junit = verification_junit(verification, mischief, Duration(0));
  CHECK(harmless(junit));
  CHECK(junit.find("\xEF\xBF\xBE") == std::string::npos);
  CHECK(harmless(html::escape(mischief)));

  Hops hops;
  hops.hpa.known = hops.hpa.there = true;
  hops.hpa.conditions["ScalingActive"] = {"False", "Failed", mischief + "\n\n\n" + mischief};
  hops.events = {EventSeen{}};
  hops.events.back().message = mischief + "\nsecond line";
  Outlook outlook;
  outlook.text = mischief;
  for (const Painted& line :
       LiveScreen(mischief, {}).draw(hops, outlook, WallTime{}, Canvas{80, true, plain}, 24)) {
    CHECK(harmless(line.bytes()));
    CHECK(line.bytes().find('\n') == std::string::npos);
    CHECK(shown_width(line.bytes()) <=
          80);  // a longer line would wrap, and the next drawing begin at the wrong place
  }
}

TEST_CASE("JUnit has a document also when nothing could be looked at") {
  std::string junit = verification_junit(
      Error{ErrorClass::environment, "kube-forbidden", "No \x1b[2J <HPAs>", "because & so", {}, {}, {}},
      "here");
  CHECK(junit.find("tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\"") != std::string::npos);
  CHECK(junit.find(
            "<error type=\"kube-forbidden\" message=\"No \\x1b[2J &lt;HPAs&gt;\">because &amp; so</error>") !=
        std::string::npos);
}
