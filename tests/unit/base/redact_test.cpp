#include "base/redact.hpp"

#include <doctest/doctest.h>

#include <chrono>

using hpawalk::text::redact;

TEST_CASE("Secrets do not survive redaction, and what is around them does") {
  struct Case {
    const char* text;
    const char* redacted;
  };
  const Case cases[] = {
      {"Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"},
      {"Authorization: Basic YTpi, cookie=x=1; y=2", "Authorization: Basic [redacted] cookie=[redacted]"},
      {"authorization: Digest username=\"a\", response=\"b\"",
       "authorization: Digest [redacted]\"a\", response=\"b\""},
      {"Set-Cookie: session=1; Path=/\nnext", "Set-Cookie: [redacted]\nnext"},
      {"X-Api-Key: abc", "X-Api-Key: [redacted]"},
      {"curl -u admin:pw http://x", "curl -u [redacted] http://x"},
      {"kubectl --user admin get pods", "kubectl --user admin get pods"},
      {"password=hunter2 user=me", "password=[redacted] user=me"},
      {"password=ab,cd x", "password=[redacted] x"},
      {"password=a<b&c x", "password=[redacted] x"},
      {"client-key-data: LS0tLS1", "client-key-data: [redacted]"},
      {"password: 'two words' x", "password: '[redacted]' x"},
      {"password: \"a\\\"b c\" x", "password: \"[redacted]\" x"},
      {"password: |\n  one\n  two\nx: y", "password: [redacted]\nx: y"},
      {"{\"password\":\"a b\",\"passphrase\":\"c\"}",
       "{\"password\":\"[redacted]\",\"passphrase\":\"[redacted]\"}"},
      {"{\\\"token\\\":\\\"a b\\\"}", "{\\\"token\\\":\\\"[redacted]\\\"}"},
      {"az login --password hunter2 --tenant t", "az login --password [redacted] --tenant t"},
      {"az login '--password=two words' --tenant t", "az login '--password=[redacted]' --tenant t"},
      {"[\"--password\", \"x y\"]", "[\"--password\", \"[redacted]\"]"},
      {"AWS_SECRET_ACCESS_KEY=abc PGPASSWORD=d MYSQL_PWD=e",
       "AWS_SECRET_ACCESS_KEY=[redacted] PGPASSWORD=[redacted] MYSQL_PWD=[redacted]"},
      {"key AKIAIOSFODNN7EXAMPLE.", "key AKIAIOSFODNN7EXAMPLE."},  // not as long as one
      {"key AKIAIOSFODNN7EXAMPLE end", "key [redacted] end"},
      {"sv=2020&sig=abc%3D&se=1", "sv=2020&sig=[redacted]&se=1"},
      {"AccountName=a;AccountKey=b==;x", "AccountName=a;AccountKey=[redacted]"},
      {"eyJhbGciOiJIUzI1NiJ9.e30.abc", "[redacted]"},
      {"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nnext", "[redacted]\nnext"},
      {"private_key: -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nnext",
       "private_key: [redacted]\nnext"},
      {"-----BEGIN PRIVATE KEY-----\nabc", "[redacted]"},
      {"postgres://user:pa/ss@host/db", "postgres://[redacted]@host/db"},
      {"http://user:pw@prom:9090/api?query=x&time=1: timeout",
       "http://[redacted]@prom:9090/api?query=[redacted]&time=[redacted] timeout"},
      {"Get \"http://prom:9090/api?a=b\": i/o timeout",
       "Get \"http://prom:9090/api?a=[redacted]\": i/o timeout"},
      {"https://hooks.slack.com/services/T0/B0/abc next", "https://hooks.slack.com/services/[redacted] next"},
      {"ghp_abcdef", "[redacted]"},
      {"http://[::1]:9090/x and http://prom:9090/a@b", "http://[::1]:9090/x and http://prom:9090/a@b"},
  };
  for (const Case& c : cases) {
    CHECK(redact(c.text) == c.redacted);
    CHECK_MESSAGE(redact(redact(c.text)) == redact(c.text), c.text);
  }
}

TEST_CASE("What only speaks of secrets stays") {
  for (const char* text :
       {"secrets \"prom-token\" not found", "basic auth failed", "the bearer token is invalid",
        "--prometheus-token-file=/var/run/token", "secretName: prom", "tokenExpirationSeconds: 3607",
        "cannot get a token: connection refused", "token: unexpected EOF",
        "sum(rate(tokens_total{job=\"a\"}[1m])) by (pod)", "max age must not be less than relist interval",
        ""}) {
    CHECK(redact(text) == text);
  }
}

TEST_CASE("Redaction is done with a long text in no time, whatever is in it") {
  auto started = std::chrono::steady_clock::now();
  for (const char* piece : {"a", " ", "token=", "token= ", "token=\"", "token='\\", "-u \"", "'password=",
                            "://", "://a:b", "http://a:b/?", "-----BEGIN ", "Authorization: ", "bearer ",
                            "&a", "\\\"token\\\":\\\"", "password: |\n ", "eyJ"}) {
    std::string text;
    while (text.size() < 100'000) text += piece;
    redact(text);
    redact("token=" + text);
  }
  CHECK(std::chrono::steady_clock::now() - started <
        std::chrono::seconds(10));  // by squares it would be hours
}
