"""The table of cases of augmentation layers: a new case is a row."""

import dataclasses

LAST = (3, 6, 5, 3)
FIRST = (3, 3, 6, 5)


@dataclasses.dataclass
class Case:
    layer: str
    name: str
    arguments: dict
    shape: tuple = LAST
    values: tuple = (0, 255)


CHANNELS_FIRST = {"data_format": "channels_first"}
GEOMETRY = [
    {"fill_mode": "wrap"}, {"fill_mode": "nearest", "interpolation": "nearest"},
    {"fill_mode": "constant", "fill_value": 9.5}]
ROWS = {
    "RandomFlip": [{}, {"mode": "horizontal"}, {"mode": "vertical", "seed": 4}],
    "RandomCrop": [{"height": 4, "width": 3, "seed": 3}, {"height": 8, "width": 4, "seed": 3},
                   {"height": 6, "width": 3, "seed": 1}],
    "RandomRotation": [{"factor": 0.2}] + [{"factor": (0.1, 0.3), **more} for more in GEOMETRY],
    "RandomTranslation": [{"height_factor": 0.4, "width_factor": (-0.2, 0.5), **more}
                          for more in [{}] + GEOMETRY],
    "RandomZoom": [{"height_factor": 0.4}] + [
        {"height_factor": (-0.6, 0.4), "width_factor": (0.1, 0.5), **more} for more in GEOMETRY],
    "RandomShear": [{"x_factor": 0.3}] + [{"x_factor": 0.2, "y_factor": (0.1, 0.4), **more}
                                          for more in GEOMETRY],
    "RandomBrightness": [{"factor": 0.3}, {"factor": (0.1, 0.4), "value_range": (0, 1)}],
    "RandomContrast": [{"factor": 0.6}, {"factor": (0.9, 0.4), "value_range": (0, 1)}],
    "RandomHue": [{"factor": 0.6}, {"factor": (0.2, 0.9), "value_range": (0, 1)}],
    "RandomSaturation": [{"factor": (0.1, 0.8), "value_range": (0, 1)}],
    "RandomSharpness": [{"factor": 0.9}, {"factor": (0.1, 0.4), "value_range": (0, 1)}],
    "RandomGrayscale": [{}, {"factor": 0.9}],
    "RandomInvert": [{"factor": (0.5, 0.9)}, {"factor": 1.0, "value_range": (0, 1)}],
    "RandomPosterization": [{"factor": 5}, {"factor": (3, 3), "value_range": (0, 1)}],
    "RandomColorDegeneration": [{"factor": 0.9}, {"factor": (0.1, 0.9), "value_range": (0, 1)}],
    "RandomColorJitter": [{
        "brightness_factor": 0.2, "contrast_factor": 0.4, "saturation_factor": (0.3, 0.6),
        "hue_factor": 0.2, "value_range": (0, 1)}, {"contrast_factor": 0.5}],
    "RandomErasing": [{}, {"factor": (0.9, 1.0), "scale": (0.2, 0.5), "fill_value": 7.0}],
    "RandomGaussianBlur": [{}, {"factor": (0.9, 1.0), "kernel_size": (3, 5), "sigma": (0.4, 0.9),
                                "value_range": (0, 200)}],
    "RandomPerspective": [{"scale": 0.4}, {"factor": (0.9, 1.0), "scale": 0.3, "fill_value": 4.5,
                                           "interpolation": "nearest"}],
    "RandomElasticTransform": [{"scale": (0.9, 1.0)},
                               {"factor": (0.9, 1.0), "scale": 1.0, "fill_mode": "constant",
                                "fill_value": 3.5, "interpolation": "nearest"}],
    "Solarization": [{"addition_factor": 0.2, "threshold_factor": (0.2, 0.6)},
                     {"threshold_factor": 0.7, "value_range": (0, 1)}],
    "AutoContrast": [{}, {"value_range": (0, 1)}],
    "Equalization": [{}, {"bins": 16}, {"value_range": (0, 1)}],
    "ContrastLimitedAdaptiveHistogramEqualization": [
        {}, {"tile_grid_size": (2, 2), "clip_limit": 1.5},
        {"tile_grid_size": (2, 3), "value_range": (0, 1), "clip_limit": 20.0},
        {"tile_grid_size": (1, 2), "clip_limit": 0.0}],
    "AugMix": [{}, {"num_chains": 2, "chain_depth": 4, "factor": (0.1, 0.5), "all_ops": False,
                    "alpha": 0.7, "interpolation": "nearest"}],
    "MixUp": [{}, {"alpha": 2.0, "seed": 5}],
    "CutMix": [{}, {"factor": (0.4, 0.8)}],
    "RandAugment": [{}, {"num_ops": 3, "factor": (0.2, 0.4), "interpolation": "nearest"}],
}
# Keras does not give these the format of their images, or does not use it.
LAST_ONLY = ("RandomColorJitter", "RandomErasing", "AutoContrast", "RandAugment", "AugMix")

ARGUMENTS = [
    ("RandomRotation", {"factor": 1.2}), ("RandomRotation", {"factor": -1.0}),
    ("RandomRotation", {"factor": (1.1, 1.2)}), ("RandomRotation", {"factor": (-2.0, 0.5)}),
    ("RandomRotation", {"factor": 0.1, "fill_mode": "mirror"}),
    ("RandomRotation", {"factor": 0.1, "interpolation": "bicubic"}),
    ("RandomTranslation", {"height_factor": 1.1, "width_factor": 0.1}),
    ("RandomTranslation", {"height_factor": (-1.0, 1.0), "width_factor": -1.0}),
    ("RandomTranslation", {"height_factor": 0.1, "width_factor": (0.1, 1.5)}),
    ("RandomZoom", {"height_factor": -1.0}), ("RandomZoom", {"height_factor": (-0.9, 1.0)}),
    ("RandomZoom", {"height_factor": 0.1, "width_factor": (-1.0, 0.0)}),
    ("RandomZoom", {"height_factor": 0.1, "width_factor": 1.5}),
    ("RandomShear", {"x_factor": -0.1}), ("RandomShear", {"x_factor": 1.0, "y_factor": 1.2}),
    ("RandomShear", {"x_factor": (0.1, 0.2), "fill_mode": "mirror"}),
    ("RandomBrightness", {"factor": 1.5}), ("RandomBrightness", {"factor": -1.0}),
    ("RandomContrast", {"factor": -0.1}), ("RandomContrast", {"factor": 1.0}),
    ("RandomContrast", {"factor": (0.5, 3.0)}), ("RandomHue", {"factor": 1.1}),
    ("RandomSaturation", {"factor": -0.5}), ("RandomSaturation", {"factor": -1.5}),
    ("RandomSharpness", {"factor": -0.5}), ("RandomGrayscale", {"factor": 1.1}),
    ("RandomGrayscale", {"factor": 0.0}), ("RandomInvert", {"factor": 2.0}),
    ("RandomPosterization", {"factor": 0}), ("RandomPosterization", {"factor": 9}),
    ("RandomPosterization", {"factor": (2, 8)}), ("RandomColorDegeneration", {"factor": 1.5}),
    ("RandomErasing", {"factor": 1.5}), ("RandomErasing", {"scale": -0.5}),
    ("RandomGaussianBlur", {"kernel_size": 4}), ("RandomGaussianBlur", {"kernel_size": (3, 2)}),
    ("RandomGaussianBlur", {"sigma": 1.5}), ("RandomGaussianBlur", {"factor": -0.2}),
    ("RandomPerspective", {"scale": 1.5}), ("RandomPerspective", {"interpolation": "bicubic"}),
    ("RandomPerspective", {"factor": 1.5}), ("RandomElasticTransform", {"scale": 1.5}),
    ("RandomElasticTransform", {"fill_mode": "mirror"}),
    ("RandomElasticTransform", {"interpolation": "lanczos3"}),
    ("Solarization", {"addition_factor": 1.5}), ("Solarization", {"threshold_factor": -0.1}),
    ("CutMix", {"factor": 1.5}), ("RandAugment", {"factor": 1.5}), ("AugMix", {"factor": -0.5}),
]


def by_layer():
    table = {}
    for layer, rows in ROWS.items():
        cases = [Case(layer, f"case_{at}", arguments,
                      values=arguments.get("value_range", (0, 255)) if layer != "RandomGaussianBlur"
                      else (0, 255))
                 for at, arguments in enumerate(rows)]
        if layer == "RandomSaturation":
            cases[0].values = (0, 1)
        if layer not in LAST_ONLY:
            arguments = rows[0] | CHANNELS_FIRST
            cases.append(Case(layer, "channels_first", arguments, FIRST, cases[0].values))
        table[layer] = cases
    return table
