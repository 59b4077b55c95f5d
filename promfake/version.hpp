// The program's version; the build passes the project's.
#pragma once

namespace promfake {

#ifdef PROMFAKE_VERSION
inline constexpr const char* version = PROMFAKE_VERSION;
#else
inline constexpr const char* version = "0.1.0";
#endif

}  // namespace promfake
