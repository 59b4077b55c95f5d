// Moved to base/json.hpp.
#pragma once

#include "base/json.hpp"
