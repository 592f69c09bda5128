"""How an API server changes a document: merge patches, strategic ones, and server-side apply.

RFC 7386; https://kubernetes.io/docs/reference/using-api/server-side-apply/. Lists are replaced, but
for those of objects with a name, which a strategic patch merges by it.
"""

from copy import deepcopy


def merged(found, patch, *, strategic=False):
    """A merge patch of a document."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    if strategic and patch.get("$patch") == "replace":
        return {name: deepcopy(value) for name, value in patch.items() if name != "$patch"}
    result = dict(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif strategic and _is_named(value) and _is_named(result.get(name)):
            result[name] = _merged_by_name(result[name], value)
        else:
            result[name] = merged(result.get(name), value, strategic=strategic)
    return result


def edited(found, operations):
    """A JSON patch (RFC 6902) of ``add`` and ``replace``."""
    result = deepcopy(found)
    for operation in operations:
        assert operation["op"] in ("add", "replace"), operation
        *way, last = operation["path"].lstrip("/").replace("~1", "/").split("/")
        place = result
        for name in way:
            place = place[name]
        place[last] = operation["value"]
    return result


def leaves(value, path=()):
    """The fields of a document, by their paths."""
    if isinstance(value, dict) and value:
        return {
            found: leaf
            for name, part in value.items()
            for found, leaf in leaves(part, (*path, name)).items()
        }
    return {path: value}


def applied(found, managers, manager, wanted, *, force):
    """Server-side apply: the document, who manages what then, and the conflicts."""
    wanted = {path: value for path, value in leaves(wanted).items() if path not in _IDENTITY}
    now = leaves(found)
    conflicts = [
        (path, other)
        for path, value in wanted.items()
        for other, fields in managers.items()
        if other != manager and path in fields and now.get(path) != value
    ]
    if conflicts and not force:
        return found, managers, conflicts
    managers = {name: set(fields) for name, fields in managers.items()}
    for path, other in conflicts:
        managers[other].discard(path)
    dropped = managers.get(manager, set()) - wanted.keys()
    managers[manager] = set(wanted)
    result = deepcopy(found)
    for path in dropped:
        if not any(path in fields for fields in managers.values()):
            _take_away(result, path)
    for path, value in wanted.items():
        _put(result, path, value)
    return result, managers, []


_IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}


def _put(document, path, value):
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def _take_away(document, path):
    for name in path[:-1]:
        document = document[name]
    document.pop(path[-1], None)


def _is_named(value):
    return isinstance(value, list) and value and all("name" in one for one in value)


def _merged_by_name(found, patch):
    by_name = {one["name"]: one for one in found}
    for one in patch:
        by_name[one["name"]] = merged(by_name.get(one["name"]), one, strategic=True)
    return list(by_name.values())
