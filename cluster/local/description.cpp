#include "cluster/local/description.hpp"

#include "base/json_text.hpp"

#include <nlohmann/json.hpp>

namespace hpawalk::local {

Result<Description> read_description(World& world, const ClusterFiles& files) {
  Result<std::string> text = world.files.read(files.description());
  if (!text) return failure(text.error());
  try {
    nlohmann::json json = nlohmann::json::parse(*text);
    return Description{json.at("name"),  json.at("link"), json.at("hpaSyncPeriod"), json.at("hpaDownscaleStabilization"),
                       json.at("parts"), json.at("user")};
  } catch (const nlohmann::json::exception& exception) {
    return failure(ErrorClass::environment, "cluster-damaged", "Cannot understand " + files.description().string(),
                   exception.what(), "hpawalk cluster down --name " + files.root.filename().string() + ", then up again");
  }
}

Status write_description(World& world, const ClusterFiles& files, const Description& d) {
  nlohmann::ordered_json json = {{"name", d.name},   {"link", d.link},
                                 {"hpaSyncPeriod", d.hpa_sync_period},
                                 {"hpaDownscaleStabilization", d.hpa_downscale_stabilization},
                                 {"parts", d.parts}, {"user", d.user}};
  return world.files.write(files.description(), json_text(json, 2) + "\n");
}

}  // namespace hpawalk::local
