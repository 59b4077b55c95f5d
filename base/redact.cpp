#include "base/redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace hpawalk::text {
namespace {

constexpr std::string_view mark = "[redacted]";

bool is_alnum(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_space(char c) {
  return is_blank(c) || c == '\n' || c == '\r';
}
bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}
bool in_name(char c) {
  return is_alnum(c) || c == '_' || c == '-' || c == '.';
}
bool in_value(char c) {
  return !is_space(c) && !is_quote(c);
}
bool in_word(char c) {
  return in_value(c) && c != '\\' && c != '<' && c != '>';
}

// "AWS_SECRET_ACCESS_KEY", "aws-secret-access-key": "awssecretaccesskey"
std::string plain_name(std::string_view name) {
  std::string plain;
  for (char c : name) {
    if (is_alnum(c)) plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

bool contains_one_of(std::string_view name, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

bool ends_with_one_of(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return name.ends_with(end); });
}

// A header whose whole line is the secret.
bool names_header(std::string_view plain) {
  return contains_one_of(plain, {"authorization", "cookie"});
}

bool names_secret(std::string_view plain) {
  // "token-file", "secretName", "tokenExpirationSeconds": what is said about a secret, not the secret.
  if (ends_with_one_of(plain,
                       {"file", "path", "dir", "name", "ref", "seconds", "type", "total", "count", "stdin"}))
    return false;
  if (names_header(plain)) return true;
  if (contains_one_of(plain, {"password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey",
                              "accountkey", "privatekey", "clientkey", "sharedkey", "encryptionkey",
                              "credential", "connectionstring", "signature"}))
    return true;
  return ends_with_one_of(plain, {"pwd", "dsn"}) || plain == "pass" || plain == "pw" || plain == "auth" ||
         plain == "sig";
}

// "cannot get a token: connection refused": what went wrong, not the token.
bool begins_a_reason(std::string_view word) {
  static constexpr std::array<std::string_view, 24> words = {
      "context", "connection", "dial",       "Get",     "Post",         "unexpected", "invalid", "the",
      "no",      "failed",     "cannot",     "unable",  "error",        "EOF",        "x509",    "tls",
      "remote",  "rpc",        "permission", "expired", "Unauthorized", "Forbidden",  "not",     "missing"};
  return std::find(words.begin(), words.end(),
                   word.ends_with(':') ? word.substr(0, word.size() - 1) : word) != words.end();
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string run() {
    while (here_ < text_.size()) {
      bool starts_word = here_ == 0 || !in_name(text_[here_ - 1]);
      if (starts_word && (pem() || known_token() || login() || named())) continue;
      if (url() || query()) continue;
      out_ += text_[here_++];
    }
    return std::move(out_);
  }

 private:
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\n'; }
  // The quotes around a value stay.
  void redact_inside(size_t end) {
    size_t open = at(here_) == '\\' ? 2 : 1;
    bool quoted =
        is_quote(at(here_ + open - 1)) && end >= here_ + 2 * open && at(end - 1) == at(here_ + open - 1);
    if (!quoted) return redact_to(end);
    copy_to(here_ + open);
    redact_to(end - open);
    copy_to(end);
  }
  bool starts(size_t i, std::string_view with) const {
    return text_.substr(std::min(i, text_.size())).starts_with(with);
  }
  size_t skip(size_t i, bool (*what)(char)) const {
    while (i < text_.size() && what(text_[i])) ++i;
    return i;
  }
  size_t line_end(size_t i) const { return std::min(text_.find('\n', i), text_.size()); }
  void copy_to(size_t end) {
    out_ += text_.substr(here_, end - here_);
    here_ = end;
  }
  void redact_to(size_t end) {
    if (end > here_) out_ += mark;
    here_ = end;
  }

  static constexpr std::string_view pem_begin = "-----BEGIN ";
  size_t pem_end(size_t i) const {
    size_t end = text_.find("-----END ", i);
    size_t last = end == std::string_view::npos ? end : text_.find("-----", end + 9);
    return last == std::string_view::npos ? text_.size() : last + 5;
  }
  bool pem() {
    if (!starts(here_, pem_begin)) return false;
    redact_to(pem_end(here_));
    return true;
  }

  // What is a secret by its own look.
  bool known_token() {
    size_t end = skip(here_, in_name);
    std::string_view word = text_.substr(here_, end - here_);
    bool web_token = word.starts_with("eyJ") && word.find('.') != std::string_view::npos;
    bool aws = word.size() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA"));
    constexpr std::array<std::string_view, 8> prefixes = {"ghp_",   "gho_",  "ghs_",  "github_pat_",
                                                          "glpat-", "xoxb-", "xoxp-", "xoxa-"};
    bool by_prefix = std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) {
      return word.starts_with(p) && word.size() > p.size();
    });
    constexpr std::string_view slack = "hooks.slack.com/services/";
    if (starts(here_, slack)) {
      copy_to(here_ + slack.size());
      redact_to(skip(here_, in_word));
      return true;
    }
    if (!web_token && !aws && !by_prefix) return false;
    redact_to(end);
    return true;
  }

  // "Bearer x", "Basic x"; not "basic auth", "bearer token".
  bool login() {
    size_t end = skip(here_, is_alnum);
    std::string scheme = plain_name(text_.substr(here_, std::min<size_t>(end - here_, 8)));
    if (scheme != "bearer" && scheme != "basic") return false;
    size_t value = skip(end, is_blank);
    size_t value_end = skip(value, in_word);
    std::string next = value_end - value < 20 ? plain_name(text_.substr(value, value_end - value)) : "x";
    if (value == end || value == value_end || next.empty()) return false;
    if (next.starts_with("auth") || next.starts_with("token") || next.starts_with("credential") ||
        next.starts_with("realm"))
      return false;
    copy_to(value);
    redact_to(value_end);
    return true;
  }

  // name=value, name: value, "name": "value", --name value, -u user:password
  bool named() {
    size_t end = skip(here_, in_name);
    if (end == here_) return false;
    std::string_view name = text_.substr(here_, end - here_);
    bool flag = name.starts_with('-');
    std::string plain = plain_name(name);
    bool user = flag && (plain == "u" || plain == "user" || plain == "proxyuser");
    if (!user && !names_secret(plain)) return skip_name(end);
    size_t value = value_after(end, flag);
    if (value == end) return skip_name(end);
    size_t last = names_header(plain) ? header_end(value) : value_end(value);
    std::string_view content = text_.substr(value, last - value);
    if (user && content.find(':') == std::string_view::npos) return skip_name(end);
    if (is_blank(text_[value - 1]) && begins_a_reason(content)) return skip_name(end);
    // '--password=a b': the quotes are around both.
    char before = here_ > 0 ? text_[here_ - 1] : ' ';
    if (is_quote(before) && !is_quote(text_[end]) && !is_quote(text_[value])) {
      size_t close = text_.find(before, value);
      if (close != std::string_view::npos) last = std::max(last, close);
    }
    copy_to(names_header(plain) ? std::min(last, behind_scheme(value)) : value);
    redact_inside(last);
    return true;
  }

  // The name is copied as a whole, so that no part of it is looked at again; URLs have their own look.
  bool skip_name(size_t end) {
    if (starts(end, "://")) return false;
    copy_to(end);
    return true;
  }

  // Behind the separator and the opening quote; `end` if there is none.
  size_t value_after(size_t end, bool flag) const {
    size_t i = end;
    bool quoted = false;
    if (at(i) == '\\' && is_quote(at(i + 1))) ++i;
    if (is_quote(at(i))) quoted = true, ++i;
    size_t separator = skip(i, is_blank);
    if (at(separator) == ':' || at(separator) == '=') {
      size_t value = separator + 1;
      if (at(value) == '=' || at(value) == '>') ++value;  // :=, =>
      value = skip(value, is_blank);
      return value >= text_.size() || at(value) == '\n' || at(value) == ',' ? end : value;
    }
    if (!flag) return end;
    if (quoted) {  // "--password", "x" of a list
      if (at(separator) != ',') return end;
      separator = skip(separator + 1, is_space);
      return is_quote(at(separator)) || at(separator) == '\\' ? separator : end;
    }
    bool another_flag = at(separator) == '-';
    return separator == i || separator >= text_.size() || at(separator) == '\n' || another_flag ? end
                                                                                                : separator;
  }

  size_t value_end(size_t value) const {
    if (starts(value, mark)) return value + mark.size();
    if (starts(value, pem_begin)) return pem_end(value);
    size_t escape = at(value) == '\\' && is_quote(at(value + 1)) ? 1 : 0;
    if (is_quote(at(value + escape))) return quoted_end(value, escape);
    if ((at(value) == '|' || at(value) == '>') && line_end(value) - value <= 3)
      return block_end(line_end(value));
    size_t end = value;
    for (; end < text_.size() && in_value(text_[end]); ++end) {
      if (text_[end] == '\\' && is_quote(at(end + 1))) break;
      if (text_[end] == '&' && at(skip(end + 1, in_name)) == '=') break;  // the next of a query
    }
    return end;
  }

  // Behind the closing quote. Without one: the rest of the line.
  size_t quoted_end(size_t value, size_t escape) const {
    char quote = at(value + escape);
    for (size_t i = value + escape + 1; i < text_.size(); ++i) {
      if (escape == 0 && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote && (escape == 0 || text_[i - 1] == '\\')) {
        return i + 1;
      }
    }
    return line_end(value);
  }

  // YAML's block: the lines that are indented.
  size_t block_end(size_t i) const {
    while (i < text_.size() && is_blank(at(i + 1))) i = line_end(i + 1);
    return i;
  }

  // Authorization: SCHEME secret; Cookie: all of the line, or all that is quoted.
  size_t header_end(size_t value) const {
    if (is_quote(at(value)) || at(value) == '\\') return value_end(value);
    size_t secret = behind_scheme(value);
    std::string scheme = plain_name(text_.substr(value, secret - value));
    if (scheme == "bearer" || scheme == "basic") return skip(secret, in_word);
    size_t end = value;
    while (end < text_.size() && text_[end] != '\n' && !is_quote(text_[end]) && text_[end] != '\\') ++end;
    return end;
  }
  // "Bearer", "Digest" and the like stay; `value` if there is none.
  size_t behind_scheme(size_t value) const {
    size_t end = skip(value, is_alnum), secret = skip(end, is_blank);
    bool scheme = end > value && end - value <= 9 && secret > end && in_word(at(secret));
    return scheme ? secret : value;
  }

  // scheme://user:password@
  bool url() {
    if (!starts(here_, "://")) return false;
    copy_to(here_ + 3);
    if (here_ >= word_end_) {
      word_end_ = skip(here_, in_word);
      size_t last = text_.substr(here_, word_end_ - here_).rfind('@');
      last_at_ = last == std::string_view::npos ? 0 : here_ + last;
    }
    size_t end = here_;
    while (end < word_end_ && text_[end] != '/' && text_[end] != '?' && text_[end] != '#') ++end;
    std::string_view authority = text_.substr(here_, end - here_);
    size_t user = authority.rfind('@');
    if (user != std::string_view::npos) {
      redact_to(here_ + user);
    } else if (size_t port = authority.rfind(':'); port != std::string_view::npos && last_at_ > here_) {
      // A password with a slash: what is behind the colon is no port.
      std::string_view digits = authority.substr(port + 1);
      bool number = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!number) redact_to(last_at_);
    }
    return true;
  }

  // ?name=value&name=value of a URL
  bool query() {
    if (text_[here_] != '?' || here_ >= word_end_) return false;
    while (here_ < word_end_) {
      size_t equals = here_;
      while (equals < word_end_ && text_[equals] != '=') ++equals;
      copy_to(std::min(equals + 1, word_end_));
      size_t next = here_;
      while (next < word_end_ && text_[next] != '&' && text_[next] != '#') ++next;
      redact_to(next);
    }
    return true;
  }

  std::string_view text_;
  std::string out_;
  size_t here_ = 0;
  size_t word_end_ = 0, last_at_ = 0;  // of the word that the last URL was in
};

}  // namespace

std::string redact(std::string_view s) {
  return Scanner(s).run();
}

}  // namespace hpawalk::text
