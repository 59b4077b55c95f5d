#include "cluster/local/images.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cluster/local/containerd.hpp"
#include "cluster/local/published.hpp"

namespace hpawalk::local {

std::vector<Image> images(const KubernetesRelease& release) {
  const std::string registry = "registry.k8s.io/", operators = "quay.io/prometheus-operator/";
  const std::vector<std::string> nginx_packages = {"nginx-light", "dash", "libc-bin", "coreutils", "curl"};
  return {
      {{registry + "kube-apiserver:" + release.version,
        registry + "kube-controller-manager:" + release.version,
        registry + "kube-scheduler:" + release.version},
       {"kube-apiserver", "kube-controller-manager", "kube-scheduler"},
       "/usr/local/bin",
       {}},
      {{registry + "etcd:" + version::etcd}, {"etcd", "etcdctl"}, "/usr/local/bin", {}},
      {{registry + "coredns/coredns:" + version::coredns}, {"coredns"}, "/", {"/coredns"}},
      {{registry + "pause:" + version::pause}, {"pause"}, "/", {"/pause"}},
      {{operators + "prometheus-operator:" + version::prometheus_operator},
       {"operator"},
       "/bin",
       {"/bin/operator"}},
      {{operators + "prometheus-config-reloader:" + version::prometheus_operator},
       {"prometheus-config-reloader"},
       "/bin",
       {"/bin/prometheus-config-reloader"}},
      {{std::string("quay.io/prometheus/prometheus:") + version::prometheus},
       {"prometheus", "promtool"},
       "/bin",
       {"/bin/prometheus"}},
      {{registry + "prometheus-adapter/prometheus-adapter:" + version::adapter},
       {"adapter"},
       "/",
       {"/adapter"}},
      {{"docker.io/library/nginx:stable"}, {}, {}, {"/usr/sbin/nginx", "-g", "daemon off;"}, nginx_packages},
      {{"docker.io/nginxinc/nginx-unprivileged:1.28.0"},
       {},
       {},
       {"/usr/sbin/nginx", "-e", "/dev/stderr", "-c", "/etc/nginx/unprivileged.conf", "-g", "daemon off;"},
       nginx_packages,
       "101"},
  };
}

Image keda_image() {
  const std::string registry = "ghcr.io/kedacore/", tag = std::string(":") + version::keda;
  return {{registry + "keda" + tag, registry + "keda-metrics-apiserver" + tag},
          {"keda", "keda-adapter"},
          "/",
          {},
          {},
          "65532:65532"};
}

Status write_archive(world::World& world, const fs::path& root, const ArchiveConfig& config,
                     const fs::path& archive) {
  fs::path work = archive.string() + ".work";
  auto tar = [&](std::vector<std::string> words) {
    std::vector<std::string> argv = {"tar",       "--sort=name", "--mtime=@0",
                                     "--owner=0", "--group=0",   "--numeric-owner"};
    argv.insert(argv.end(), words.begin(), words.end());
    return world::run_checked(world.processes,
                              world::Command{.argv = std::move(argv), .limit = std::chrono::minutes(5)},
                              "image-write", "Cannot write the image " + config.names[0]);
  };
  if (Status made = world.files.make_folder(work); !made) return made;
  fs::path layer = work / "layer.tar";
  // Whatever the umask was: the image's user must be able to read it.
  if (auto written = tar({"--mode=a+rX", "-cf", layer, "-C", root, "."}); !written)
    return failure(written.error());
  Result<std::string> sum = world::run_checked(
      world.processes, world::Command{.argv = {"sha256sum", layer}, .limit = std::chrono::minutes(5)},
      "image-write", "Cannot compute the checksum of the image " + config.names[0]);
  if (!sum) return failure(sum.error());
  nlohmann::json image = {{"architecture", architecture()},
                          {"os", "linux"},
                          {"config",
                           {{"Env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
                            {"Entrypoint", config.entrypoint},
                            {"User", config.user}}},
                          {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + sum->substr(0, 64)}}}}};
  nlohmann::json manifest = {
      {{"Config", "config.json"}, {"RepoTags", config.names}, {"Layers", {"layer.tar"}}}};
  Status written = world.files.write(work / "config.json", json_text(image));
  if (written) written = world.files.write(work / "manifest.json", json_text(manifest));
  if (!written) return written;
  if (auto packed = tar({"-cf", archive, "-C", work, "manifest.json", "config.json", "layer.tar"}); !packed) {
    return failure(packed.error());
  }
  return world.files.remove_all(work);
}

namespace {

// The packages and all that they depend on, unpacked below `root`. The system's own package state is only
// read: an empty status file makes apt fetch dependencies that the host has already.
Status unpack_packages(world::World& world, const std::vector<std::string>& packages, const fs::path& work,
                       const fs::path& root) {
  fs::path archives = work / "archives", status = work / "status";
  Status made = world.files.make_folder(archives / "partial");
  if (made) made = world.files.write(status, "");
  if (!made) return made;
  std::vector<std::string> argv = {"apt-get",
                                   "-q",
                                   "-y",
                                   "-o",
                                   "Dir::State::status=" + status.string(),
                                   "-o",
                                   "Dir::Cache::archives=" + archives.string() + "/",
                                   "-o",
                                   "Debug::NoLocking=1",
                                   "-o",
                                   "APT::Sandbox::User=root",
                                   "install",
                                   "--download-only",
                                   "--no-install-recommends"};
  argv.insert(argv.end(), packages.begin(), packages.end());
  Result<std::string> fetched =
      world::run_checked(world.processes, world::Command{.argv = argv, .limit = std::chrono::minutes(10)},
                         "packages-fetch", "Cannot fetch the packages of the nginx image");
  if (!fetched) {
    Error error = fetched.error();
    error.kind = ErrorClass::environment;
    error.hint = "Run apt-get update, then run the command again";
    return failure(error);
  }
  Result<std::vector<fs::path>> found = world.files.list(archives);
  if (!found) return failure(found.error());
  for (const fs::path& package : *found) {
    if (package.extension() != ".deb") continue;
    Result<std::string> unpacked =
        world::run_checked(world.processes, world::Command{.argv = {"dpkg-deb", "--extract", package, root}},
                           "packages-unpack", "Cannot unpack " + package.filename().string());
    if (!unpacked) return failure(unpacked.error());
  }
  return {};
}

// Where any user may write, whatever this process's umask.
Status make_tmp(world::World& world, const fs::path& root) {
  if (Status made = world.files.make_folder(root / "tmp"); !made) return made;
  Result<std::string> opened =
      world::run_checked(world.processes, world::Command{.argv = {"chmod", "1777", root / "tmp"}},
                         "image-write", "Cannot make /tmp of an image writable");
  if (!opened) return failure(opened.error());
  return {};
}

// What nginx's image needs beyond its packages: they are unpacked, not installed, so no script of theirs ran.
Status configure_nginx(world::World& world, const fs::path& root) {
  constexpr std::string_view page =
      "<!DOCTYPE html>\n<html><head><title>Welcome to nginx!</title></head>\n"
      "<body><h1>Welcome to nginx!</h1><p>The workload of the walkthrough.</p></body></html>\n";
  // As in the image of that name: for a user without rights, on a port that needs none.
  constexpr std::string_view unprivileged =
      "worker_processes 1;\nerror_log /dev/stderr;\npid /tmp/nginx.pid;\nevents {}\n"
      "http {\n  access_log /dev/stdout;\n  include mime.types;\n"
      "  client_body_temp_path /tmp/client_temp;\n  proxy_temp_path /tmp/proxy_temp;\n  fastcgi_temp_path "
      "/tmp/fastcgi_temp;\n"
      "  uwsgi_temp_path /tmp/uwsgi_temp;\n  scgi_temp_path /tmp/scgi_temp;\n"
      "  server {\n    listen 8080;\n    root /usr/share/nginx/html;\n  }\n}\n";
  constexpr std::string_view config =
      "user www-data;\nworker_processes 1;\nerror_log /dev/stderr;\npid /run/nginx.pid;\nevents {}\n"
      "http {\n  access_log /dev/stdout;\n  include mime.types;\n"
      "  server {\n    listen 80;\n    root /usr/share/nginx/html;\n  }\n}\n";
  Status done = world.files.write(root / "etc/nginx/nginx.conf", config);
  if (done) done = world.files.write(root / "etc/nginx/unprivileged.conf", unprivileged);
  if (done) done = world.files.write(root / "usr/share/nginx/html/index.html", page);
  if (done)
    done = world.files.write(
        root / "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n");
  if (done) done = world.files.write(root / "etc/group", "root:x:0:\nwww-data:x:33:\n");
  for (const char* folder : {"run", "var/lib/nginx"}) {
    if (done) done = world.files.make_folder(root / folder);
  }
  return done ? make_tmp(world, root) : done;
}

Status fill_root(world::World& world, const Image& image, const Parts& parts, const fs::path& work,
                 const fs::path& root) {
  if (!image.packages.empty()) {
    Status unpacked = unpack_packages(world, image.packages, work, root);
    return unpacked ? configure_nginx(world, root) : unpacked;
  }
  fs::path folder = root / fs::path(image.folder).relative_path();
  if (Status made = world.files.make_folder(folder); !made) return made;
  if (Status made = make_tmp(world, root); !made) return made;
  for (const std::string& program : image.programs) {
    Result<std::string> copied = world::run_checked(
        world.processes, world::Command{.argv = {"cp", "--reflink=auto", parts.program(program), folder}},
        "image-write", "Cannot copy " + program);
    if (!copied) return failure(copied.error());
  }
  return {};
}

// Hard links cannot keep a database that is written to: these few files are real copies.
const std::vector<std::string> databases = {"io.containerd.metadata.v1.bolt/meta.db",
                                            "io.containerd.snapshotter.v1.overlayfs/metadata.db"};

}  // namespace

Status write_image(world::World& world, const Image& image, const Parts& parts, const fs::path& work,
                   const fs::path& archive) {
  const fs::path root = work / "root";
  Status done = world.files.make_folder(root);
  if (done) done = fill_root(world, image, parts, work, root);
  if (done) done = write_archive(world, root, {image.names, image.entrypoint, image.user}, archive);
  if (done) done = world.files.remove_all(root);
  return done;
}

Result<fs::path> make_image_store(world::World& world, const Layout& layout, const KubernetesRelease& release,
                                  const Parts& parts, world::Progress& progress) {
  std::string keys = "4";  // raise it when the way images are written changes
  for (const auto& [set, folder] : parts.folders()) {
    const std::string name = folder.filename();
    keys += "-" + name.substr(name.rfind('-') + 1, 8);
  }
  fs::path store = layout.image_stores() / keys;
  if (world.files.exists(store)) return store;

  const std::string step = "images";
  fs::path partial = store.string() + ".partial", work = store.string() + ".work";
  progress.started(step);
  auto fail = [&](const Error& error) {
    progress.failed(step, error.what);
    return failure(error);
  };
  for (const fs::path& folder : {partial, work}) {
    if (Status removed = world.files.remove_all(folder); !removed) return fail(removed.error());
    if (Status made = world.files.make_folder(folder, 0700); !made) return fail(made.error());
  }
  Result<std::unique_ptr<Containerd>> containerd = Containerd::start(world, partial, work);
  if (!containerd) return fail(containerd.error());
  const std::vector<Image> all = images(release);
  size_t count = 0;
  for (const Image& image : all) {
    progress.now(step, fmt::format("{} of {}: {}", ++count, all.size(), image.names[0]));
    // Upstream publishes some programs only in their images.
    if (!image.programs.empty() && !world.files.exists(parts.program(image.programs[0]))) {
      for (const std::string& name : image.names) {
        if (Status pulled = (*containerd)->pull_image(name); !pulled) return fail(pulled.error());
      }
      continue;
    }
    fs::path archive = work / "image.tar";
    Status done = write_image(world, image, parts, work, archive);
    if (done) done = (*containerd)->import_image(archive);
    if (!done) return fail(done.error());
  }
  containerd->reset();
  Status done = world.files.remove_all(work);
  if (done) done = world.files.rename(partial, store);
  if (!done) return fail(done.error());
  progress.done(step, fmt::format("{} images", all.size()));
  return store;
}

Status clone_image_store(world::World& world, const fs::path& store, const fs::path& containerd_root) {
  auto copy = [&](std::vector<std::string> argv) -> Status {
    argv.insert(argv.begin(), "cp");
    Result<std::string> done =
        world::run_checked(world.processes, world::Command{.argv = argv, .limit = std::chrono::minutes(5)},
                           "image-store-copy", "Cannot copy the images into the cluster");
    if (!done) return failure(done.error());
    return {};
  };
  // --link fails between file systems: then the copy is a real one.
  Status cloned = copy({"--archive", "--link", store, containerd_root});
  if (!cloned && cloned.error().kind != ErrorClass::interrupted) {
    if (Status removed = world.files.remove_all(containerd_root); !removed) return removed;
    return copy({"--archive", store, containerd_root});
  }
  for (const std::string& database : databases) {
    if (cloned) cloned = copy({"--remove-destination", store / database, containerd_root / database});
  }
  return cloned;
}

}  // namespace hpawalk::local
