#include "oncall/exporter.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "world/workers.hpp"

namespace hpawalk::oncall {
namespace {

using namespace std::chrono_literals;

// A diagnosis that is older than this and a period says nothing any more about the HPAs.
constexpr world::Duration oldest = 10min;
// A diagnosis can wait long for an adapter or a Prometheus that hangs, but it ends: docs/diagnose.md, Limits.
constexpr world::Duration longest_diagnosis = 30min;

double seconds(world::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string sentence_of(const Error& error) {
  return fmt::format("{}{}{} [{}]", error.what, error.because.empty() ? "" : ": ", error.because, error.id);
}

}  // namespace

Exporter::Exporter(world::World& world, Connect connect, ExporterOptions options,
                   std::function<void(const std::string& line)> tell)
    : world_(world),
      connect_(std::move(connect)),
      options_(std::move(options)),
      tell_(std::move(tell)),
      last_end_(world.clock.now()),
      last_success_(last_end_) {
  health_.version = options_.version;
}

Result<diagnose::Facts> Exporter::collect() {
  if (!api_) {
    Result<std::unique_ptr<world::KubeApi>> connected = connect_();
    if (!connected) return failure(connected.error());
    api_ = *std::move(connected);
  }
  Result<diagnose::Facts> facts = diagnose::collect(*api_, world_.http, world_.clock, options_.what);
  if (!facts && facts.error().is("kube-proxy-ended")) api_.reset();
  return facts;
}

void Exporter::look() {
  const world::TimePoint start = world_.clock.now();
  const double began = seconds(world_.clock.wall_now().time_since_epoch());
  std::shared_ptr<const std::string> text;
  std::string failed;
  size_t requests = 0, hpas = 0, broken = 0;
  try {
    Result<diagnose::Facts> facts = collect();
    if (facts) {
      std::vector<diagnose::HpaDiagnosis> diagnoses = diagnose::diagnose_hpas(*facts);
      requests = facts->requests;
      hpas = diagnoses.size();
      broken = static_cast<size_t>(std::count_if(
          diagnoses.begin(), diagnoses.end(), [](const auto& hpa) { return hpa.verdict() == Mark::broken; }));
      text = std::make_shared<const std::string>(hpa_metrics(*facts, diagnoses));
    } else {
      if (facts.error().kind == ErrorClass::interrupted) return;
      failed = sentence_of(facts.error());
    }
  } catch (const std::exception& exception) {  // of one diagnosis: the next may be fine, and /metrics says it
    failed = sentence_of(world::error_of(exception));
  }
  const world::TimePoint end = world_.clock.now();
  std::lock_guard lock(mutex_);
  const bool first = health_.diagnoses == 0 || health_.last_failed;
  ++health_.diagnoses;
  health_.requests += requests;
  health_.last_failed = text == nullptr;
  health_.last_seconds = seconds(end - start);
  last_end_ = end;
  if (text == nullptr) {
    ++health_.failures;
    tell_("diagnosis failed: " + failed);
    return;
  }
  health_.last_success = began;
  last_success_ = end;
  hpas_ = std::move(text);
  if (first)
    tell_(fmt::format("{} diagnosed in {}, {} broken; {}", text::count(static_cast<long long>(hpas), "HPA"),
                      text::duration(end - start), broken,
                      text::count(static_cast<long long>(requests), "request")));
}

void Exporter::keep_looking() {
  while (!world_.interrupt.requested()) {
    const world::TimePoint start = world_.clock.now();
    look();
    const world::Duration left = options_.every - (world_.clock.now() - start);
    if (!world_.clock.sleep(std::max(left, options_.every / 10))) return;
  }
}

bool Exporter::healthy() {
  return world_.clock.now() - last_end_ <= longest_diagnosis + options_.every;
}

world::HttpAnswer Exporter::respond(std::string_view head) {
  std::optional<world::RequestLine> request = world::request_line(head);
  if (!request) return {world::plain_response(400, "This is not an HTTP request")};
  if (request->method != "GET")
    return {world::plain_response(405, "This can only be read", "Allow: GET\r\n")};
  std::lock_guard lock(mutex_);
  if (hpas_ && world_.clock.now() - last_success_ > oldest + options_.every) hpas_ = nullptr;
  if (request->path == "/healthz")
    return {healthy() ? world::plain_response(200, "ok")
                      : world::plain_response(503, "the diagnosis does not come to its end")};
  if (request->path != "/metrics") return {world::plain_response(404, "/metrics and /healthz are here")};
  std::string own = health_metrics(health_);
  size_t length = own.size() + (hpas_ ? hpas_->size() : 0);
  return {world::response_head(200, "text/plain; version=0.0.4", length) + own, hpas_};
}

}  // namespace hpawalk::oncall
