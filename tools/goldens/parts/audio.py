"""Audio files, and the waves that Keras and libsndfile read from them."""

import shutil

import keras
import numpy as np
import soundfile

from . import store

FOLDER = "audio"
RATE = 8000


def make():
    root = store.ROOT / FOLDER
    shutil.rmtree(root, ignore_errors=True)
    (root / "low").mkdir(parents=True)
    (root / "high").mkdir()
    random = store.generator("audio")
    time = np.arange(2400) / RATE
    def tone(pitch, noise):
        return 0.5 * np.sin(2 * np.pi * pitch * time) + noise * random.normal(size=len(time))
    soundfile.write(root / "low/a.wav", tone(220, 0.02), RATE, subtype="PCM_16")
    stereo = np.stack([tone(330, 0.0), tone(110, 0.05)], -1)[:1500]
    soundfile.write(root / "stereo.wav", stereo, RATE, subtype="PCM_16")
    soundfile.write(root / "high/b.wav", tone(1200, 0.02)[:1800], RATE, subtype="PCM_16")
    for ending in ["flac", "ogg", "mp3"]:
        soundfile.write(root / f"tone.{ending}", tone(440, 0.0), RATE)
    soundfile.write(root / "deep.wav", tone(440, 0.1), RATE, subtype="PCM_24")
    soundfile.write(root / "float.wav", tone(440, 0.1), RATE, subtype="FLOAT")
    arrays = {}
    for name, options in {"whole": {}, "cut": {"output_sequence_length": 2000}}.items():
        # The two other subfolders of this folder are none: labels come from those with waves.
        data = keras.utils.audio_dataset_from_directory(
            root, class_names=["low", "high"], shuffle=False, batch_size=2, verbose=False,
            **options)
        for x, y in data:
            arrays[f"{name}.x"], arrays[f"{name}.y"] = np.asarray(x), np.asarray(y)
    for name in ["stereo.wav", "deep.wav", "float.wav", "tone.flac", "tone.ogg", "tone.mp3"]:
        wave, _ = soundfile.read(root / name, dtype="float32", always_2d=True)
        arrays[name] = wave
    store.write_npz(f"{FOLDER}/waves.npz", arrays)
    return len(arrays)
