#include "diagnose/fix.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/adapter_config.hpp"
#include "diagnose/view.hpp"

namespace hpawalk::diagnose {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// What the API server takes for a name, with the colons of RBAC's: never an option, a path or a shell's word.
bool nameable(const std::string& name) {
  static const std::string more = std::string(letters) + "-._:";
  return !name.empty() && name.size() <= 253 && letters.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(more) == std::string::npos;
}

bool nameable(const ObjectRef& ref) {
  return nameable(ref.resource) && nameable(ref.name) && (ref.space.empty() || nameable(ref.space));
}

// Without line ends: the text can hold what somebody else wrote, and must not look like a line of its own.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\v' || c == '\f') c = ' ';
  }
  // What Unicode, and some terminals, take for a line end too.
  for (std::string_view end : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    for (size_t at = text.find(end); at != std::string::npos; at = text.find(end, at))
      text.replace(at, end.size(), " ");
  }
  return text;
}

// ASCII, so that no filter between here and the shell changes it.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Fix made(Fix::Kind kind, const ObjectRef& ref, std::string says, std::string beyond) {
  Fix fix;
  fix.kind = kind;
  fix.object = ref;
  fix.says = one_line(std::move(says));
  fix.beyond = one_line(std::move(beyond));
  return fix;
}

std::vector<std::string> with_space(std::vector<std::string> argv, const ObjectRef& ref) {
  if (!ref.space.empty()) argv.insert(argv.end(), {"-n", ref.space});
  return argv;
}

std::vector<std::string> argv_of(const Fix& fix) {
  const ObjectRef& ref = fix.object;
  switch (fix.kind) {
    case Fix::Kind::advice: return {};
    case Fix::Kind::patch: {
      std::vector<std::string> argv = with_space({"kubectl", "patch", ref.resource, ref.name}, ref);
      argv.insert(argv.end(), {"--type", fix.patch_type, "-p", dumped(fix.body)});
      return argv;
    }
    case Fix::Kind::create: return {"kubectl", "create", "-f", "-"};
    case Fix::Kind::remove: {
      std::vector<std::string> argv = {"kubectl", "delete", ref.resource, ref.name};
      argv.insert(argv.end(), fix.more.begin(), fix.more.end());
      return with_space(std::move(argv), ref);
    }
    case Fix::Kind::scale: {
      std::vector<std::string> argv = with_space({"kubectl", "scale", ref.resource, ref.name}, ref);
      argv.push_back(fmt::format("--replicas={}", fix.replicas));
      return argv;
    }
    case Fix::Kind::restart:
      return with_space({"kubectl", "rollout", "restart", ref.resource, ref.name}, ref);
    case Fix::Kind::rollback: return with_space({"kubectl", "rollout", "undo", ref.resource, ref.name}, ref);
  }
  return {};
}

}  // namespace

ObjectRef ref_of(std::string resource, const Json& object) {
  return {std::move(resource), space_of(object), name_of(object)};
}

std::string resource_of(const std::string& kind, const std::string& api_version) {
  std::string group = api_version.substr(0, api_version.find('/'));
  bool built_in = group == "apps" || group.find('.') == std::string::npos;
  if (!built_in) return plural(kind) + "." + group;
  std::string lower = kind;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string_view name_of(Fix::Kind kind) {
  static constexpr std::array<std::string_view, 7> names = {"advice", "patch",   "create",  "remove",
                                                            "scale",  "restart", "rollback"};
  return names[static_cast<size_t>(kind)];
}

Fix advice(std::string says, std::vector<std::string> look) {
  Fix fix = made(Fix::Kind::advice, {}, std::move(says), {});
  // A word with a line end or a control character in it cannot be shown as it is.
  bool plain = std::all_of(look.begin(), look.end(), [](const std::string& word) {
    return std::all_of(word.begin(), word.end(), [](char c) { return c >= ' ' && c <= '~'; });
  });
  if (plain) fix.look = std::move(look);
  return fix;
}

Fix advice_with(std::string says, Json body, std::vector<std::string> look) {
  Fix fix = advice(std::move(says), std::move(look));
  fix.body = std::move(body);
  return fix;
}

std::vector<std::string> look_at(const std::string& verb, const ObjectRef& object) {
  if (!nameable(object)) return {};
  if (verb == "logs")
    return with_space({"kubectl", verb, object.name, "--all-containers", "--tail=20"}, object);
  std::vector<std::string> argv = with_space({"kubectl", verb, object.resource, object.name}, object);
  if (verb == "get") argv.insert(argv.end(), {"-o", "yaml"});
  return argv;
}

std::vector<std::string> look_for(const std::string& resources, const std::string& space) {
  if (!nameable(resources) || !nameable(space)) return {};
  return {"kubectl", "get", resources, "-n", space, "-o", "wide"};
}

std::optional<Fix> json_patch(const ObjectRef& ref, const Json& object, Json operations, std::string says,
                              std::string beyond) {
  if (!nameable(ref)) return std::nullopt;
  try {
    if (object.patch(operations) == object) return std::nullopt;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  Fix fix = made(Fix::Kind::patch, ref, std::move(says), std::move(beyond));
  fix.patch_type = "json";
  fix.body = std::move(operations);
  return fix;
}

std::optional<Fix> merge_patch(const ObjectRef& ref, const Json& object, Json patch, std::string says,
                               std::string beyond) {
  if (!nameable(ref) || !object.is_object()) return std::nullopt;
  Json after = object;
  after.merge_patch(patch);
  if (after == object) return std::nullopt;
  Fix fix = made(Fix::Kind::patch, ref, std::move(says), std::move(beyond));
  fix.patch_type = "merge";
  fix.body = std::move(patch);
  return fix;
}

std::optional<Fix> create(const ObjectRef& ref, Json manifest, std::string says, std::string beyond) {
  if (!nameable(ref)) return std::nullopt;
  Fix fix = made(Fix::Kind::create, ref, std::move(says), std::move(beyond));
  fix.body = std::move(manifest);
  return fix;
}

std::optional<Fix> remove(const ObjectRef& ref, std::string says, std::string beyond,
                          std::vector<std::string> more) {
  bool all = std::all_of(more.begin(), more.end(), [](const std::string& name) { return nameable(name); });
  if (!nameable(ref) || !all) return std::nullopt;
  Fix fix = made(Fix::Kind::remove, ref, std::move(says), std::move(beyond));
  fix.more = std::move(more);
  return fix;
}

std::optional<Fix> scale(const ObjectRef& ref, long long from, long long to, std::string says) {
  if (!nameable(ref) || from == to) return std::nullopt;
  Fix fix = made(Fix::Kind::scale, ref, std::move(says), {});
  fix.replicas = to;
  return fix;
}

std::optional<Fix> restart(const ObjectRef& ref, std::string says) {
  if (!nameable(ref)) return std::nullopt;
  return made(Fix::Kind::restart, ref, std::move(says), {});
}

std::optional<Fix> rollback(const ObjectRef& ref, std::string says, std::string beyond) {
  if (!nameable(ref)) return std::nullopt;
  return made(Fix::Kind::rollback, ref, std::move(says), std::move(beyond));
}

Json operation(const std::string& op, const std::vector<std::string>& path, Json value) {
  std::string pointer;
  for (const std::string& step : path) {
    pointer += '/';
    for (char c : step)
      pointer += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  }
  Json made = {{"op", op}, {"path", pointer}};
  if (op != "remove") made["value"] = std::move(value);
  return made;
}

std::string command_of(const Fix& fix) {
  std::string command = text::shell_quote(argv_of(fix));
  if (fix.kind != Fix::Kind::create) return command;
  // No here-document: its end must stand at the start of a line, where a report does not leave it.
  return text::shell_quote({"printf", "%s", dumped(fix.body)}) + " | " + command;
}

std::string look_of(const Fix& fix) {
  return text::shell_quote(fix.look);
}

std::string text_of(const Fix& fix) {
  std::string command = command_of(fix), look = look_of(fix);
  std::vector<std::string> lines;
  std::string comment = command.empty() && look.empty() ? "" : "# ";
  if (!fix.says.empty()) lines.push_back(comment + fix.says);
  if (fix.kind == Fix::Kind::advice && !fix.body.is_null()) lines.push_back(comment + dumped(fix.body));
  if (!fix.beyond.empty()) lines.push_back(comment + "Side effect: " + fix.beyond);
  if (!command.empty()) lines.push_back(command);
  if (!look.empty()) lines.push_back(look);
  return text::join(lines, "\n");
}

Json to_json(const Fix& fix) {
  if (fix.says.empty()) return nullptr;
  Json json = {{"kind", name_of(fix.kind)}, {"says", fix.says}};
  if (!fix.object.name.empty())
    json["object"] = {{"resource", fix.object.resource},
                      {"namespace", fix.object.space.empty() ? Json() : Json(fix.object.space)},
                      {"name", fix.object.name}};
  if (!fix.more.empty()) json["more"] = fix.more;
  if (!fix.beyond.empty()) json["beyond"] = fix.beyond;
  if (fix.kind == Fix::Kind::patch) json["patchType"] = fix.patch_type;
  if (!fix.body.is_null())
    json[fix.kind == Fix::Kind::patch    ? "patch"
         : fix.kind == Fix::Kind::create ? "manifest"
                                         : "example"] = fix.body;
  if (fix.kind == Fix::Kind::scale) json["replicas"] = fix.replicas;
  if (std::string command = command_of(fix); !command.empty()) json["command"] = command;
  if (std::string look = look_of(fix); !look.empty()) json["look"] = look;
  return json;
}

}  // namespace hpawalk::diagnose
