"""What the real TensorBoard makes of the records of `ibex train --tensorboard DIR`.

    python -m venv VENV && VENV/bin/pip install tensorboard
    VENV/bin/python check.py DIR            # every kind of record, read by its EventAccumulator
    VENV/bin/python check.py DIR --serve    # and by the plugins of a server, as its pages ask them

With `tensorboard-plugin-profile` beside it, the profile is asked for too.

It ends with an error if anything cannot be read, or a kind is missing that the run should have.
"""

import gzip
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util


def read(folder):
    accumulator = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.TENSORS: 0})
    accumulator.Reload()
    kinds = {}
    for tag in accumulator.Tags()["tensors"]:
        plugin = accumulator.SummaryMetadata(tag).plugin_data.plugin_name
        values = [(event.step, tensor_util.make_ndarray(event.tensor_proto))
                  for event in accumulator.Tensors(tag)]
        kinds.setdefault(plugin, {})[tag] = values
    return accumulator, kinds


def check(folder):
    accumulator, kinds = read(folder / "train")
    for plugin, tags in sorted(kinds.items()):
        print(f"train       {plugin:18} {len(tags):3} tags, such as {next(iter(tags))}")
    assert {"scalars", "histograms", "text", "graph_keras_model"} <= set(kinds), sorted(kinds)
    epochs = [step for step, _ in kinds["scalars"]["epoch_loss"]]
    assert epochs == list(range(len(epochs))), epochs
    for tag, values in kinds["histograms"].items():
        assert all(array.shape == (30, 3) for _, array in values), tag
    for tag, values in kinds.get("images", {}).items():
        for _, array in values:
            width, height = int(array[0]), int(array[1])
            for picture in array[2:]:
                assert picture.startswith(b"\x89PNG"), tag
                size = [int.from_bytes(picture[at:at + 4], "big") for at in (16, 20)]
                assert size == [width, height], (tag, size)
    model = json.loads(kinds["graph_keras_model"]["keras"][0][1].item())
    assert model["class_name"] in ("Functional", "Sequential"), model["class_name"]
    graph = accumulator.Graph()
    names = {node.name for node in graph.node}
    assert names and all(source in names for node in graph.node for source in node.input)
    print(f"train       graph              {len(names):3} nodes, such as {graph.node[0].name}")
    if (folder / "validation").exists():
        _, kinds = read(folder / "validation")
        print(f"validation  scalars            {len(kinds['scalars']):3} tags")
        assert "epoch_loss" in kinds["scalars"]


def serve(folder):
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "6116",
               "--load_fast=false"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    root = "http://localhost:6116/data/plugin/"

    def ask(path, **arguments):
        query = urllib.parse.urlencode(arguments)
        answer = urllib.request.urlopen(f"{root}{path}?{query}").read()
        return gzip.decompress(answer) if answer.startswith(b"\x1f\x8b") else answer

    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                if json.loads(ask("scalars/tags")):
                    break
            except OSError:
                pass
        scalars = json.loads(ask("scalars/tags"))
        tag = "epoch_loss"
        assert tag in scalars["train"], scalars
        points = json.loads(ask("scalars/scalars", run="train", tag=tag))
        histograms = json.loads(ask("histograms/tags"))["train"]
        tag = next(iter(histograms))
        buckets = json.loads(ask("histograms/histograms", run="train", tag=tag))
        texts = json.loads(ask("text/tags"))["train"]
        graphs = json.loads(ask("graphs/info"))["train"]
        drawn = ask("graphs/graph", run="train", conceptual="false")
        layers = ask("graphs/graph", run="train", tag="keras", conceptual="true")
        print(f"server      {len(points)} points, {len(buckets)} histograms of {tag}, "
              f"{len(texts)} texts, graphs {sorted(graphs['tags']) or ['-']}, "
              f"{len(drawn)} and {len(layers)} bytes of graph")
        assert points and buckets and texts and drawn and layers
        images = json.loads(ask("images/tags")).get("train", {})
        if images:
            tag = next(iter(images))
            found = json.loads(ask("images/images", run="train", tag=tag, sample=0))
            blob = urllib.request.urlopen(
                f"{root}images/individualImage?{found[0]['query']}").read()
            print(f"server      image {tag}, {len(blob)} bytes")
            assert blob.startswith(b"\x89PNG")
        if (folder / "train/projector_config.pbtxt").exists():
            runs = json.loads(ask("projector/runs"))
            info = json.loads(ask("projector/info", run=runs[0]))
            name = info["embeddings"][0]["tensorName"]
            vectors = ask("projector/tensor", run=runs[0], name=name)
            print(f"server      projector {runs}, {name}, {len(vectors)} bytes of vectors")
            assert vectors
        listing = urllib.request.urlopen("http://localhost:6116/data/plugins_listing").read()
        profiler = json.loads(listing).get("profile", {"enabled": False})
        if profiler["enabled"] and (folder / "train/plugins/profile").exists():
            for run in json.loads(ask("profile/runs")):
                page = ask("profile/data", run=run, tag="overview_page", host="ibex").decode()
                print(f"server      profile {run}, {page.count('Step train')} steps")
                assert "Step train" in page
    finally:
        server.terminate()
        server.wait()


def main():
    folder = pathlib.Path(sys.argv[1])
    check(folder)
    if "--serve" in sys.argv:
        serve(folder)


if __name__ == "__main__":
    main()
