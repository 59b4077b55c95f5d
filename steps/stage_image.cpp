// Stage `image`: prom-fake's image on the cluster's nodes. No rule: a pod that runs from it is the proof.
#include "manifests/manifests.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  std::string image = manifests::prom_fake_image(config);
  Operation load{image, LoadImage{image}, {prometheus_can_be_created()}};
  load.reaches = Milestone{Milestone::Kind::image};
  return std::vector{load};
}

}  // namespace

Stage image_stage() {
  return {.name = "image",
          .why = "prom-fake's image must be available to the cluster's nodes.",
          .needs = {},
          .operations = operations,
          .rules = {}};
}

}  // namespace hpawalk::steps
