"""What a caller of the package can name, as data. Runs in either's environment."""

import importlib
import inspect

from pydantic import BaseModel

MODULES = [
    "client",
    "models",
    "exceptions",
    "auth_client",
    "canonical_json",
    "crypto_helpers",
    "nonce_journal",
]
DATA_CLASSES = ("DeviceCodeInfo", "TokenResponse", "ConsentErrorInfo", "OidcDiscoveryResult")


def parameters(function):
    found = inspect.signature(function).parameters.values()
    shown = [(p.name, None if p.default is p.empty else repr(p.default), p.kind == p.KEYWORD_ONLY) for p in found]
    return {
        "positional": [[name, default] for name, default, by_name in shown if not by_name],
        "by name": {name: default for name, default, by_name in shown if by_name},
    }


def members(cls):
    found = {}
    for name, value in vars(cls).items():
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(value, property):
            found[name] = "property"
        elif isinstance(value, staticmethod):
            found[name] = ["static", parameters(value.__func__)]
        elif inspect.isfunction(value):
            found[name] = ["async" if inspect.iscoroutinefunction(value) else "plain", parameters(value)]
    return found


def fields(model):
    return {
        name: [f.alias or name, f.is_required(), None if f.is_required() else repr(f.default)]
        for name, f in model.model_fields.items()
    }


def describe(value):
    if inspect.isclass(value):
        if issubclass(value, BaseModel):
            properties = [n for n, v in vars(value).items() if isinstance(v, property)]
            return {"fields": fields(value), "properties": properties}
        if issubclass(value, tuple):
            return {"tuple": list(value._fields)}
        if value.__name__ in DATA_CLASSES:
            return {"data": vars(value({}))}
        return {"members": members(value)}
    if inspect.isfunction(value):
        return {"function": parameters(value)}
    return {"value": repr(value)}


def surface():
    found = {"": importlib.import_module("airlock_gateway").__all__}
    for name in MODULES:
        try:
            module = importlib.import_module(f"airlock_gateway.{name}")
        except ModuleNotFoundError:
            continue
        found[name] = {
            key: describe(value)
            for key, value in vars(module).items()
            if not key.startswith("_")
            # Of another package, and say that they are theirs.
            and (getattr(value, "__module__", None) == module.__name__ or key.isupper())
            and key not in ("AESGCM", "HKDF")
        }
    return found
