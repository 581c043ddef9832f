"""Classifies texts with a Coffey server through stubs made by make_stubs.sh.

    pip install grpcio googleapis-common-protos
    python classify.py "a text" ["another text" ...]
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stubs"))

import grpc  # noqa: E402
from coffey.v1 import common_pb2, inference_pb2, inference_pb2_grpc  # noqa: E402


def main(texts, target="127.0.0.1:8500"):
    with grpc.insecure_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        request = inference_pb2.ClassifyRequest(inputs=[common_pb2.Input(text=text) for text in texts])
        response = stub.Classify(request, timeout=5)
        for text, result in zip(texts, response.results):
            if result.HasField("error"):
                print(f"{text}: {result.error.message}")
            else:
                best = result.classification.labels[0]
                print(f"{text}: {best.label} {best.score:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["a warm , funny film"])
