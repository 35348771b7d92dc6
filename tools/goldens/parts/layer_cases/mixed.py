"""Cases of layers: dtype policies other than float32."""

from . import table


def cases():
    for policy in ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16"):
        yield from table("Dense", f"dense_{policy}", (5,), {
            "": {"units": 3, "dtype": policy},
            "gelu": {"units": 4, "activation": "gelu", "dtype": policy},
            "softmax": {"units": 4, "activation": "softmax", "dtype": policy},
        }, policy=policy)
        yield from table("Conv2D", f"conv2d_{policy}", (6, 5, 3), {
            "": {"filters": 4, "kernel_size": 3, "activation": "relu", "dtype": policy},
        }, policy=policy)
        yield from table("BatchNormalization", f"batch_normalization_{policy}", (5,), {
            "": {"dtype": policy, "momentum": 0.8}}, scale=2.0, policy=policy)
        yield from table("LayerNormalization", f"layer_normalization_{policy}", (4, 6), {
            "": {"dtype": policy}}, scale=2.0, policy=policy)
        yield from table("Softmax", f"softmax_{policy}", (3, 5), {"": {"dtype": policy}},
                         policy=policy)
        yield from table("AveragePooling2D", f"average_pooling2d_{policy}", (6, 5, 3), {
            "": {"pool_size": 2, "dtype": policy}}, policy=policy)
        yield from table("Add", f"add_{policy}", [(3, 4), (3, 4)], {"": {"dtype": policy}},
                         policy=policy)
    yield from table("Embedding", "embedding_mixed_bfloat16", (6,), {
        "": {"input_dim": 7, "output_dim": 4, "dtype": "mixed_bfloat16"}}, input_dtype="int32",
        learning_rate=0.5, policy="mixed_bfloat16")
