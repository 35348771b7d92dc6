"""Makes `tests/goldens/torch`: weights and outputs of real PyTorch.

    pip install torch torchvision safetensors numpy
    python torch_models.py [IBEX_DATA_HOME]

`shapes.json`: the names and shapes of torchvision's state dictionaries.
`logits.npz`: what its models compute from weights and an image that follow a formula, which the
test states for itself; the weights need not be stored then.
`layers/NAME.pt`, `layers/NAME.npz`: small modules with their state dictionaries, an input `x` and
the output `y`, both as Keras has them, channels last.
`squeezenet1_1_features.npz`: what the trained features of the data sets make of the same image:
the mean of each channel, and the numbers at its centre.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torchvision
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "torch"

NAMES = ["mobilenet_v2", "resnet18", "resnet34", "resnet50", "squeezenet1_0", "squeezenet1_1"] + [
    f"vgg{depth}{kind}" for depth in (11, 13, 16, 19) for kind in ("", "_bn")
]

COMPUTED = ["mobilenet_v2", "resnet18", "resnet50", "squeezenet1_1"]


def spread(index, shape):
    """Numbers between -1 and 1 that look random: multiples of the golden ratio, without wholes."""
    count = int(np.prod(shape))
    steps = np.arange(1, count + 1, dtype=np.float64) * 0.6180339887498949
    steps += (index + 1) * 0.7548776662466927
    return ((steps - np.floor(steps)) * 2 - 1).reshape(shape)


def weight(index, name, shape):
    """The tensor of that number in a state dictionary, by its role."""
    numbers = spread(index, shape)
    if len(shape) > 1:
        return numbers * np.sqrt(6 / np.prod(shape[1:]))
    if name.endswith("running_var") or name.endswith("weight"):
        return 1 + 0.25 * numbers
    return 0.1 * numbers


def torchvision_models():
    shapes, logits = {}, {}
    for name in NAMES:
        model = getattr(torchvision.models, name)(weights=None).eval()
        state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
        shapes[name] = {key: list(value.shape) for key, value in state.items()}
        if name not in COMPUTED:
            continue
        for index, (key, value) in enumerate(state.items()):
            value.copy_(torch.from_numpy(weight(index, key, tuple(value.shape))))
        with torch.no_grad():
            logits[name] = model(image()).numpy()
    (FOLDER / "shapes.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
    np.savez(FOLDER / "logits.npz", **logits)


def image():
    return torch.from_numpy(spread(0, (1, 3, 224, 224)).astype("float32"))


def trained_features(data):
    from safetensors.torch import load_file

    place = pathlib.Path(data) / "w_squeezenet_v1.1_features" / "squeezenet1_1_features.safetensors"
    model = torchvision.models.squeezenet1_1(weights=None).eval()
    model.load_state_dict(load_file(place), strict=False)
    with torch.no_grad():
        y = model.features(image()).numpy()[0]
    np.savez(FOLDER / "squeezenet1_1_features.npz", mean=y.mean((1, 2)), centre=y[:, 6, 6])


class Last(nn.Module):
    """The output of a recurrent module without its states."""

    def __init__(self, inner):
        super().__init__()
        self.rnn = inner

    def forward(self, x):
        return self.rnn(x)[0]


def layer_cases():
    recurrent = {"batch_first": True}
    return {
        "convolutions": (
            nn.Sequential(
                nn.Conv2d(3, 4, 3, stride=2),
                nn.BatchNorm2d(4),
                nn.PReLU(4),
                nn.Conv2d(4, 6, (1, 2), groups=2),
                nn.GroupNorm(3, 6),
                nn.Conv2d(6, 12, 2, groups=6, bias=False),
                nn.ConvTranspose2d(12, 2, 2, stride=2),
            ),
            (2, 3, 9, 8),
        ),
        "flattened": (
            nn.Sequential(
                nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(3 * 3 * 2, 5), nn.LayerNorm(5), nn.Linear(5, 5)
            ),
            (2, 2, 4, 3),
        ),
        "one_and_three": (
            nn.Sequential(nn.Conv1d(2, 3, 2), nn.BatchNorm1d(3), nn.ConvTranspose1d(3, 2, 3)),
            (2, 2, 6),
        ),
        "volumes": (nn.Sequential(nn.Conv3d(1, 2, (1, 2, 3)), nn.PReLU()), (1, 1, 3, 4, 5)),
        "lstm": (Last(nn.LSTM(3, 4, num_layers=2, **recurrent)), (2, 5, 3)),
        "lstm_both": (Last(nn.LSTM(3, 4, bidirectional=True, **recurrent)), (2, 5, 3)),
        "gru": (Last(nn.GRU(3, 4, **recurrent)), (2, 5, 3)),
        "rnn": (Last(nn.RNN(3, 4, **recurrent)), (2, 5, 3)),
    }


def layers():
    folder = FOLDER / "layers"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (module, shape) in layer_cases().items():
        module.eval()
        state = module.state_dict()
        for index, (key, value) in enumerate(state.items()):
            if value.is_floating_point():
                value.copy_(torch.from_numpy(weight(index, key, tuple(value.shape))))
        x = torch.from_numpy(spread(0, shape).astype("float32"))
        with torch.no_grad():
            y = module(x)
        torch.save(state, folder / f"{name}.pt")
        is_image = not isinstance(module, Last)
        last = lambda array: np.moveaxis(array, 1, -1) if is_image and array.ndim > 2 else array
        np.savez(
            folder / f"{name}.npz",
            x=np.ascontiguousarray(last(x.numpy())),
            y=np.ascontiguousarray(last(y.numpy())),
        )


if __name__ == "__main__":
    torch.manual_seed(0)
    layers()
    torchvision_models()
    if len(sys.argv) > 1:
        trained_features(sys.argv[1])
