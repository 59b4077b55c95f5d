// The facts of tests/facts, which the rules judge without a cluster.
#pragma once

#include <filesystem>
#include <vector>

#include "base/json.hpp"

namespace hpawalk::fakes {

// What make.py wrote, and in saved/ what a fault run saved.
std::vector<std::filesystem::path> facts_files();

// One of them as `diagnose --save` writes it: a file is whole, or holds what differs from healthy.json.
Json facts_document(const std::filesystem::path& file);

}  // namespace hpawalk::fakes
