// The kinds of objects that hpawalk makes, and where each is in the API. Data only.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hpawalk::steps {

struct MadeKind {
  std::string_view kind, api_version, resource;
  bool namespaced;

  std::string collection(
      const std::string& space = {}) const;  // "/apis/apps/v1/namespaces/SPACE/deployments"
};

std::span<const MadeKind> made_kinds();  // in the order in which `down` takes them away
const MadeKind* find_made_kind(std::string_view kind);

}  // namespace hpawalk::steps
