"""Makes the golden files of tensors with real PyTorch and safetensors.

Run it in the folder of this file:

    pip install torch safetensors numpy
    python make_torch.py

Every number follows a formula that `tests/tensors.rs` states for itself, so that no expectation
is a copy of what Ibex gave.
"""

from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file


def ramp(*shape, dtype=torch.float32):
    """0, 1, 2, ... in row-major order."""
    count = int(np.prod(shape))
    return torch.arange(count).reshape(shape).to(dtype)


def types():
    names = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"]
    state = OrderedDict((name, ramp(2, 3, dtype=getattr(torch, name))) for name in names)
    state["bool"] = ramp(2, 3) % 2 == 1
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    return state


def views():
    base = ramp(4, 6)
    state = OrderedDict()
    state["base"] = base
    state["transposed"] = base.t()
    state["part"] = base[1:3, ::2]
    state["offset"] = base.flatten()[5:9]
    state["tied"] = base
    state["expanded"] = torch.tensor([[1.0], [2.0]]).expand(2, 3)
    state["parameter"] = torch.nn.Parameter(ramp(3))
    state["channels_last"] = ramp(1, 2, 3, 2).to(memory_format=torch.channels_last)
    return state


def checkpoint():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    with torch.no_grad():
        for values in model.state_dict().values():
            values.copy_(ramp(*values.shape, dtype=values.dtype))
    optimizer = torch.optim.Adam(model.parameters())
    model(ramp(4, 2)).sum().backward()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    optimizer.step()
    return {
        "epoch": 7,
        "arch": "tiny",
        "state_dict": OrderedDict(("module." + name, values) for name, values in before.items()),
        "best": np.float64(0.5),
        "loss": 0.25,
        "optimizer": optimizer.state_dict(),
    }


class Code:
    """What a hostile file would hold."""

    def __reduce__(self):
        return (print, ("this must never be printed",))


if __name__ == "__main__":
    torch.save(types(), "torch_types.pt")
    torch.save(types(), "torch_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(views(), "torch_views.pt")
    torch.save(views(), "torch_legacy_views.pt", _use_new_zipfile_serialization=False)
    torch.save(checkpoint(), "torch_checkpoint.pt")
    torch.save({"weight": ramp(2), "hook": Code()}, "torch_code.pt")
    torch.save(torch.nn.Linear(2, 1), "torch_module.pt")
    save_file(types(), "types.safetensors", metadata={"format": "pt"})
