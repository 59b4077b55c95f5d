// Prints every command line of az, kind, minikube and k3d that hpawalk can produce, one JSON array a line,
// for parsers.py. az's names are such that az gets as far as asking who is logged in.
#include <cstdio>

#include <nlohmann/json.hpp>

#include "cluster/azure.hpp"
#include "cluster/made_target.hpp"

using namespace hpawalk;
using namespace hpawalk::cluster;

static void print(const std::vector<std::string>& argv) {
  if (!argv.empty()) std::puts(nlohmann::json(argv).dump().c_str());
}

int main(int, char** arguments) {
  AzureNames names{.group = "walk",
                   .cluster = "walkcluster",
                   .registry_group = "walkacr",
                   .registry = "walkregistry",
                   .image = "prom-fake:0.1.0",
                   .kubeconfig = "kubeconfig",
                   .context = "walkcluster",
                   .build_folder = arguments[1],  // az looks whether it is there
                   .assignee = "00000000-0000-4000-8000-00000000000a",
                   .registry_id =
                       "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/walkacr/providers/"
                       "Microsoft.ContainerRegistry/registries/walkregistry",
                   .login_server = "walkregistry.azurecr.io",
                   .location = "westeurope",
                   .caller = "me@example.com"};
  for (const char* subscription : {"", "Walkthrough"}) {
    names.subscription = subscription;
    for (int line = 0; line < static_cast<int>(AzLine::count); ++line)
      print(az_line(static_cast<AzLine>(line), names));
  }
  names.abac = true;
  print(az_line(AzLine::build, names));
  for (auto maker_of : {kind_maker, minikube_maker, k3d_maker}) {
    std::string cluster = maker_of == kind_maker ? "kind" : maker_of == k3d_maker ? "k3d" : "minikube";
    config::Config config = *config::Config::from({{}, {}, {}, {{"cluster", cluster}}});
    ClusterMaker maker = maker_of(config);
    for (const auto& argv :
         {maker.version, maker.list, maker.create, maker.start, maker.kubeconfig, maker.remove})
      print(argv);
    print(maker.load("prom-fake.tar"));
  }
}
