#include "negotiate.hpp"

#include <doctest/doctest.h>

using namespace promfake;

TEST_CASE("OpenMetrics is given to who names it and likes it best") {
  CHECK(choose_format("") == Format::text);
  CHECK(choose_format("*/*") == Format::text);
  CHECK(choose_format("text/html,application/xhtml+xml,*/*;q=0.8") == Format::text);
  CHECK(choose_format("application/*") == Format::text);
  CHECK(choose_format("application/openmetrics-text") == Format::openmetrics_1);
  CHECK(choose_format("Application/OpenMetrics-Text; version=\"1.0.0\"") == Format::openmetrics_1);
  CHECK(choose_format("application/openmetrics-text;version=0.0.1") == Format::openmetrics_0);
  CHECK(choose_format("application/openmetrics-text;version=2.0.0") == Format::text);
  CHECK(choose_format("application/openmetrics-text;q=0") == Format::text);
  CHECK(choose_format("application/openmetrics-text;q=0.5,text/plain;q=0.6") == Format::text);
  CHECK(choose_format("application/openmetrics-text;q=0.6,text/plain;q=0.5") == Format::openmetrics_1);
  CHECK(choose_format("application/openmetrics-text;q=0.5,text/*;q=0.6") == Format::text);
  CHECK(choose_format("application/openmetrics-text;q=nonsense") == Format::text);
}

TEST_CASE("the headers that Prometheus itself sends are understood") {
  // Prometheus 2.30
  CHECK(
      choose_format("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1") ==
      Format::openmetrics_0);
  // Prometheus 2.50
  CHECK(choose_format(
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;"
            "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2") == Format::openmetrics_1);
  // Prometheus 3
  CHECK(choose_format(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
            "openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/"
            "plain;version=0.0.4;q=0.3,*/*;q=0.2") == Format::openmetrics_1);
  // Prometheus 3 that asks for protobuf first
  CHECK(choose_format(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
            "q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3") ==
        Format::openmetrics_1);
  // Prometheus whose scrape_protocols want the text first
  CHECK(choose_format(
            "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2") ==
        Format::text);
}

TEST_CASE("gzip is used when it is accepted and not liked less than the plain bytes") {
  CHECK(accepts_gzip("gzip"));
  CHECK(accepts_gzip("deflate, GZIP;q=0.5"));
  CHECK(accepts_gzip("*"));
  CHECK_FALSE(accepts_gzip(""));
  CHECK_FALSE(accepts_gzip("identity"));
  CHECK_FALSE(accepts_gzip("gzip;q=0"));
  CHECK_FALSE(accepts_gzip("gzip;q=0.000, *"));
  CHECK_FALSE(accepts_gzip("gzip;q=0.5, identity"));
  CHECK_FALSE(accepts_gzip("gzipped, br"));
}

TEST_CASE("JSON is for who asks for it") {
  CHECK(prefers_json("application/json"));
  CHECK(prefers_json("application/json, text/plain"));
  CHECK(prefers_json("application/json, */*;q=0.1"));
  CHECK_FALSE(prefers_json("text/plain, application/json;q=0.5"));
  CHECK_FALSE(prefers_json("*/*"));
  CHECK_FALSE(prefers_json(""));
}
