"""An event file written by TensorBoard itself, for `crates/ibex-format/tests/events.rs`.

    python -m venv VENV && VENV/bin/pip install tensorboard
    VENV/bin/python make_golden.py

The values are written down in the test too, which writes the same file and compares them.
"""

import pathlib

from tensorboard.compat.proto import attr_value_pb2, event_pb2, graph_pb2, summary_pb2
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.image import metadata as image
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/goldens/events"


def image_pb(tag, width, height, pictures):
    data = [str(width).encode(), str(height).encode(), *pictures]
    tensor = tensor_util.make_tensor_proto(data, dtype=DT_STRING)
    metadata = image.create_summary_metadata(None, None, converted_to_tensor=True)
    return summary_pb2.Summary(value=[
        summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def keras_pb(tag, json):
    metadata = summary_pb2.SummaryMetadata()
    metadata.plugin_data.plugin_name = "graph_keras_model"
    metadata.plugin_data.content = b"1"
    tensor = tensor_util.make_tensor_proto(json, dtype=DT_STRING)
    return summary_pb2.Summary(value=[
        summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def graph():
    definition = graph_pb2.GraphDef()
    definition.versions.producer = 22
    for name, op, inputs, shape in [("in", "InputLayer", [], [-1, 4]),
                                    ("block/dense", "Dense", ["in"], [-1, 2])]:
        node = definition.node.add(name=name, op=op, input=inputs)
        shapes = attr_value_pb2.AttrValue()
        dims = shapes.list.shape.add()
        for extent in shape:
            dims.dim.add(size=extent)
        node.attr["_output_shapes"].CopyFrom(shapes)
    return definition.SerializeToString()


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    session = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    events = [
        event_pb2.Event(file_version="brain.Event:2"),
        event_pb2.Event(step=2, session_log=session),
        event_pb2.Event(step=3, summary=scalar_pb("epoch_loss", 0.25)),
        event_pb2.Event(step=3, summary=histogram_pb(
            "dense/kernel/histogram", [-1.0, -0.5, 0.0, 0.25, 0.25, 3.0], buckets=5)),
        event_pb2.Event(step=3, summary=histogram_pb("same/histogram", [2.0, 2.0], buckets=3)),
        event_pb2.Event(step=3, summary=image_pb("image", 2, 1, [b"one", b"two"])),
        event_pb2.Event(summary=text_pb("summary", "two\nlines")),
        event_pb2.Event(summary=keras_pb("keras", '{"class_name": "Sequential"}')),
        event_pb2.Event(graph_def=graph()),
    ]
    with open(ROOT / "tensorboard.tfevents", "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            event.wall_time = 1.5
            writer.write(event.SerializeToString())
        writer.flush()


if __name__ == "__main__":
    main()
