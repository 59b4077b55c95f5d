#include "http_connection.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace promfake;

namespace {

struct Talk {
  App app;
  HttpConnection::Shared shared{app, {}, nullptr, "Tue, 24 Nov 2026 02:00:54 GMT"};
  HttpConnection http{shared};

  Talk() {
    app.metrics.series = {*parse_series("prom_fake_value 5"), *parse_series("q{a=1} 1"),
                          *parse_series("q{a=2} 2")};
  }
  std::string say(std::string_view bytes) {
    http.output().clear();
    http.feed(bytes);
    return http.output();
  }
};

// The code of the only answer.
int code_of(std::string_view bytes) {
  Talk talk;
  std::string answer = talk.say(bytes);
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

std::string get(std::string path, std::string more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}
std::string post(std::string path, std::string body, std::string more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
bool ends_with_body(const std::string& answer, const std::string& body) {
  return answer.ends_with("\r\n\r\n" + body);
}

}  // namespace

TEST_CASE("GET /value answers with the value, POST and PUT set it") {
  Talk talk;
  CHECK(
      talk.say(get("/value")) ==
      "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 02:00:54 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: 2\r\nCache-Control: no-store\r\nVary: Accept\r\n\r\n5\n");
  CHECK(ends_with_body(talk.say(post("/value", "50")), "50\n"));
  CHECK(talk.app.metrics.series[0].value == 50);
  CHECK(ends_with_body(talk.say(post("/value?x=", "51")),
                       "metric not found: \"prom_fake_value\" with these labels; there are prom_fake_value "
                       "q{a=\"1\"} q{a=\"2\"}\n"));
  CHECK(ends_with_body(talk.say("PUT" + post("/value", "{\"value\": 7}").substr(4)), "7\n"));
  CHECK_FALSE(talk.http.closing());
}

TEST_CASE("other metrics are under their names, several series of one name need a label") {
  Talk talk;
  CHECK(ends_with_body(talk.say(get("/value/prom_fake%5Fvalue")), "5\n"));
  CHECK(ends_with_body(talk.say(post("/value/q?a=2", "9")), "9\n"));
  CHECK(talk.app.metrics.series[2].value == 9);
  CHECK(code_of(get("/value/q")) == 409);
  CHECK(code_of(get("/value/r")) == 404);
  CHECK(code_of(get("/value/q?a=3")) == 404);
  CHECK(code_of(get("/value/")) == 404);
}

TEST_CASE("HEAD is GET without the body, and the paths exist") {
  for (const char* path :
       {"/", "/metrics", "/value", "/values", "/healthz", "/readyz", "http://h:1/metrics?a#b"}) {
    CAPTURE(path);
    Talk talk;
    std::string full = talk.say(get(path)), head = talk.say("HEAD" + get(path).substr(3));
    CHECK(full.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(full.starts_with(head));
  }
}

TEST_CASE("a page of another site cannot set a value; prom-fake's own page and programs can") {
  auto code = [](std::string host, std::string more) {
    return code_of("POST /value HTTP/1.1\r\nHost: " + host + "\r\n" + more + "Content-Length: 1\r\n\r\n5");
  };
  const std::string local = "127.0.0.1:8080";
  // Programs, and the page itself: in browsers that say so, and in those that only name the page.
  CHECK(code(local, "") == 200);
  CHECK(code(local, "Origin: http://127.0.0.1:8080\r\nSec-Fetch-Site: same-origin\r\n") == 200);
  CHECK(code(local, "Origin: http://127.0.0.1:8080\r\n") == 200);
  CHECK(code("[::1]:8080", "Origin: http://[::1]:8080 \r\n") == 200);
  CHECK(code("LOCALHOST:8080", "Origin: http://localhost:8080\r\n") == 200);
  CHECK(code("prom-fake:8080", "Origin: http://prom-fake:8080\r\n") == 200);
  CHECK(code(local, "sec-fetch-site: none\r\n") == 200);
  // Through the API server, which has a name, over https; kubectl proxy changes Host on the way.
  CHECK(code("kube.example.com", "Origin: https://kube.example.com\r\nSec-Fetch-Site: same-origin\r\n") ==
        200);
  CHECK(code("10.96.0.1", "Origin: http://127.0.0.1:8001\r\nSec-Fetch-Site: same-origin\r\n") == 200);
  // Others' pages.
  CHECK(code(local, "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n") == 403);
  CHECK(code(local, "Origin: http://127.0.0.1:3000\r\nSec-Fetch-Site: same-site\r\n") == 403);
  CHECK(code(local, "Sec-Fetch-Site: cross-site\r\n") == 403);
  CHECK(code(local, "Sec-Fetch-Site: same-origin, cross-site\r\n") == 403);
  CHECK(code(local, "Origin: https://evil.example\r\n") == 403);
  CHECK(code(local, "Origin: http://127.0.0.1:3000\r\n") == 403);
  CHECK(code(local, "Origin: null\r\n") == 403);
  CHECK(code(local, "Origin: x://\r\n") == 403);
  // Their name, made to point here.
  CHECK(code("evil.example:8080", "Origin: http://evil.example:8080\r\n") == 403);
}

TEST_CASE(
    "a refused page's write changes nothing, and is refused before its body; reading is nobody's secret") {
  Talk talk;
  std::string evil = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
  CHECK(ends_with_body(talk.say(post("/value", "9", evil)),
                       "a page of \"https://evil.example\" must not set values here; only prom-fake's own "
                       "page and programs that send no Origin can\n"));
  CHECK(talk.app.metrics.series[0].value == 5);
  CHECK(talk.say("PUT /value HTTP/1.1\r\nHost: x\r\n" + evil +
                 "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
            .starts_with("HTTP/1.1 403 Forbidden\r\n"));
  CHECK(code_of(get("/metrics", evil)) == 200);
  CHECK(code_of(get("/value", evil)) == 200);
  // The page of one request does not stand for the next.
  Talk next;
  next.say(post("/value", "9", evil));
  next.say(post("/value", "8"));
  CHECK(next.app.metrics.series[0].value == 8);
}

TEST_CASE("unknown paths, wrong methods and bad values get their code") {
  CHECK(code_of(get("/nope")) == 404);
  CHECK(code_of(get("/metrics/")) == 404);
  CHECK(code_of(post("/metrics", "5")) == 405);
  CHECK(code_of("DELETE /value HTTP/1.1\r\nHost: x\r\n\r\n") == 405);
  CHECK(code_of("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n") == 204);
  CHECK(code_of("OPTIONS /value HTTP/1.1\r\nHost: x\r\n\r\n") == 204);
  CHECK(code_of("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n") == 404);
  CHECK(code_of(post("/value", "x")) == 400);
  CHECK(code_of(post("/value", "")) == 400);
  CHECK(code_of(post("/value", "5", "Content-Encoding: gzip\r\n")) == 415);
  CHECK(code_of(post("/value", std::string(4097, '1'))) == 413);
  Talk talk;
  CHECK(talk.say(post("/metrics", "5")).find("\r\nAllow: GET, HEAD, OPTIONS\r\n") != std::string::npos);
}

TEST_CASE(
    "a body that is larger than the limit is refused before it is there, chunked ones as soon as they are") {
  CHECK(code_of("POST /value HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n") == 413);
  std::string chunk = "800\r\n" + std::string(2048, '1') + "\r\n";
  CHECK(code_of("POST /value HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk +
                chunk) == 413);
}

TEST_CASE("pipelined requests are answered in their order") {
  Talk talk;
  std::string answers = talk.say(post("/value", "1") + get("/value") + post("/value", "2") + get("/value"));
  size_t first = answers.find("\r\n\r\n1\nHTTP/1.1 200"), second = answers.find("\r\n\r\n2\nHTTP/1.1 200");
  CHECK(first != std::string::npos);
  CHECK(second != std::string::npos);
  CHECK(first < second);
}

TEST_CASE("who asks faster than he reads is made to wait, and nothing is lost") {
  Talk talk;
  std::string many;
  for (int i = 0; i < 2000; ++i) many += get("/metrics");
  talk.http.feed(many);
  CHECK(talk.http.paused());
  size_t answers = 0;
  for (int rounds = 0; rounds < 1000; ++rounds) {
    std::string& out = talk.http.output();
    CHECK(out.size() < 70000);
    for (size_t at = 0; (at = out.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++answers;
    out.clear();
    if (!talk.http.paused()) break;
    talk.http.resume();
  }
  CHECK(answers == 2000);
}

TEST_CASE("connections stay open as HTTP/1.1 and 1.0 say") {
  Talk talk;
  talk.say(get("/value", "Connection: close\r\n"));
  CHECK(talk.http.closing());
  CHECK_FALSE(talk.http.failed());
  Talk old;
  CHECK(old.say("GET /value HTTP/1.0\r\n\r\n").find("Connection: close") != std::string::npos);
  CHECK(old.http.closing());
  Talk kept;
  CHECK(kept.say("GET /value HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").find("Connection: keep-alive") !=
        std::string::npos);
  CHECK_FALSE(kept.http.closing());
}

TEST_CASE("while draining, readyz says 503 and every answer closes its connection") {
  Talk talk;
  talk.app.draining = true;
  CHECK(talk.say(get("/readyz")).starts_with("HTTP/1.1 503"));
  CHECK(talk.http.closing());
}

TEST_CASE("Expect: 100-continue is answered before the body, or refused before it") {
  Talk talk;
  std::string head = "POST /value HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  CHECK(talk.say(head) == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(ends_with_body(talk.say("42"), "42\n"));
  CHECK(code_of("POST /nope HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n") ==
        404);
  CHECK(code_of("POST /value HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n") ==
        413);
  CHECK(code_of("POST /value HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\n") == 417);
}

TEST_CASE("chunked bodies are joined, whatever their trailers say") {
  Talk talk;
  std::string answer = talk.say(
      "POST /value HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\n4\r\n1;ext=1\r\n2\r\n0\r\nHost: y\r\n\r\n");
  CHECK(ends_with_body(answer, "42\n"));
  CHECK_FALSE(talk.http.closing());
}

TEST_CASE("what could be read in two ways is refused: no smuggling") {
  std::string begin = "POST /value HTTP/1.1\r\nHost: x\r\n";
  CHECK(code_of(begin + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(code_of(begin + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n") == 400);
  CHECK(code_of(begin + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n42") == 400);
  CHECK(code_of(begin + "Content-Length: +1\r\n\r\n4") == 400);
  CHECK(code_of(begin + "Content-Length: 1, 1\r\n\r\n4") == 400);
  CHECK(code_of(begin + "Content-Length: -1\r\n\r\n4") == 400);
  CHECK(code_of(begin + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n") == 400);
  CHECK(code_of(begin + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n") == 501);
  CHECK(code_of(begin + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n") == 501);
  CHECK(code_of(begin + "Transfer-Encoding: chunked\r\n\r\n0x1\r\n4\r\n0\r\n\r\n") == 400);
  CHECK(code_of("POST /value HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(code_of(begin + "Dummy: x\rContent-Length: 1\r\n\r\n4") == 400);
  CHECK(code_of(begin + "Content-Length : 1\r\n\r\n4") == 400);
  CHECK(code_of("POST /value HTTP/1.1\r\n Content-Length: 1\r\nHost: x\r\n\r\n4") == 400);
  CHECK(code_of(get("/value", "A: b\r\n c\r\n")) == 400);
  CHECK(code_of(get("/value", "Host: y\r\n")) == 400);
  CHECK(code_of("GET /value HTTP/1.1\r\n\r\n") == 400);
}

TEST_CASE("what is not HTTP/1 is refused, and nothing after it is read") {
  CHECK(code_of("\x16\x03\x01\x02") == 400);
  CHECK(code_of("hello\r\n\r\n") == 400);
  CHECK(code_of("GET /value HTTP/3.0\r\nHost: x\r\n\r\n") == 505);
  CHECK(code_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(code_of("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
  CHECK(code_of(get("/value", "A: \x01\r\n")) == 400);
  Talk talk;
  talk.say("nonsense\r\n\r\n");
  CHECK(talk.http.failed());
  CHECK(talk.say(get("/value")).empty());
}

TEST_CASE("upgrades are not taken up, the request is answered as it is") {
  CHECK(code_of(get("/value", "Connection: Upgrade\r\nUpgrade: h2c\r\n")) == 200);
}

TEST_CASE("headers and targets over the limit get 431 and 414, even without an end") {
  CHECK(code_of(get("/value", "A: " + std::string(17000, 'a') + "\r\n")) == 431);
  CHECK(code_of("GET /value HTTP/1.1\r\nHost: x\r\n" + std::string(17000, 'a')) == 431);
  CHECK(code_of("GET /" + std::string(9000, 'a')) == 414);
  std::string many;
  for (int i = 0; i < 4000; ++i) many += "a:b\r\n";
  CHECK(code_of(get("/value", many)) == 431);
  CHECK(code_of("GET /value HTTP/1.1\r\nHost:" + std::string(200000, ' ')) == 431);
}

TEST_CASE("answers do not depend on how the bytes are cut into packets") {
  std::string bytes =
      post("/value", "3", "Accept: a,b\r\nAccept: application/json\r\n") + get("/metrics") +
      "POST /value HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n4\r\n0\r\nA: b\r\n\r\n" +
      get("/value", "A: b\r\n c\r\n");
  Talk whole;
  std::string expected = whole.say(bytes);
  CHECK(expected.find("HTTP/1.1 400") != std::string::npos);
  for (size_t step : {1, 2, 3, 5, 7}) {
    Talk cut;
    for (size_t at = 0; at < bytes.size(); at += step)
      cut.http.feed(std::string_view(bytes).substr(at, step));
    CHECK(cut.http.output() == expected);
  }
}

TEST_CASE("requests are counted by path and code, however many paths are tried") {
  Talk talk;
  talk.say(get("/a") + get("/b") + get("/metrics"));
  auto counted = [&](Route route, int code) {
    size_t at = static_cast<size_t>(std::ranges::find(SelfMetrics::codes, code) - SelfMetrics::codes.begin());
    return talk.app.self.requests[static_cast<size_t>(route)][at];
  };
  CHECK(counted(Route::other, 404) == 2);
  CHECK(counted(Route::metrics, 200) == 1);
}
