"""The image: the Dockerfile's own compile command on a copy of promfake/, and the archive that clusters load."""
import json, os, re, shutil, subprocess, tarfile, tempfile

from harness import BINARY, needs, run

HERE = os.path.dirname(os.path.abspath(__file__))
PROMFAKE = os.path.join(HERE, "../../../promfake")


def archive(folder):
    path = folder + "/image.tar"
    subprocess.run([PROMFAKE + "/image-archive", BINARY, "1.2.3", path], check=True, timeout=60)
    return path


def the_dockerfiles_compile_command_works_on_promfake_alone():
    with open(PROMFAKE + "/Dockerfile") as file:
        command = re.search(r"^RUN (cmake .*)$", file.read(), re.M)[1]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PROMFAKE, folder + "/src")
        # The two absolute folders are the only thing that is changed.
        command = command.replace("/src", folder + "/src").replace("/build", folder + "/build")
        result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=400)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr
        binary = folder + "/build/prom-fake"
        assert os.path.getsize(binary) <= 2_000_000, os.path.getsize(binary)
        assert subprocess.run([binary, "--version"], capture_output=True).returncode == 0


def the_archive_holds_one_layer_with_the_binary_and_the_agreed_settings():
    with tempfile.TemporaryDirectory() as folder:
        path = archive(folder)
        assert os.path.getsize(path) <= 2_000_000, os.path.getsize(path)
        first = open(path, "rb").read()
        assert open(archive(folder), "rb").read() == first, "the archive is not reproducible"
        with tarfile.open(path) as tar:
            manifest = json.load(tar.extractfile("manifest.json"))[0]
            config = json.load(tar.extractfile(manifest["Config"]))
            with tarfile.open(fileobj=tar.extractfile(manifest["Layers"][0])) as layer:
                (file,) = layer.getmembers()
                assert (file.name, file.mode, file.uid) == ("prom-fake", 0o755, 0)
        assert manifest["RepoTags"] == ["localhost/hpawalk/prom-fake:1.2.3"]
        assert config["config"]["User"] == "65534:65534" and config["config"]["Entrypoint"] == ["/prom-fake"]
        assert "8080/tcp" in config["config"]["ExposedPorts"]


def skopeo_reads_the_archive():
    skopeo = needs("skopeo", "Debian: skopeo")
    with tempfile.TemporaryDirectory() as folder:
        path = archive(folder)
        result = subprocess.run([skopeo, "--tmpdir", folder, "copy", "--insecure-policy", "docker-archive:" + path,
                                 "oci:" + folder + "/oci"], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr


run([the_dockerfiles_compile_command_works_on_promfake_alone,
     the_archive_holds_one_layer_with_the_binary_and_the_agreed_settings, skopeo_reads_the_archive])
