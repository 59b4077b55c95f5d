// Small helpers on text. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpawalk::text {

std::vector<std::string> split(std::string_view s, char separator);  // "a,,b" -> {"a", "", "b"}; "" -> {}
std::vector<std::string> lines(std::string_view s);  // without line ends, without a last empty line
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view s);
std::string last_lines(std::string_view s, size_t count);

// The candidate with the smallest edit distance to `name`, if it is near enough to be a typing mistake.
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates);

// The command line in a form that can be pasted into a POSIX shell. Only ever shown to people: commands are
// run as argument vectors.
std::string shell_quote(const std::vector<std::string>& argv);

// The whole text as a number, in the way that Prometheus writes numbers: "50", "NaN", "+Inf", "1.5e+06".
std::optional<double> number(std::string_view s);

std::string count(long long n, std::string_view thing);  // "1 pod", "2 pods"

// "0.4s", "12s", "3m05s", "2h04m".
std::string duration(std::chrono::milliseconds d);

// "1.2 GiB", "340 MiB".
std::string bytes(unsigned long long n);

// Without a terminal's escape sequences, which some tools print into pipes too.
std::string uncoloured(std::string_view s);

}  // namespace hpawalk::text
