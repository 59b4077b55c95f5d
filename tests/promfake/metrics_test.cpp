#include "metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "exposition.hpp"
#include "gzip.hpp"

using namespace promfake;

static std::vector<std::string> mistakes(std::vector<std::string> texts) {
  std::vector<Series> series;
  for (auto& text : texts) series.push_back(*parse_series(text));
  return arrange(series);
}

TEST_CASE("a series is written as Prometheus shows it") {
  auto series = parse_series(R"(queue_length{queue="a,b}\"",zone=x} = 5)");
  REQUIRE(series);
  CHECK((*series).name == "queue_length");
  CHECK((*series).labels == std::vector<Label>{{"queue", "a,b}\""}, {"zone", "x"}});
  CHECK((*series).value == 5);
  CHECK((*parse_series("a 7")).value == 7);
  CHECK((*parse_series("a")).value == 0);
  CHECK((*parse_series("done_total")).kind == Kind::counter);
  CHECK_FALSE(parse_series("a{b=\"c\""));
  CHECK_FALSE(parse_series("a{b}"));
  CHECK_FALSE(parse_series("a=x"));
}

TEST_CASE("names, labels and clashes are checked by Prometheus' and OpenMetrics' rules") {
  CHECK(mistakes({"a", "b:c", "_d{e=\"f\"}", "a{x=\"1\"}"}).empty());
  CHECK(mistakes({"1a"}).size() == 1);
  CHECK(mistakes({""}).size() == 1);
  CHECK(mistakes({"a-b"}).size() == 1);
  CHECK(mistakes({"a{__x=1}"}).size() == 1);
  CHECK(mistakes({"a{1=1}"}).size() == 1);
  CHECK(mistakes({"a{b:c=1}"}).size() == 1);
  CHECK(mistakes({"a{x=1,x=2}"}).size() == 1);
  CHECK(mistakes({"a{x=1,y=2}", "a{y=2,x=1}"}).size() == 1);
  CHECK(mistakes({"a", "a"}).size() == 1);
  CHECK(mistakes({"a", "a_total"}).size() == 1);
  CHECK(mistakes({"promfake_x"}).size() == 1);
  CHECK(mistakes({"a{x=\"\xff\"}"}).size() == 1);
  CHECK(mistakes({"a_total -1"}).size() == 1);
}

TEST_CASE("a counter takes only finite numbers from 0 upwards") {
  Metrics metrics;
  metrics.series = {*parse_series("a_total")};
  CHECK(set_value(metrics, 0, 5).empty());
  CHECK(metrics.generation == 2);
  for (double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK_FALSE(set_value(metrics, 0, bad).empty());
  CHECK(metrics.series[0].value == 5);
}

TEST_CASE("series of one name stand side by side, under one head, and the first stays the first") {
  std::vector<Series> series = {*parse_series("b{x=1} 1"), *parse_series("a 2"), *parse_series("b{x=2} 3")};
  REQUIRE(arrange(series).empty());
  Metrics metrics;
  metrics.series = series;
  metrics.series[0].help = "back\\slash \"quotes\"\nline";
  CHECK(render(metrics, nullptr, Format::text) ==
        "# HELP b back\\\\slash \"quotes\"\\nline\n# TYPE b gauge\nb{x=\"1\"} 1\nb{x=\"2\"} 3\n# TYPE a "
        "gauge\na 2\n");
  CHECK(render(metrics, nullptr, Format::openmetrics_1)
            .starts_with("# HELP b back\\\\slash \\\"quotes\\\"\\nline\n"));
}

TEST_CASE("OpenMetrics names a counter's family without _total, and ends with EOF") {
  Metrics metrics;
  metrics.series = {*parse_series(R"(jobs_total{q="a\"\\b"}=3)")};
  CHECK(render(metrics, nullptr, Format::text) ==
        "# TYPE jobs_total counter\njobs_total{q=\"a\\\"\\\\b\"} 3\n");
  CHECK(render(metrics, nullptr, Format::openmetrics_1) ==
        "# TYPE jobs counter\njobs_total{q=\"a\\\"\\\\b\"} 3\n# EOF\n");
}

TEST_CASE("after a reload the values stay where name and labels stayed") {
  Metrics metrics;
  metrics.series = {*parse_series("a{x=1,y=2}=5"), *parse_series("b 6")};
  replace_series(metrics, {*parse_series("c 1"), *parse_series("a{y=2,x=1}=0"), *parse_series("b{z=1} 2")});
  CHECK(metrics.series[0].value == 1);
  CHECK(metrics.series[1].value == 5);
  CHECK(metrics.series[2].value == 2);
}

TEST_CASE("what is compressed begins as gzip") {
  std::string out = gzipped(std::string(10000, 'a'));
  CHECK(out.size() > 20);
  CHECK(out.size() < 200);
  CHECK(out.starts_with("\x1f\x8b"));
}
