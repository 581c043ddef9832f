"""Writes a DistilBERT sequence classifier's Hugging Face folder as ONNX, for comparing Coffey with ONNX Runtime.

    pip install torch transformers onnx onnxscript
    python tools/export_onnx.py FOLDER OUT.onnx
"""
import sys

import torch
from transformers import AutoModelForSequenceClassification


def main(folder, out):
    model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.ones(2, 16, dtype=torch.long)
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        model,
        (ids, torch.ones_like(ids)),
        out,
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
