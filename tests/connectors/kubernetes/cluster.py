"""A server that speaks the Kubernetes API as far as it is used: over HTTPS, in memory.

The formats are those of https://kubernetes.io/docs/reference/using-api/api-concepts/: lists and
watches with resource versions, Status objects, dry runs, optimistic locking, evictions that a
disruption budget holds up, and exec over websockets. What controllers would do, tests say.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import re
import ssl
from contextlib import asynccontextmanager
from copy import deepcopy

from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.connectors.kubernetes.documents import applied, edited, merged

_PATH = re.compile(
    r"(?P<base>/api/v1|/apis/[^/]+/[^/]+)(/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[a-z]+)(/(?P<name>[^/]+))?(/(?P<sub>[a-z]+))?"
)
_KINDS = {
    "/api/v1": [
        ("pods", "Pod", True),
        ("nodes", "Node", False),
        ("secrets", "Secret", True),
        ("events", "Event", True),
    ],
    "/apis/apps/v1": [
        ("deployments", "Deployment", True),
        ("deployments/scale", "Scale", True),
        ("replicasets", "ReplicaSet", True),
    ],
    "/apis/batch/v1": [("jobs", "Job", True)],
    "/apis/metrics.k8s.io/v1beta1": [("pods", "PodMetrics", True)],
    "/apis/shop.example/v1": [("carts", "Cart", True)],
}


class RefusedError(Exception):
    """An answer that is a Status."""

    def __init__(self, code, reason, message, causes=()):
        super().__init__(message)
        details = {"causes": list(causes)} if causes else {}
        self.code = code
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details,
            "code": code,
        }


class Cluster:
    """The objects of a cluster by their paths, and what was asked of it."""

    def __init__(self):
        self.objects = {}
        self.managers = {}
        self.asked = []
        self.tokens = {"good"}
        self.shut = set()  # paths that nobody may look at
        self.busy = []  # answers to give instead of the next ones: (code, reason)
        self.budgets = {}  # how often a pod's eviction is held up
        self.logs = {}
        self.programs = {}
        self.controllers = []
        self.protocols = ("v5.channel.k8s.io", "v4.channel.k8s.io")
        self.url = self.ca = None
        self._version = 100
        self._watches = []

    # What tests do

    def add(self, path, document):
        """Put an object there, as if somebody else had."""
        place = _PATH.fullmatch(path)
        meta = {"name": place["name"], "uid": f"uid-{self._version}", "generation": 1}
        if place["namespace"]:
            meta["namespace"] = place["namespace"]
        self._store(path, {**document, "metadata": {**meta, **document.get("metadata", {})}})

    def change(self, path, patch):
        """Change an object, as if somebody else had."""
        self._store(path, merged(self.objects[path], patch))

    def remove(self, path):
        self._tell("DELETED", path, self.objects.pop(path))

    def writes(self, method="PATCH"):
        """The writes that were really done, by their paths."""
        return [path for how, path, dry in self.asked if how == method and not dry]

    # What the server does

    async def answer(self, request):
        dry = request.query.get("dryRun") == "All"
        self.asked.append((request.method, request.path, dry))
        try:
            return await self._answered(request, dry=dry)
        except RefusedError as refused:
            return web.json_response(refused.body, status=refused.code)

    async def _answered(self, request, *, dry):
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        if self.busy:
            code, reason = self.busy.pop(0)
            raise RefusedError(code, reason, reason)
        if request.path in _KINDS:
            return web.json_response(_discovered(request.path))
        place = _PATH.fullmatch(request.path)
        if place is None:
            raise RefusedError(404, "NotFound", "the server could not find the requested resource")
        if place["namespace"] == "forbidden" or request.path in self.shut:
            raise RefusedError(403, "Forbidden", f'{place["plural"]} is forbidden: User "handrail"')
        if place["sub"]:
            return await getattr(self, f"_{place['sub']}")(request, place)
        if request.method == "GET" and not place["name"]:
            watching = request.query.get("watch") == "true"
            return await (self._watched if watching else self._listed)(request, place)
        body = await request.json() if request.can_read_body else None
        method = getattr(self, f"_{request.method.lower()}")
        return web.json_response(method(request, request.path, body, dry=dry))

    def _get(self, _request, path, _body, *, dry):
        return self._found(path)

    def _post(self, request, path, body, *, dry):
        path = f"{path}/{body['metadata']['name']}"
        if path in self.objects:
            raise RefusedError(409, "AlreadyExists", f"{path} already exists")
        place = _PATH.fullmatch(path)
        meta = {"uid": f"uid-{self._version}", "generation": 1, "namespace": place["namespace"]}
        made = {**body, "metadata": {**meta, **body["metadata"]}}
        return made if dry else self._store(path, made)

    def _patch(self, request, path, body, *, dry):
        content = request.headers["Content-Type"]
        if content == "application/apply-patch+yaml":
            return self._apply(request, path, body, dry=dry)
        found = self._found(path)
        if content == "application/json-patch+json":
            after = edited(found, body)
            if after["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
                raise RefusedError(409, "Conflict", "the object has been modified")
        else:
            _same(found, body.get("metadata", {}))
            after = merged(found, body, strategic="strategic" in content)
        if dry:
            return after
        manager = request.query.get("fieldManager", "unknown")
        self.managers.setdefault(path, {}).setdefault(manager, set())
        return self._store(path, after)

    def _apply(self, request, path, body, *, dry):
        found = self.objects.get(path, {"metadata": {"uid": "new", "generation": 0}})
        after, managers, conflicts = applied(
            found,
            self.managers.get(path, {}),
            request.query["fieldManager"],
            body,
            force=request.query.get("force") == "true",
        )
        if conflicts:
            causes = [
                {
                    "reason": "FieldManagerConflict",
                    "message": f'conflict with "{other}"',
                    "field": "." + ".".join(field),
                }
                for field, other in conflicts
            ]
            raise RefusedError(
                409, "Conflict", f"Apply failed with {len(causes)} conflicts", causes
            )
        after = {**after, "apiVersion": body["apiVersion"], "kind": body["kind"]}
        after["metadata"] = {**after["metadata"], "name": body["metadata"]["name"]}
        if dry:
            return after
        self.managers[path] = managers
        return self._store(path, after)

    def _delete(self, _request, path, body, *, dry):
        found = self._found(path)
        _same(found, (body or {}).get("preconditions", {}))
        if not dry:
            self.remove(path)
            for control in self.controllers:
                control(self, path, None)
        return {"kind": "Status", "status": "Success"}

    async def _eviction(self, request, place):
        body = await request.json()
        path = request.path.removesuffix("/eviction")
        found = self._found(path)
        _same(found, (body.get("deleteOptions") or {}).get("preconditions", {}))
        if self.budgets.get(place["name"], 0) > 0:
            self.budgets[place["name"]] -= 1
            cause = {"reason": "DisruptionBudget", "message": "the budget web needs 2 healthy pods"}
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise RefusedError(429, "TooManyRequests", message, [cause])
        self.remove(path)
        return web.json_response({"kind": "Status", "status": "Success"}, status=201)

    async def _log(self, request, place):
        self._found(request.path.removesuffix("/log"))
        text, container = self.logs.get(place["name"], ""), request.query.get("container")
        if isinstance(text, dict):
            if container not in text:
                raise RefusedError(400, "BadRequest", f"{container} has no log")
            text = text[container]
        lines = text.splitlines(keepends=True)
        return web.Response(text="".join(lines[-int(request.query["tailLines"]) :]))

    async def _exec(self, request, place):
        self._found(request.path.removesuffix("/exec"))
        socket = web.WebSocketResponse(protocols=self.protocols)
        await socket.prepare(request)
        assert socket.ws_protocol in self.protocols, socket.ws_protocol
        written, code = self.programs[tuple(request.query.getall("command"))]
        for channel, data in written:
            await socket.send_bytes(bytes([channel]) + data)
        if code is None:
            await self._hang(socket)
        else:
            await socket.send_bytes(b"\x03" + json.dumps(_exit(code)).encode())
        await socket.close()
        return socket

    async def _hang(self, socket):
        async for message in socket:
            if message.type is WSMsgType.CLOSE:
                return

    async def _listed(self, request, place):
        items = [
            found for path, found in self.objects.items() if _chosen(request, place, path, found)
        ]
        meta = {"resourceVersion": str(self._version)}
        version = place["base"].removeprefix("/api/").removeprefix("/apis/")
        kind = f"{items[0]['kind'] if items and 'kind' in items[0] else ''}List"
        listed = {"kind": kind, "apiVersion": version, "metadata": meta, "items": items}
        return web.json_response(listed)

    async def _watched(self, request, place):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        queue = asyncio.Queue()
        watch = (request, place, queue)
        since = int(request.query["resourceVersion"])
        if since < self._version:
            # What changed between the list and the watch.
            for path, found in self.objects.items():
                newer = int(found["metadata"]["resourceVersion"]) > since
                if newer and _chosen(request, place, path, found):
                    queue.put_nowait({"type": "MODIFIED", "object": found})
        self._watches.append(watch)
        try:
            while (event := await queue.get()) is not None:
                await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watches.remove(watch)
        return response

    def end_watches(self, *, expired=False):
        """End all watches; ``expired`` as when their version has become too old."""
        for _, _, queue in self._watches:
            if expired:
                status = RefusedError(410, "Expired", "too old resource version").body
                queue.put_nowait({"type": "ERROR", "object": status})
            queue.put_nowait(None)

    @property
    def watched(self):
        return len(self._watches)

    def _found(self, path):
        if path not in self.objects:
            raise RefusedError(404, "NotFound", f'"{path.rsplit("/", 1)[1]}" not found')
        return deepcopy(self.objects[path])

    def _store(self, path, document):
        self._version += 1
        before = self.objects.get(path)
        meta = {**document["metadata"], "resourceVersion": str(self._version)}
        if before is not None and before.get("spec") != document.get("spec"):
            meta["generation"] = meta.get("generation", 0) + 1
        stored = self.objects[path] = {**document, "metadata": meta}
        self._tell("MODIFIED" if before else "ADDED", path, stored)
        if before is None or before.get("spec") != stored.get("spec"):
            for control in self.controllers:
                control(self, path, stored)
        return deepcopy(self.objects[path])

    def _tell(self, kind, path, found):
        for request, place, queue in self._watches:
            if _chosen(request, place, path, found):
                queue.put_nowait({"type": kind, "object": deepcopy(found)})


def _same(found, wanted):
    for name in ("uid", "resourceVersion"):
        if name in wanted and wanted[name] != found["metadata"][name]:
            raise RefusedError(409, "Conflict", f"the {name} does not match")


def _chosen(request, place, path, found):
    at = _PATH.fullmatch(path)
    if at["plural"] != place["plural"] or place["namespace"] not in (None, at["namespace"]):
        return False
    fields = request.query.get("fieldSelector", "")
    values = {"metadata.name": at["name"], "spec.nodeName": found.get("spec", {}).get("nodeName")}
    labels = found["metadata"].get("labels", {})
    return _agree(fields, values) and _agree(request.query.get("labelSelector", ""), labels)


def _agree(selector, values):
    wanted = [part.split("=") for part in selector.split(",") if part]
    return all(values.get(name) == value for name, value in wanted)


def _discovered(base):
    resources = [
        {"name": name, "kind": kind, "namespaced": namespaced}
        for name, kind, namespaced in _KINDS[base]
    ]
    return {"kind": "APIResourceList", "resources": resources}


def _exit(code):
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    if isinstance(code, str):
        return {"metadata": {}, "status": "Failure", "reason": "InternalError", "message": code}
    cause = {"reason": "ExitCode", "message": str(code)}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [cause]},
    }


def _certificate(folder):
    """A certificate of its own authority, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca, private = folder / "ca.pem", folder / "key.pem"
    ca.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return ca, private


@asynccontextmanager
async def running(folder):
    """The server, on a free port; its certificate lies in the folder."""
    cluster = Cluster()
    cluster.ca, private = _certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cluster.ca, private)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", cluster.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        host, port = runner.addresses[0][:2]
        cluster.url = f"https://{host}:{port}"
        yield cluster
    finally:
        cluster.end_watches()
        await runner.cleanup()
