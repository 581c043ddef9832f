"""How fast DistilBERT-base is in PyTorch on the card that `coffey doctor --gpu --json` timed: the same batches, and the ratio.

    bin/coffey doctor --gpu --precision bf16 --json > doctor.json
    python tools/compare_pytorch.py doctor.json

Needs torch and transformers, and for torch.compile a C compiler. Both run on the same card with nothing else on it. A batch goes in as token
ids in the host's memory and comes out as logits there, as doctor times it. Weights are random: only the time is compared. Equal
lengths need no padding and no mask; a mix of lengths is timed padded to its longest text, and sorted into batches of at most
BATCH texts, each padded to its longest. PyTorch runs as it is ("eager": scaled_dot_product_attention), as CUDA graphs, and
through torch.compile; the ratio is against the fastest of them.

--device cpu --layers 1 tries the script itself on a machine without a GPU; its figures then say nothing.
"""

import argparse
import json
import sys
import time

import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification

BATCH = 32
TIMINGS = 20
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Batch:
    """Texts padded to the longest: ids and, where there is padding, the mask, in pinned memory."""

    def __init__(self, lengths, vocabulary, device):
        longest = max(lengths)
        self.ids = torch.randint(vocabulary, (len(lengths), longest))
        padded = min(lengths) < longest
        self.mask = (torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)).long() if padded else None
        if device == "cuda":
            self.ids = self.ids.pin_memory()
            self.mask = self.mask.pin_memory() if padded else None


class Classifier(torch.nn.Module):
    """The model's logits. Without a mask its parts are called one by one: some versions of transformers make one otherwise, for
    which PyTorch takes a slower attention."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask):
        if mask is not None:
            return self.model(input_ids=ids, attention_mask=mask).logits
        embeddings = self.model.distilbert.embeddings(ids)
        hidden = self.model.distilbert.transformer(embeddings, None)[0]
        return self.model.classifier(torch.relu(self.model.pre_classifier(hidden[:, 0])))


def eager(model, batches, device):
    def run():
        results = []
        for batch in batches:
            ids = batch.ids.to(device, non_blocking=True)
            mask = None if batch.mask is None else batch.mask.to(device, non_blocking=True)
            results.append(model(ids, mask))
        return [logits.cpu() for logits in results]

    return run


def graphs(model, batches, device):
    """One CUDA graph a batch, inputs and results at fixed places."""
    recorded = []
    for batch in batches:
        ids = batch.ids.to(device)
        mask = None if batch.mask is None else batch.mask.to(device)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                model(ids, mask)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = model(ids, mask)
        recorded.append((batch, ids, mask, graph, logits))

    def run():
        for batch, ids, mask, graph, _ in recorded:
            ids.copy_(batch.ids, non_blocking=True)
            if mask is not None:
                mask.copy_(batch.mask, non_blocking=True)
            graph.replay()
        return [logits.cpu() for *_, logits in recorded]

    return run


def best(run):
    """Milliseconds of the fastest of TIMINGS runs after warming up; every run ends with the results in the host's memory."""
    for _ in range(3):
        run()
    times = []
    for _ in range(TIMINGS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def ways(model, compiled, batches, device):
    yield "eager", lambda: eager(model, batches, device)
    if device == "cuda":
        yield "CUDA graphs", lambda: graphs(model, batches, device)
    # Each shape is compiled anew, which takes a minute: only for one batch of one shape.
    if compiled is not None and len(batches) == 1:
        yield "torch.compile", lambda: eager(compiled, batches, device)
        if device == "cuda":
            yield "torch.compile, CUDA graphs", lambda: graphs(compiled, batches, device)


def batchings(lengths):
    yield ("equal" if min(lengths) == max(lengths) else "padded"), [lengths]
    if min(lengths) < max(lengths):
        ordered = sorted(lengths)
        yield f"sorted, {BATCH} a batch", [ordered[i : i + BATCH] for i in range(0, len(ordered), BATCH)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doctor", help="what doctor --gpu --json printed")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("compare_pytorch: torch sees no GPU; --device cpu tries the script without one")
    with open(options.doctor, encoding="utf-8") as file:
        doctor = json.load(file)
    if options.device == "cuda" and torch.cuda.get_device_name() not in doctor["backend_description"]:
        sys.exit(f"compare_pytorch: doctor ran on '{doctor['backend_description']}', torch sees {torch.cuda.get_device_name()}; run both on one card")
    precision = next((word for word in DTYPES if doctor["backend_description"].endswith(word)), "fp32")
    config = DistilBertConfig(n_layers=options.layers, num_labels=2, attn_implementation="sdpa")
    model = Classifier(DistilBertForSequenceClassification(config)).eval().to(options.device, DTYPES[precision])
    compiled = None if options.no_compile else torch.compile(model, dynamic=False)
    print(f"Coffey {doctor['version']}: {doctor['backend_description']}")
    print(f"PyTorch {torch.__version__}, {precision}; ms a batch, host to host; best of {TIMINGS}")
    print(f"{'tokens':>7} {'texts':>6} {'batching':22} {'way':27} {'PyTorch':>9} {'Coffey':>9} {'ratio':>6}")
    summary = []
    with torch.inference_mode():
        for sample in doctor["distilbert_base"]:
            fastest = None
            lengths = sample["lengths"]
            for batching, groups in batchings(lengths):
                batches = [Batch(group, config.vocab_size, options.device) for group in groups]
                for way, prepare in ways(model, compiled, batches, options.device):
                    try:
                        torch.compiler.reset()
                        milliseconds = best(prepare())
                    except Exception as failure:
                        print(f"{sample['tokens']:7} {len(lengths):6} {batching:22} {way:27} failed: {str(failure).splitlines()[0][:80]}")
                        continue
                    ratio = milliseconds / sample["milliseconds"]
                    print(f"{sample['tokens']:7} {len(lengths):6} {batching:22} {way:27} {milliseconds:9.3f} {sample['milliseconds']:9.3f} {ratio:6.2f}", flush=True)
                    if fastest is None or milliseconds < fastest[0]:
                        fastest = (milliseconds, f"{batching}, {way}")
            if fastest:
                summary.append((sample, fastest))
    print("\nagainst PyTorch's fastest (above 1: Coffey is faster)")
    for sample, (milliseconds, way) in summary:
        lengths = sample["lengths"]
        print(f"{sample['tokens']:7} tokens, {len(lengths)} texts of {min(lengths)} to {max(lengths)}: {milliseconds / sample['milliseconds']:.2f} ({way})")


if __name__ == "__main__":
    main()
