// The fuzzer without libFuzzer: requests, values and YAML put together from fragments and then damaged, from
// a fixed seed. Usage: promfake_fuzz SECONDS [SEED]
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, size_t size);

static const std::string fragments[] = {
    "GET ",
    "POST ",
    "PUT ",
    "HEAD ",
    "OPTIONS ",
    "CONNECT ",
    "/value",
    "/value/q?a=1",
    "/metrics",
    "/",
    "/values",
    "*",
    "http://h/value",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    " HTTP/2.0\r\n",
    "Host: x\r\n",
    "Content-Length: 2\r\n",
    "Content-Length: 99999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Upgrade: h2c\r\n",
    "Accept: application/openmetrics-text;version=1.0.0;q=0.5\r\n",
    "Accept-Encoding: gzip\r\n",
    "A: b\r\n c\r\n",
    "A: b\rC: d\r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "2\r\n42\r\n",
    "0\r\n\r\n",
    "1;x=y\r\n5\r\n",
    "42",
    "NaN",
    "+Inf",
    "-Inf",
    "-0",
    "1e300",
    "1e-400",
    "0.1",
    "{\"value\": ",
    "\"",
    "}",
    "{",
    ":",
    "metrics:\n",
    "- name: a\n",
    "  labels: {b: c}\n",
    "  value: 5\n",
    "listen: 0.0.0.0:1\n",
    "a{b=\"c\"}=5",
    "\\",
    "\xc3\xbc",
    "%41",
    "\x16\x03\x01",
    "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /value HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n42",
    "POST /value HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"};

int main(int argc, char** argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  std::mt19937 random(argc > 2 ? static_cast<unsigned>(std::atol(argv[2])) : 20261124u);
  auto pick = [&](size_t below) { return random() % below; };
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  size_t runs = 0;
  for (; std::chrono::steady_clock::now() < end; ++runs) {
    std::string input(1, static_cast<char>(pick(256)));
    for (size_t parts = 1 + pick(24); parts > 0; --parts) {
      const std::string& fragment = fragments[pick(std::size(fragments))];
      for (size_t times = pick(40) == 0 ? pick(2000) : 1; times > 0; --times) input += fragment;
    }
    for (size_t damages = pick(4); damages > 0; --damages) {
      size_t at = 1 + pick(input.size());
      if (pick(3) == 0)
        input.resize(at);
      else if (pick(2) == 0)
        input.insert(at, 1, static_cast<char>(pick(256)));
      else if (at < input.size())
        input[at] = static_cast<char>(pick(256));
      if (input.size() < 2) break;
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  std::printf("%zu inputs, nothing found\n", runs);
}
