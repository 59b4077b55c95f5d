#include "cluster/local/description.hpp"

#include "base/json.hpp"

namespace hpawalk::local {

Result<Description> read_description(World& world, const ClusterFiles& files) {
  Result<std::string> text = world.files.read(files.description());
  if (!text) return failure(text.error());
  auto damaged = [&](const std::string& because) {
    return failure(ErrorClass::environment, "cluster-damaged", "Cannot understand " + files.description().string(), because,
                   "hpawalk cluster down --name " + files.root.filename().string() + ", then up again");
  };
  Result<Json> json = parse_json(*text, "It");
  if (!json) return damaged(json.error().because);
  if (text_at(*json, "parts.kubernetes").empty()) return damaged("it does not say where the parts of Kubernetes are");
  try {
    return Description{json->at("name"),  json->at("link"), json->at("hpaSyncPeriod"), json->at("hpaDownscaleStabilization"),
                       json->at("parts"), json->at("user")};
  } catch (const Json::exception& exception) {
    return damaged(exception.what());
  }
}

Status write_description(World& world, const ClusterFiles& files, const Description& d) {
  nlohmann::ordered_json json = {{"name", d.name},   {"link", d.link},
                                 {"hpaSyncPeriod", d.hpa_sync_period},
                                 {"hpaDownscaleStabilization", d.hpa_downscale_stabilization},
                                 {"parts", d.parts}, {"user", d.user}};
  return world.files.write(files.description(), json.dump(2) + "\n");
}

}  // namespace hpawalk::local
