// Another name of base/json.hpp.
#pragma once

#include "base/json.hpp"
