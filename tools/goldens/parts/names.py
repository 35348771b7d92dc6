"""Every public name of Keras, module by module: what the coverage page counts."""

import inspect
import sys
import types

import keras

from . import store


def modules(module, name, seen):
    """The public modules below `module`, each once, under its shortest name."""
    if id(module) in seen:
        return
    seen.add(id(module))
    yield name, module
    for child in public(module):
        value = getattr(module, child)
        if isinstance(value, types.ModuleType) and value.__name__.startswith("keras.") \
                and child != "src":
            yield from modules(value, f"{name}.{child}", seen)


def public(module):
    return [name for name in dir(module) if not name.startswith("_")]


#: Functions whose nodes have names of their own.
NODES = {"batch_normalization": "BatchNorm", "layer_normalization": "LayerNorm",
         "rms_normalization": "RMSNorm"}


def operation_of(function):
    """The class of nodes that a function of `keras.ops` makes in functional models."""
    if function.__name__ in NODES:
        return NODES[function.__name__]
    home = sys.modules.get(function.__module__)
    for name, value in vars(home).items():
        if inspect.isclass(value) and issubclass(value, keras.Operation) \
                and store.snake(name).replace("_", "") == function.__name__.replace("_", ""):
            return name
    return None


def entry(module_name, name, value):
    found = {"name": name}
    own = getattr(value, "__name__", name)
    if inspect.isclass(value) and own != name:
        found["same_as"] = own
    if module_name == "keras.ops" and inspect.isfunction(value):
        node = operation_of(value)
        if node:
            found["node"] = node
    return found


def make():
    cases = []
    for module_name, module in modules(keras, "keras", set()):
        names = [name for name in public(module)
                 if not isinstance(getattr(module, name), types.ModuleType)]
        if names:
            cases.append({"name": module_name,
                          "names": [entry(module_name, name, getattr(module, name))
                                    for name in names]})
    store.write_cases("names.json", cases)
    return len(cases)
