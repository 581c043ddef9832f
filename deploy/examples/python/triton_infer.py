"""Calls a Coffey server with tritonclient, once with text and once with token ids.

    pip install 'tritonclient[grpc]'
    python triton_infer.py "a text" [host:port]
"""
import sys

import numpy as np
import tritonclient.grpc as grpc


def main(text, target="127.0.0.1:8500", model="distilbert-mini-sst2"):
    client = grpc.InferenceServerClient(target)
    assert client.is_server_live() and client.is_model_ready(model)
    metadata = client.get_model_metadata(model)
    print("inputs:", [tensor.name for tensor in metadata.inputs])

    words = grpc.InferInput("text", [1], "BYTES")
    words.set_data_from_numpy(np.array([text.encode("utf-8")], dtype=np.object_))
    logits = client.infer(model, [words]).as_numpy("logits")
    print("logits of the text:     ", logits.tolist())

    # The ids that the server's own tokenizer makes of "a warm , funny film that earns every one of its tears ."
    ids = np.array([[2, 43, 2360, 16, 942, 321, 219, 2876, 130, 609, 371, 193, 275, 5829, 18, 3]], dtype=np.int64)
    tokens = grpc.InferInput("input_ids", ids.shape, "INT64")
    tokens.set_data_from_numpy(ids)
    mask = grpc.InferInput("attention_mask", ids.shape, "INT64")
    mask.set_data_from_numpy(np.ones_like(ids))
    logits = client.infer(model, [tokens, mask]).as_numpy("logits")
    print("logits of the token ids:", logits.tolist())


if __name__ == "__main__":
    main(*sys.argv[1:])
