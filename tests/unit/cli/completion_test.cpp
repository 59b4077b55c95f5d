#include <doctest/doctest.h>

#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;

namespace {

std::string complete(fakes::FakeWorld& fake, std::vector<std::string> line) {
  line.insert(line.begin(), {"hpawalk", "__complete"});
  CHECK(run(line, fake.world) == 0);
  CHECK(fake.terminal.errors.empty());
  return fake.terminal.output;
}

std::string complete(const std::vector<std::string>& line) {
  fakes::FakeWorld fake;
  return complete(fake, line);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string list_hpas = "kubectl get horizontalpodautoscalers.autoscaling -o name --request-timeout=3s";

}  // namespace

TEST_CASE(
    "Completion knows commands, options and values, and offers the many settings only when they are asked "
    "for") {
  CHECK(has(complete({"set"}), "set-value\t"));
  CHECK_FALSE(has(complete({""}), "__complete"));
  CHECK(complete({"completion", ""}) == "bash\nzsh\nfish\npowershell\n:4\n");
  CHECK(complete({"open", "prom-"}) == "prom-fake\n:4\n");
  CHECK(has(complete({"cluster", ""}), "up\t"));
  CHECK(has(complete({"watch", "--"}), "--until\t"));
  CHECK_FALSE(has(complete({"watch", "--"}), "--hpa-max\t"));
  CHECK(has(complete({"watch", "--hpa-m"}), "--hpa-max\t"));
  CHECK(complete({"verify", "-o", ""}) == "text\njson\njunit\n:4\n");
  CHECK(complete({"verify", "--output=j"}) == "--output=json\n--output=junit\n:4\n");
  CHECK(complete({"explain", "operator-not-r"}).starts_with("operator-not-running\t"));
  CHECK(has(complete({"up", "--only", "pro"}), "prom-fake\n"));
  CHECK(complete({"diagnose", "--facts", ""}) == ":0\n");  // names of files
  CHECK(complete({"no-such-command", "x", "--zz"}) == ":4\n");
}

TEST_CASE("Completion lists HPAs, namespaces and contexts where the words before say") {
  fakes::FakeWorld hpas, elsewhere, spaces, contexts;
  hpas.processes.expect(list_hpas, {0,
                                    "horizontalpodautoscaler.autoscaling/web\n"
                                    "horizontalpodautoscaler.autoscaling/api\n",
                                    {}});
  CHECK(complete(hpas, {"diagnose", "w"}) == "web\n:4\n");
  elsewhere.processes.expect(
      "kubectl --kubeconfig=k.yaml --context=prod get horizontalpodautoscalers.autoscaling "
      "-o name --request-timeout=3s --namespace=shop",
      {0, "horizontalpodautoscaler.autoscaling/web\n", {}});
  CHECK(complete(elsewhere, {"simulate", "-n", "shop", "--context=prod", "--kubeconfig", "k.yaml", "--hpa",
                             ""}) == "web\n:0\n");  // or a file
  spaces.processes.expect("kubectl --context=prod get namespaces -o name --request-timeout=3s",
                          {0, "namespace/default\nnamespace/shop\n", {}});
  CHECK(complete(spaces, {"watch", "--context", "prod", "-n", "sh"}) == "shop\n:4\n");
  contexts.processes.expect("kubectl config get-contexts -o name",
                            {0, "arn:aws:eks:eu:1:cluster/web\nkind\n", {}});
  CHECK(complete(contexts, {"up", "--context", ""}) == "arn:aws:eks:eu:1:cluster/web\nkind\n:4\n");
}

TEST_CASE("Completion offers no names, and says nothing, where kubectl fails") {
  fakes::FakeWorld fake;
  fake.processes.expect(list_hpas, {1, "half a na", "Unable to connect to the server"});
  CHECK(complete(fake, {"watch", ""}) == ":4\n");
}
