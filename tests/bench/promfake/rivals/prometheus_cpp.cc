// The same gauge with prometheus-cpp and its own exposer.
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <unistd.h>

#include <memory>
#include <string>

int main(int, char** argv) {
  prometheus::Exposer exposer(std::string("127.0.0.1:") + argv[1],
                              40);  // a thread for each of wrk's connections
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildGauge()
      .Name("prom_fake_value")
      .Help("The value that was set last.")
      .Register(*registry)
      .Add({})
      .Set(50);
  exposer.RegisterCollectable(registry);
  pause();
}
