// Asks again where the API server says "later": 429 and 5xx with Retry-After, as client-go does, and those of
// its own answers that only mean that it is busy or starting. Bounded in tries and in time, and it ends at
// Ctrl-C.
#pragma once

#include <functional>
#include <string>

#include "world/clock.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::world {

inline constexpr int most_attempts = 5;
inline constexpr Duration longest_patience = std::chrono::seconds(12);  // all pauses of one request

// Told what is waited for, once that takes longer than a second.
using Waiting = std::function<void(const std::string& what)>;

// `send` makes the attempt of that number (from 1). The last answer is the result.
Result<HttpResponse> send_patiently(Clock& clock, const KubeRequest& request, const Waiting& waiting,
                                    const std::function<Result<HttpResponse>(int attempt)>& send);

// Does the API server only pass the request on: to a Service, a pod, or the adapter behind an aggregated API?
bool passed_on(std::string_view path);

}  // namespace hpawalk::world
