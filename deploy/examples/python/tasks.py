"""Calls the tasks that a Coffey server's models can do, and then some of them again on one stream.

    pip install grpcio googleapis-common-protos
    python tasks.py [host:port]
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stubs"))

import grpc  # noqa: E402
from coffey.v1 import common_pb2, inference_pb2, inference_pb2_grpc, model_pb2, model_pb2_grpc  # noqa: E402

TEXT = "Maria Keller keeps the log of the harbour in Oslo. Ships pay by length. In a storm the gates are closed."


def requests(model, tasks):
    """A request for each task of a model, as fields of a StreamRequest."""
    texts = [common_pb2.Input(text=TEXT)]
    if model_pb2.TASK_TAG in tasks:
        yield "tag", inference_pb2.TagRequest(model=model, inputs=texts)
    if model_pb2.TASK_ANSWER in tasks:
        question = inference_pb2.Question(question="Who keeps the log?", context=TEXT)
        yield "answer", inference_pb2.AnswerRequest(model=model, inputs=[question])
    if model_pb2.TASK_ZERO_SHOT in tasks:
        yield "zero_shot", inference_pb2.ZeroShotRequest(model=model, inputs=texts, labels=["ships", "sports"])
    if model_pb2.TASK_FILL_MASK in tasks:
        masked = [common_pb2.Input(text="The log of the [MASK].")]
        yield "fill_mask", inference_pb2.FillMaskRequest(model=model, inputs=masked, top_k=3)
    if model_pb2.TASK_RANK in tasks:
        documents = TEXT.split(". ")
        yield "rank", inference_pb2.RankRequest(model=model, query="ships", documents=documents, return_text=True)
    if model_pb2.TASK_SUMMARIZE in tasks:
        yield "summarize", inference_pb2.SummarizeRequest(model=model, inputs=texts, sentences=1)
    if model_pb2.TASK_CLASSIFY in tasks:
        yield "classify", inference_pb2.ClassifyRequest(model=model, inputs=texts)


def show(kind, response):
    """A line for what a response says."""
    for result in response.results:
        if result.HasField("error"):
            line = result.error.message
        elif kind == "tag":
            line = ", ".join(f"{entity.label} {entity.span.text}" for entity in result.tagging.entities)
        elif kind == "answer":
            line = ", ".join(f"{answer.span.text} {answer.score:.4f}" for answer in result.answers.answers)
        elif kind == "fill_mask":
            line = ", ".join(candidate.token for mask in result.masks.masks for candidate in mask.candidates)
        elif kind == "rank":
            line = f"{result.score:.4f} {result.text}"
        elif kind == "summarize":
            line = " ".join(sentence.span.text for sentence in result.summary.sentences)
        else:
            line = ", ".join(f"{label.label} {label.score:.4f}" for label in result.classification.labels)
        print(f"{response.info.model:20} {kind:10} {line}")


def main(target="127.0.0.1:8500"):
    with grpc.insecure_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        calls = {
            "tag": stub.Tag,
            "answer": stub.Answer,
            "zero_shot": stub.ZeroShot,
            "fill_mask": stub.FillMask,
            "rank": stub.Rank,
            "summarize": stub.Summarize,
            "classify": stub.Classify,
        }
        models = model_pb2_grpc.ModelServiceStub(channel).ListModels(model_pb2.ListModelsRequest(), timeout=5).models
        all_requests = [each for model in models for each in requests(model.name, model.tasks)]
        for kind, request in all_requests:
            show(kind, calls[kind](request, timeout=5))

        # The same on one call; the answers come when they are ready, each with its request's id.
        messages = (
            inference_pb2.StreamRequest(id=number, **{kind: request})
            for number, (kind, request) in enumerate(all_requests)
        )
        for response in stub.Stream(messages, timeout=5):
            print(f"stream: {response.id} is answered by {response.WhichOneof('response')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
