// A target that responds, but with what Prometheus does not take.
#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {
namespace {

constexpr const char* text_format = "PrometheusText0.0.4";

void content_type(const Scrape& s, const Json& target, const std::string& sentence,
                  std::vector<std::string> evidence) {
  std::string says = "Make the application respond with Content-Type: text/plain; version=0.0.4";
  Fix fix = advice(says + ", or set fallback_scrape_protocol for the scrape job");
  std::optional<Endpoint> endpoint = endpoint_of(s, target);
  if (endpoint && at(*endpoint->monitor->object, "spec.fallbackScrapeProtocol").is_null()) {
    const Monitor& m = *endpoint->monitor;
    fix = merge_patch(ref_of_monitor(m), *m.object, {{"spec", {{"fallbackScrapeProtocol", text_format}}}},
                      fmt::format("Make Prometheus read the targets of {} as {} if their Content-Type says "
                                  "nothing that it knows; or correct the Content-Type in the application",
                                  m.ref(), text_format))
              .value_or(fix);
  }
  s.report.broken(cause::target_down,
                  sentence + "; from version 3 on, Prometheus does not guess the format of a response",
                  std::move(evidence), fix);
}

void too_many_samples(const Scrape& s, const Json& target, const std::string& sentence,
                      std::vector<std::string> evidence) {
  std::optional<Endpoint> endpoint = endpoint_of(s, target);
  std::string says = "Expose fewer samples, or raise the sample limit of the scrape job";
  std::vector<std::string> look;
  if (endpoint) {
    const Monitor& m = *endpoint->monitor;
    const Json& limit = at(*m.object, "spec.sampleLimit");
    look = look_at("get", ref_of_monitor(m));
    says = limit.is_null()
               ? fmt::format(
                     "Expose fewer samples, or set a higher sampleLimit: {} has none, so the limit is "
                     "one of the Prometheus object (sampleLimit, enforcedSampleLimit)",
                     m.ref())
               : fmt::format("Expose fewer samples, or raise spec.sampleLimit of {}", m.ref());
    if (!limit.is_null()) evidence.push_back(fmt::format("{}: spec.sampleLimit {}", m.ref(), limit.dump()));
  }
  s.report.broken(cause::target_down, sentence, std::move(evidence), advice(says, look));
}

}  // namespace

bool response_refused(const Scrape& s, const Json& target, const std::string& sentence,
                      const std::vector<std::string>& evidence) {
  std::string error = text_at(target, "lastError");
  bool type = has(error, "Content-Type") && has(error, "fallback_scrape_protocol");
  if (type) content_type(s, target, sentence, evidence);
  bool many = !type && has(error, "sample limit exceeded");
  if (many) too_many_samples(s, target, sentence, evidence);
  return type || many;
}

}  // namespace hpawalk::diagnose
