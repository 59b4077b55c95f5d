// Secrets taken out of free text: log lines, messages of conditions, what tools write to stderr, errors. It
// finds what looks like a secret, so it is a second line of defence: what is kept at all of an object is
// decided in diagnose/kept.hpp. Pure; the time it takes grows with the length of the text and with nothing
// else.
#pragma once

#include <string>
#include <string_view>

namespace hpawalk::text {

// With "[redacted]" in the place of: the values of passwords, tokens, keys and the like (name=value, name:
// value,
// --name value, quoted or not, also in JSON), Bearer and Basic logins, cookies, JSON web tokens, PEM blocks,
// user and password and query values of URLs, `curl -u user:password`, access keys of AWS, tokens of GitHub
// and Slack. Redacted text stays as it is.
std::string redact(std::string_view s);

}  // namespace hpawalk::text
