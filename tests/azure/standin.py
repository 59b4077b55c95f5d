#!/usr/bin/env python3
"""A stand-in of Azure for the real az: Resource Manager, Microsoft Graph, a container registry and its blob storage.

It answers on the loopback address alone, with a certificate of its own, and only what hpawalk's az commands ask for:
anything else is a 404 that is written down as unexpected, and the tests fail on it. What `az acr build` uploads is
unpacked, compiled as its Dockerfile says, packed as an image under the registry's name and handed to LOADER, so that
pods can run what was uploaded; without LOADER it is only unpacked. What it is not: Azure. It knows no delays, no other
commands, and of permissions only this: with --abac, a build pushes only with the caller's identity. --paused: the
subscription has free credits, and the registry runs no tasks.

Usage: standin.py FOLDER KUBECONFIG [--loader COMMAND] [--service-principal] [--private] [--abac] [--paused]
FOLDER gets cert.pem, port, log.jsonl (one line a request) and az/, a configuration folder for az that knows this cloud.
GET /standin/state tells what is there; POST /standin/seed puts images or role assignments ({principal: role}) there, as
somebody else would.
"""
import argparse
import base64
import hashlib
import http.server
import io
import json
import os
import re
import shlex
import shutil
import socketserver
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.parse

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"
KUBELET_ID = "00000000-0000-4000-8000-00000000000a"   # the managed identity's object id
CLIENT_ID = "00000000-0000-4000-8000-00000000000b"    # the service principal's client id ...
PRINCIPAL_ID = "00000000-0000-4000-8000-00000000000c"  # ... and its object id
USER, USER_ID = "me@example.com", "00000000-0000-4000-8000-00000000000f"
ROLES = {"AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
         "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
         "Container Registry Repository Reader": "b93aa761-3e63-49ed-ac28-beffa264f7ac",
         "Container Registry Repository Writer": "2a1e307c-b015-4ebd-883e-5b7698a07328",
         "Container Registry Repository Contributor": "2efddaa5-3f1f-4df3-97df-af3f13818f4c"}
GROUP, CLUSTER, REGISTRY_GROUP, REGISTRY = "walk", "walkcluster", "walkacr", "walkregistry"


def role_id(name):
    return f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[name]}"


class Azure:
    """What is there, and what was made."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.assignments, self.images, self.blobs, self.runs, self.unexpected = {}, {}, {}, {}, []
        self.put = []  # of the cluster: what was said of the KEDA add-on
        self.port = 0
        self.log = open(os.path.join(options.folder, "log.jsonl"), "w", buffering=1)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def cluster(self):
        path = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}"
        old = self.options.service_principal
        properties = {
            "provisioningState": "Succeeded", "powerState": {"code": "Running"}, "kubernetesVersion": "1.36.2",
            "dnsPrefix": CLUSTER, "fqdn": f"{CLUSTER}.hcp.test.azmk8s.io", "nodeResourceGroup": f"MC_{GROUP}",
            "agentPoolProfiles": [{"name": "pool", "count": 1, "vmSize": "Standard_B2s", "osType": "Linux", "mode": "System",
                                   "type": "VirtualMachineScaleSets", "orchestratorVersion": "1.36.2",
                                   "provisioningState": "Succeeded", "powerState": {"code": "Running"}}],
            "servicePrincipalProfile": {"clientId": CLIENT_ID if old else "msi"}, "enableRBAC": True,
            "networkProfile": {"networkPlugin": "azure", "loadBalancerSku": "standard", "outboundType": "loadBalancer"},
        }
        if not old:
            properties["identityProfile"] = {"kubeletidentity": {
                "resourceId": f"/subscriptions/{SUBSCRIPTION}/resourcegroups/MC_{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/pool",
                "clientId": "00000000-0000-4000-8000-00000000000d", "objectId": KUBELET_ID}}
        if self.options.keda:
            properties["workloadAutoScalerProfile"] = {"keda": {"enabled": True}}
            properties["securityProfile"] = {"workloadIdentity": {"enabled": True}}
            properties["oidcIssuerProfile"] = {"enabled": True, "issuerURL": f"https://{self.host}/oidc/"}
        if self.options.private:
            properties["apiServerAccessProfile"] = {"enablePrivateCluster": True}
        whole = {"id": path, "name": CLUSTER, "type": "Microsoft.ContainerService/ManagedClusters", "location": "westeurope",
                 "sku": {"name": "Base", "tier": "Free"}, "properties": properties}
        if not old:
            whole["identity"] = {"type": "SystemAssigned", "principalId": "00000000-0000-4000-8000-00000000000e", "tenantId": TENANT}
        return whole

    def registry(self):
        return {"id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{REGISTRY_GROUP}/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}",
                "name": REGISTRY, "type": "Microsoft.ContainerRegistry/registries", "location": "westeurope",
                "sku": {"name": "Basic", "tier": "Basic"},
                "properties": {"loginServer": self.host, "provisioningState": "Succeeded", "adminUserEnabled": False,
                               "roleAssignmentMode": "AbacRepositoryPermissions" if self.options.abac else "LegacyRegistryPermissions",
                               "policies": {"azureADAuthenticationAsArmPolicy": {"status": "enabled"}}}}

    def state(self):
        return {"registry": self.registry()["id"], "assignments": list(self.assignments.values()), "images": sorted(self.images),
                "runs": {name: run["status"] for name, run in self.runs.items()}, "unexpected": self.unexpected, "put": self.put}

    # ---- a build: what a registry's agent does

    def build(self, run, request):
        def say(text):
            with self.lock:
                run["log"] += text.encode() + b"\r\n"

        folder = tempfile.mkdtemp(prefix="standin-build-")
        try:
            with tarfile.open(fileobj=io.BytesIO(self.blobs[request["sourceLocation"]]), mode="r:gz") as tar:
                tar.extractall(folder, filter="data")
            with open(os.path.join(folder, request["dockerFilePath"])) as dockerfile:
                text = dockerfile.read()
            say(f"Unpacked {sum(len(files) for _, _, files in os.walk(folder))} files; {request['dockerFilePath']}:")
            binary = compile_as(text, folder, say) if self.options.loader else None
            identity = ((request.get("credentials") or {}).get("sourceRegistry") or {}).get("identity")
            if self.options.abac and identity != "[caller]":
                raise RuntimeError("unauthorized: the task has no access to the repositories of its registry")
            for image in request["imageNames"]:
                archive = os.path.join(folder, "image.tar")
                digest = "sha256:" + hashlib.sha256(image.encode()).hexdigest()
                if binary:
                    digest = pack_image(text, binary, f"{self.host}/{image}", archive)
                    subprocess.run(shlex.split(self.options.loader) + [archive], check=True, capture_output=True)
                with self.lock:
                    self.images[image] = digest
                say(f"Successfully pushed {self.host}/{image}: digest: {digest}")
            run["status"] = "Succeeded"
        except Exception as error:  # whatever it is, az must hear of it
            say(f"failed: {error!r} {getattr(error, 'stderr', b'') or b''!r}")
            run["status"] = "Failed"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def compile_as(dockerfile, folder, say):
    """Runs the Dockerfile's own compile command on this machine; its packages are those that hpawalk is built with."""
    command = re.search(r"^RUN (cmake .*)$", dockerfile, re.M).group(1)
    target = os.path.join(folder, ".build")
    command = command.replace("/src", folder).replace("/build", target)
    say("Step: " + command)
    done = subprocess.run(["sh", "-ec", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in done.stdout.splitlines()[-15:]:
        say(line)
    if done.returncode != 0:
        raise RuntimeError("the compile command failed")
    return os.path.join(target, re.search(r"^COPY --from=build /build/(\S+)", dockerfile, re.M).group(1))


def pack_image(dockerfile, binary, reference, archive):
    """A docker-archive with the one file that the Dockerfile copies."""
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", dockerfile, re.M).group(1))
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        info = tar.gettarinfo(binary, entry[0].lstrip("/"))
        info.mode, info.uid, info.gid, info.mtime = 0o755, 0, 0, 0
        with open(binary, "rb") as file:
            tar.addfile(info, file)
    diff = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + diff]},
                         "config": {"Entrypoint": entry, "User": re.search(r"^USER (.*)$", dockerfile, re.M).group(1)}}).encode()
    digest = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": digest + ".json", "RepoTags": [reference], "Layers": [diff + ".tar"]}]).encode()
    with tarfile.open(archive, "w") as tar:
        for name, data in (("manifest.json", manifest), (digest + ".json", config), (diff + ".tar", layer.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return "sha256:" + digest


def token():
    part = lambda data: base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()
    return ".".join([part({"alg": "none", "typ": "JWT"}),
                     part({"tid": TENANT, "oid": KUBELET_ID, "appid": CLIENT_ID, "exp": int(time.time()) + 86400}), part({})])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=None):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_any(self):
        azure = self.server.azure
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urllib.parse.urlsplit(self.path)
        query = {k.lower(): v[0] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        path = urllib.parse.unquote(url.path)
        azure.log.write(json.dumps({"method": self.command, "path": path, "query": query}) + "\n")
        for method, pattern, action in ROUTES:
            found = re.fullmatch(pattern, path, re.I)
            if found and self.command in method:
                return action(self, azure, found, query, body)
        azure.unexpected.append(f"{self.command} {self.path}")
        return self.answer(404, {"error": {"code": "ResourceNotFound", "message": f"The stand-in knows no {self.command} {path}"}})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any


ROUTES = []


def on(methods, pattern):
    def add(action):
        ROUTES.append((methods.split(), pattern, action))
        return action
    return add


ARM = rf"/subscriptions/{SUBSCRIPTION}"
AKS = ARM + rf"/resourceGroups/{GROUP}/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}"
ACR = ARM + rf"/resourceGroups/{REGISTRY_GROUP}/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"


def not_found(request, code, message):
    request.answer(404, {"error": {"code": code, "message": message}})


# ---- the stand-in itself, login, subscriptions

@on("GET", "/standin/state")
def state(request, azure, *_):
    request.answer(200, azure.state())


@on("POST", "/standin/seed")
def seed(request, azure, found, query, body):
    wanted = json.loads(body)
    azure.images.update({image: "sha256:" + "0" * 64 for image in wanted.get("images", [])})
    for number, (principal, role) in enumerate(wanted.get("assignments", {}).items()):
        scope = azure.registry()["id"]
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-0000000000f{number:x}"
        azure.assignments[path] = {"id": path, "name": path.split("/")[-1], "type": "Microsoft.Authorization/roleAssignments",
                                   "properties": {"roleDefinitionId": role_id(role), "principalId": principal,
                                                  "principalType": "ServicePrincipal", "scope": scope}}
    request.answer(200, azure.state())


@on("POST GET", "/msi.*")
def msi(request, azure, found, query, body):
    form = urllib.parse.parse_qs(body.decode())
    resource = (form.get("resource") or [query.get("resource", "")])[0]
    soon = int(time.time()) + 86400
    request.answer(200, {"access_token": token(), "expires_on": str(soon), "expires_in": "86400", "resource": resource,
                         "token_type": "Bearer"})


@on("GET", "/subscriptions")
def subscriptions(request, *_):
    request.answer(200, {"value": [{"id": f"/subscriptions/{SUBSCRIPTION}", "subscriptionId": SUBSCRIPTION, "tenantId": TENANT,
                                    "displayName": "Walkthrough", "state": "Enabled"}]})


@on("GET", ARM)
def subscription(request, azure, *_):
    request.answer(200, {"id": ARM, "subscriptionId": SUBSCRIPTION, "displayName": "Walkthrough", "state": "Enabled",
                         "subscriptionPolicies": {"quotaId": "FreeTrial_2014-09-01" if azure.options.paused else "PayAsYouGo_2014-09-01",
                                                  "spendingLimit": "On" if azure.options.paused else "Off"}})


# ---- AKS

@on("GET PUT", AKS)
def get_cluster(request, azure, found, query, body):
    if request.command == "PUT":
        azure.put.append((json.loads(body).get("properties", {}).get("workloadAutoScalerProfile") or {}).get("keda"))
    request.answer(200, azure.cluster())


@on("POST", AKS + "/listClusterUserCredential")
def credentials(request, azure, *_):
    with open(azure.options.kubeconfig, "rb") as file:
        request.answer(200, {"kubeconfigs": [{"name": "clusterUser", "value": base64.b64encode(file.read()).decode()}]})


@on("GET POST", ARM + r"/resourceGroups/[^/]+/providers/Microsoft.ContainerService/managedClusters/([^/]+)(?:/.*)?")
def other_cluster(request, azure, found, *_):
    not_found(request, "ResourceNotFound", f"The Resource 'Microsoft.ContainerService/managedClusters/{found[1]}' under resource group was not found.")


# ---- the registry as a resource

@on("GET", ARM + "/resources")
def resources(request, azure, *_):
    whole = azure.registry()
    request.answer(200, {"value": [{name: whole[name] for name in ("id", "name", "type", "location", "sku")}]})


@on("GET", ACR)
def get_registry(request, azure, *_):
    request.answer(200, azure.registry())


@on("GET", ARM + r"/resourceGroups/[^/]+/providers/Microsoft.ContainerRegistry/registries/([^/]+)")
def other_registry(request, azure, found, *_):
    not_found(request, "ResourceNotFound", f"The Resource 'Microsoft.ContainerRegistry/registries/{found[1]}' under resource group was not found.")


@on("POST", ACR + "/listBuildSourceUploadUrl")
def upload_url(request, azure, *_):
    if azure.options.paused:
        message = f"ACR Tasks requests for the registry {REGISTRY} and {SUBSCRIPTION} are not permitted. Please file an Azure support request."
        return request.answer(403, {"error": {"code": "TasksOperationsNotAllowed", "message": message}})
    # On the loopback address az's storage library takes the first part of the path for the account.
    request.answer(200, {"uploadUrl": f"https://{azure.host}/store/source/context.tar.gz?sig=none", "relativePath": "context.tar.gz"})


@on("POST", ACR + "/scheduleRun")
def schedule(request, azure, found, query, body):
    wanted = json.loads(body)
    with azure.lock:
        name = f"ca{len(azure.runs) + 1}"
        run = azure.runs[name] = {"status": "Running", "log": b""}
    threading.Thread(target=azure.build, args=(run, wanted.get("properties", wanted)), daemon=True).start()
    request.answer(200, {"id": f"{azure.registry()['id']}/runs/{name}", "name": name, "type": "Microsoft.ContainerRegistry/registries/runs",
                         "properties": {"runId": name, "status": "Queued", "runType": "QuickRun", "provisioningState": "Succeeded"}})


@on("POST", ACR + r"/runs/([^/]+)/listLogSasUrl")
def log_url(request, azure, found, *_):
    request.answer(200, {"logLink": f"https://{azure.host}/store/logs/{found[1]}?sig=none"})


# ---- role assignments, and who is who

@on("GET", r"(/.*)/providers/Microsoft.Authorization/roleDefinitions")
def definitions(request, azure, found, query, body):
    wanted = re.search(r"roleName eq '([^']+)'", query.get("$filter", ""))
    request.answer(200, {"value": [
        {"id": role_id(name), "name": guid, "type": "Microsoft.Authorization/roleDefinitions",
         "properties": {"roleName": name, "type": "BuiltInRole", "assignableScopes": ["/"], "permissions": []}}
        for name, guid in ROLES.items() if not wanted or wanted[1].lower() == name.lower()]})


@on("GET", r"(/.*)/providers/Microsoft.Authorization/roleAssignments")
def list_assignments(request, azure, found, query, body):
    only = re.search(r"assignedTo\('([^']+)'\)", query.get("$filter", ""))
    request.answer(200, {"value": [a for a in azure.assignments.values() if found[1].lower().startswith(a["properties"]["scope"].lower())
                                   and (not only or a["properties"]["principalId"] == only[1])]})


@on("PUT", r"(/.*)/providers/Microsoft.Authorization/roleAssignments/([^/]+)")
def assign(request, azure, found, query, body):
    asked = json.loads(body)["properties"]
    same = [a for a in azure.assignments.values() if a["properties"]["scope"] == found[1]
            and all(a["properties"][name] == asked[name] for name in ("principalId", "roleDefinitionId"))]
    if same:
        return request.answer(409, {"error": {"code": "RoleAssignmentExists", "message": "The role assignment already exists."}})
    whole = {"id": found[0], "name": found[2], "type": "Microsoft.Authorization/roleAssignments",
             "properties": {"roleDefinitionId": asked["roleDefinitionId"], "principalId": asked["principalId"],
                            "principalType": "ServicePrincipal", "scope": found[1]}}
    with azure.lock:
        azure.assignments[found[0]] = whole
    request.answer(201, whole)


@on("DELETE", r"(/.*)/providers/Microsoft.Authorization/roleAssignments/([^/]+)")
def unassign(request, azure, found, *_):
    with azure.lock:
        whole = azure.assignments.pop(found[0], None)
    request.answer(200 if whole else 204, whole)


@on("GET", r"/v1.0/servicePrincipals")
def principals(request, azure, found, query, body):
    known = CLIENT_ID in query.get("$filter", "")
    request.answer(200, {"value": [{"id": PRINCIPAL_ID, "appId": CLIENT_ID, "displayName": "old"}] if known else []})


@on("GET", r"/v1.0/users")
def users(request, azure, found, query, body):
    known = USER in query.get("$filter", "")
    request.answer(200, {"value": [{"id": USER_ID, "userPrincipalName": USER}] if known else []})


@on("POST", r"/v1.0/directoryObjects/getByIds")
def by_ids(request, azure, found, query, body):
    ids = json.loads(body)["ids"]
    request.answer(200, {"value": [{"@odata.type": "#microsoft.graph.servicePrincipal", "id": each, "displayName": "identity"} for each in ids]})


@on("GET", ARM + r"/providers/Microsoft.Network/locations/[^/]+/usages")
def usages(request, *_):
    request.answer(200, {"value": [{"id": "x", "unit": "Count", "currentValue": 3, "limit": 20,
                                    "name": {"value": "PublicIPAddresses", "localizedValue": "Public IP Addresses"}}]})


# ---- the registry's own API

@on("GET", "/v2/")
def challenge(request, azure, *_):
    request.answer(401, {"errors": [{"code": "UNAUTHORIZED"}]},
                   {"WWW-Authenticate": f'Bearer realm="https://{azure.host}/oauth2/token",service="{azure.host}"'})


@on("POST", "/oauth2/(exchange|token)")
def registry_token(request, *_):
    request.answer(200, {"refresh_token": token(), "access_token": token()})


@on("GET", r"/acr/v1/([^/]+)/_tags")
def list_tags(request, azure, found, *_):
    request.answer(200, {"registry": azure.host, "imageName": found[1], "tags": [
        {"name": image.split(":")[1], "digest": digest} for image, digest in azure.images.items() if image.startswith(found[1] + ":")]})


@on("GET", r"/acr/v1/([^/]+)/_tags/([^/]+)")
def get_tag(request, azure, found, *_):
    digest = azure.images.get(f"{found[1]}:{found[2]}")
    if digest is None:
        return request.answer(404, {"errors": [{"code": "TAG_UNKNOWN", "message": "the specified tag does not exist"}]})
    request.answer(200, {"registry": azure.host, "imageName": found[1],
                         "tag": {"name": found[2], "digest": digest, "changeableAttributes": {"deleteEnabled": True}}})


@on("GET", r"/acr/v1/([^/]+)/_manifests/([^/]+)")
def get_manifest(request, azure, found, *_):
    tags = [image.split(":")[1] for image, digest in azure.images.items() if digest == found[2]]
    request.answer(200, {"registry": azure.host, "imageName": found[1], "manifest": {"digest": found[2], "tags": tags}})


@on("DELETE", r"/v2/([^/]+)/manifests/([^/]+)")
def delete_manifest(request, azure, found, *_):
    with azure.lock:
        azure.images = {image: digest for image, digest in azure.images.items() if digest != found[2]}
    request.answer(202)


# ---- blob storage

@on("PUT", r"/store/source/([^/]+)")
def put_blob(request, azure, found, query, body):
    if query.get("comp") == "block":
        azure.blobs.setdefault("blocks", []).append(body)
    elif query.get("comp") == "blocklist":
        azure.blobs[found[1]] = b"".join(azure.blobs.pop("blocks", []))
    else:
        azure.blobs[found[1]] = body
    request.answer(201, None, {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"})


@on("GET HEAD", r"/store/logs/([^/]+)")
def log_blob(request, azure, found, *_):
    run = azure.runs[found[1]]
    with azure.lock:
        data = run["log"]
        done = run["status"] != "Running"
    headers = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT", "x-ms-blob-type": "AppendBlob"}
    if done:
        headers["x-ms-meta-Complete"] = {"Succeeded": "successful"}.get(run["status"], "failed")
    wanted = re.match(r"bytes=(\d+)-(\d+)", request.headers.get("x-ms-range") or request.headers.get("Range") or "")
    if request.command == "HEAD" or not wanted:
        headers["x-ms-blob-content-length"] = str(len(data))
        return request.answer(200, data, headers)
    first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return request.answer(206, data[first:last + 1], headers)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):  # an az that was interrupted
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("kubeconfig")
    parser.add_argument("--loader", default="")
    parser.add_argument("--service-principal", action="store_true")
    parser.add_argument("--private", action="store_true")
    parser.add_argument("--abac", action="store_true")
    parser.add_argument("--paused", action="store_true")
    parser.add_argument("--keda", action="store_true", help="the KEDA add-on is enabled, with workload identity")
    options = parser.parse_args()
    certificate, key = (os.path.join(options.folder, name) for name in ("cert.pem", "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    azure = server.azure = Azure(options)
    azure.port = server.server_address[1]
    root = f"https://{azure.host}/"
    endpoints = ("management", "resource_manager", "active_directory", "active_directory_resource_id",
                 "active_directory_graph_resource_id", "microsoft_graph_resource_id")
    os.mkdir(os.path.join(options.folder, "az"), 0o700)
    with open(os.path.join(options.folder, "az", "clouds.config"), "w") as file:
        file.write("[standin]\nprofile = latest\nsuffix_acr_login_server_endpoint = .azurecr.io\n")
        file.writelines(f"endpoint_{name} = {root}\n" for name in endpoints)
    with open(os.path.join(options.folder, "az", "config"), "w") as file:
        file.write("[cloud]\nname = standin\n")
    with open(os.path.join(options.folder, "port"), "w") as file:
        file.write(str(azure.port))
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
