#include "cluster/local/description.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"

#include "world/trust.hpp"

namespace hpawalk::local {

namespace {

// Programs out of these folders are executed, so each must be one that build_parts made.
std::string what_is_wrong(const Description& d, const ClusterFiles& files) {
  if (d.name != files.root.filename().string()) return "its name is \"" + d.name + "\"";
  if (d.link < 0 || d.link > 255) return "its link is " + std::to_string(d.link);
  if (!d.parts.contains("kubernetes")) return "it does not contain the path of Kubernetes' programs";
  for (const auto& [set, part] : d.parts) {
    fs::path folder = part;
    bool ours = folder.is_absolute() && folder.lexically_normal() == folder &&
                folder.filename().string().starts_with(set + "-") &&
                folder.parent_path().filename() == "parts" &&
                folder.parent_path().parent_path().filename() == "hpawalk";
    if (!ours) return part + " is not a folder of hpawalk's components";
  }
  return {};
}

}  // namespace

Result<Description> read_description(world::World& world, const ClusterFiles& files) {
  Result<std::string> text = world.files.read(files.description());
  if (!text) return failure(text.error());
  Result<Json> json = parse_json(*text, "It");
  Description d;
  std::string wrong = json ? std::string() : json.error().because;
  try {
    if (json) {
      d = Description{json->at("name"),
                      json->at("link"),
                      json->at("hpaSyncPeriod"),
                      json->at("hpaDownscaleStabilization"),
                      json->at("parts"),
                      json->at("user"),
                      json->value("kubernetes", "v1.34.4")};  // not written by hpawalk 0.1.0
      wrong = what_is_wrong(d, files);
    }
  } catch (const Json::exception& exception) {
    wrong = exception.what();
  }
  if (!wrong.empty()) {
    return failure(ErrorClass::environment, "cluster-damaged",
                   "Cannot understand " + files.description().string(), wrong,
                   "hpawalk cluster down --name " + files.root.filename().string() + ", then up again");
  }
  for (const auto& [set, folder] : d.parts) {
    if (Status trusted = world::check_trusted(world, folder); !trusted) return failure(trusted.error());
  }
  return d;
}

Status write_description(world::World& world, const ClusterFiles& files, const Description& d) {
  nlohmann::ordered_json json = {{"name", d.name},
                                 {"link", d.link},
                                 {"hpaSyncPeriod", d.hpa_sync_period},
                                 {"hpaDownscaleStabilization", d.hpa_downscale_stabilization},
                                 {"parts", d.parts},
                                 {"user", d.user},
                                 {"kubernetes", d.kubernetes}};
  return world.files.write(files.description(), json_text(json, 2) + "\n");
}

}  // namespace hpawalk::local
