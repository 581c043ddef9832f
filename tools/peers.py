"""A peer for `coffey bench peers`: runs a classifier when asked on standard input, a JSON object a line.

    python tools/peers.py onnxruntime FILE.onnx THREADS
    python tools/peers.py openvino FILE.onnx THREADS
    python tools/peers.py torch FOLDER THREADS
    python tools/peers.py serve FOLDER THREADS PORT
    python tools/peers.py infinity FOLDER THREADS PORT

The last two are servers instead, for `coffey bench server --target 127.0.0.1:PORT --model NAME`: behind KServe v2 over
gRPC, PyTorch one request at a time as a plain pipeline runs them, and Infinity's engine, which batches what waits (text
input only; pip install 'infinity_emb[torch]' 'transformers<4.49' 'optimum<2').

The others say {"detail": TEXT} first. To {"batches": IDS, "times": N}, ids by batch, text and token, they answer
{"seconds": S, "logits": LOGITS} after computing all batches N times: the seconds are for that alone. All in fp32;
shorter texts of a batch are padded, as a pipeline does.

    pip install numpy onnxruntime openvino torch transformers 'tritonclient[grpc]'     (those that you ask for)
"""
import json
import sys
import time

import numpy


def padded(batch):
    """Ids and mask of a batch, all texts as long as the longest."""
    tokens = max(len(text) for text in batch)
    ids = numpy.zeros((len(batch), tokens), dtype=numpy.int64)
    mask = numpy.zeros_like(ids)
    for row, text in enumerate(batch):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask


def onnxruntime(file, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = {each.name for each in session.get_inputs()}

    def run(ids, mask):
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        return session.run(None, {name: inputs[name] for name in names})[0]

    return f"ONNX Runtime {ort.__version__} (Python), fp32, {threads} threads", run


def openvino(file, threads):
    import openvino as ov

    core = ov.Core()
    # Without the hint it computes in bf16 where the processor can.
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(core.read_model(file), "CPU", settings)
    request = compiled.create_infer_request()
    names = [each.get_any_name() for each in compiled.inputs]

    def run(ids, mask):
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        request.infer({name: inputs[name] for name in names}, share_inputs=True)
        return request.get_output_tensor(0).data.copy()

    return f"OpenVINO {ov.__version__.split('-')[0]}, fp32, {threads} threads", run


def pytorch(folder, threads):
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).float().eval()

    def run(ids, mask):
        with torch.inference_mode():
            inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            return model(**inputs).logits.numpy()

    detail = f"PyTorch {torch.__version__}, transformers {transformers.__version__}, fp32, {threads} threads"
    return detail, run


def serve(folder, threads, port):
    import threading
    from concurrent import futures

    import grpc
    import transformers
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    detail, run = pytorch(folder, threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    # Two forward passes at once would fight for the cores.
    turn = threading.Lock()

    class Service(service_pb2_grpc.GRPCInferenceServiceServicer):
        def ModelInfer(self, request, context):
            inputs = dict(zip((each.name for each in request.inputs), request.raw_input_contents))
            shapes = {each.name: list(each.shape) for each in request.inputs}
            if "text" in inputs:
                # An element is its length in four bytes, then UTF-8.
                encoded = tokenizer(inputs["text"][4:].decode(), truncation=True)
                ids = numpy.array([encoded["input_ids"]], dtype=numpy.int64)
                mask = numpy.ones_like(ids)
            else:
                ids, mask = (
                    numpy.frombuffer(inputs[name], dtype=numpy.int64).reshape(shapes[name]).copy()
                    for name in ("input_ids", "attention_mask")
                )
            with turn:
                logits = run(ids, mask)
            output = {"name": "logits", "datatype": "FP32", "shape": logits.shape}
            return service_pb2.ModelInferResponse(
                model_name=request.model_name, outputs=[output], raw_output_contents=[logits.tobytes()]
            )

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Service(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"{detail}, on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


def infinity(folder, threads, port):
    import asyncio

    import grpc
    import infinity_emb
    import torch
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    torch.set_num_threads(threads)
    engine = infinity_emb.AsyncEmbeddingEngine.from_args(
        infinity_emb.EngineArgs(
            model_name_or_path=folder, engine="torch", device="cpu", dtype="float32", bettertransformer=False
        )
    )

    class Service(service_pb2_grpc.GRPCInferenceServiceServicer):
        async def ModelInfer(self, request, context):
            sentence = request.raw_input_contents[0][4:].decode()
            results, _ = await engine.classify(sentences=[sentence], raw_scores=True)
            scores = {each["label"]: each["score"] for each in results[0]}
            logits = numpy.array([[scores[label] for label in sorted(scores)]], dtype=numpy.float32)
            output = {"name": "logits", "datatype": "FP32", "shape": logits.shape}
            return service_pb2.ModelInferResponse(
                model_name=request.model_name, outputs=[output], raw_output_contents=[logits.tobytes()]
            )

    async def run():
        async with engine:
            server = grpc.aio.server()
            service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Service(), server)
            server.add_insecure_port(f"127.0.0.1:{port}")
            await server.start()
            print(f"Infinity, PyTorch {torch.__version__}, {threads} threads, on 127.0.0.1:{port}", flush=True)
            await server.wait_for_termination()

    asyncio.run(run())


PEERS = {"onnxruntime": onnxruntime, "openvino": openvino, "torch": pytorch}


def main(peer, model, threads):
    # Standard output is the protocol's: what a library prints goes elsewhere.
    answers, sys.stdout = sys.stdout, sys.stderr
    detail, run = PEERS[peer](model, int(threads))
    print(json.dumps({"detail": detail}), file=answers, flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        batches = [padded(batch) for batch in question["batches"]]
        start = time.perf_counter()
        for _ in range(question["times"]):
            results = [run(ids, mask) for ids, mask in batches]
        seconds = time.perf_counter() - start
        logits = [row for result in results for row in result.tolist()]
        print(json.dumps({"seconds": seconds, "logits": logits}), file=answers, flush=True)


if __name__ == "__main__":
    servers = {"serve": serve, "infinity": infinity}
    if len(sys.argv) == 5 and sys.argv[1] in servers:
        servers[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        sys.exit()
    if len(sys.argv) != 4 or sys.argv[1] not in PEERS:
        sys.exit(__doc__)
    main(*sys.argv[1:])
